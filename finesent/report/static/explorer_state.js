// What the reader has chosen, and its form in the address: #explorer?by=after-n&status=fixed
const NUMBERS = ["label", "said", "by", "versus"];
const PREFIX = "#explorer?";

function initialState() {
  const others = study.ablations.map((_, place) => place).filter((place) => !isBaseline(place));
  return {
    text: "",
    by: others.at(-1) ?? 0,
    status: "all",
    versus: Math.max(0, study.ablations.indexOf(study.baseline)),
    label: "",
    said: "",
    sort: "runs",
    order: "ascending",
    page: 1,
  };
}

function isBaseline(place) {
  return study.ablations[place] === study.baseline;
}

// Ablations stand in the address by name, so that a link survives an ablation more or less.
function toAddress(state) {
  const start = initialState();
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    if (value !== start[key]) {
      query.set(key, key === "by" || key === "versus" ? study.ablations[value] : value);
    }
  }
  const text = query.toString();
  return text ? PREFIX + text : "#explorer";
}

// Whatever the address does not say, or says wrongly, stays as it is at the start.
function fromAddress(address) {
  const state = initialState();
  if (!address.startsWith(PREFIX)) {
    return state;
  }
  for (const [key, text] of new URLSearchParams(address.slice(PREFIX.length))) {
    const value = meaning(key, text);
    if (Object.hasOwn(state, key) && value !== null) {
      state[key] = value;
    }
  }
  return state;
}

function meaning(key, text) {
  if (key === "by" || key === "versus") {
    const place = study.ablations.indexOf(text);
    return place < 0 ? null : place;
  }
  if (key === "label" || key === "said") {
    return /^\d+$/.test(text) && Number(text) < study.labels.length ? Number(text) : null;
  }
  if (key === "page") {
    return /^[1-9]\d*$/.test(text) ? Number(text) : null;
  }
  const choices = { status: Object.keys(STATUSES), sort: Object.keys(COLUMNS), order: ["ascending", "descending"] };
  return Object.hasOwn(choices, key) && !choices[key].includes(text) ? null : text;
}
