// The test items: what stands in the page's data block, and what can be asked of one item.
const block = document.getElementById("explorer-data");
const study = block ? JSON.parse(block.textContent) : null;

function unpack([id, text, label, words, numbers]) {
  const answers = study.ablations.map((_, place) => {
    const [predicted, confidence, right] = numbers.slice(3 * place, 3 * place + 3);
    return { predicted, confidence, right };
  });
  const runs = answers.reduce((sum, answer) => sum + answer.right, 0);
  return { id, text, folded: text.toLowerCase(), label, words, answers, runs };
}

const items = study ? study.items.map(unpack) : [];

const known = (answer) => answer.predicted >= 0;
const isRight = (item, by) => item.answers[by].predicted === item.label;
const isWrong = (item, by) => known(item.answers[by]) && !isRight(item, by);
const distance = (item, by) =>
  known(item.answers[by]) ? Math.abs(item.answers[by].predicted - item.label) : -1;

// By the values of the form's "Show".
const STATUSES = {
  all: () => true,
  wrong: (item, state) => isWrong(item, state.by),
  confident: (item, state) => isWrong(item, state.by),
  hopeless: (item) => item.runs === 0,
  fixed: (item, state) => isRight(item, state.by) && isWrong(item, state.versus),
  broken: (item, state) => isWrong(item, state.by) && isRight(item, state.versus),
  adjacent: (item, state) => distance(item, state.by) === 1,
  far: (item, state) => distance(item, state.by) > 1,
};

// By the keys of the columns: what to sort by, and the direction that a first click asks for.
const COLUMNS = {
  text: { value: (item) => item.folded, first: "ascending" },
  label: { value: (item) => item.label, first: "ascending" },
  words: { value: (item) => item.words, first: "descending" },
  predicted: { value: (item, state) => item.answers[state.by].predicted, first: "ascending" },
  confidence: { value: (item, state) => item.answers[state.by].confidence, first: "descending" },
  distance: { value: (item, state) => distance(item, state.by), first: "descending" },
  right: { value: (item, state) => item.answers[state.by].right, first: "ascending" },
  runs: { value: (item) => item.runs, first: "ascending" },
};

function chosenItems(state) {
  const sought = state.text.trim().toLowerCase();
  const fits = STATUSES[state.status];
  const { value } = COLUMNS[state.sort];
  const sign = state.order === "descending" ? -1 : 1;
  return items
    .filter(
      (item) =>
        fits(item, state) &&
        (state.label === "" || item.label === state.label) &&
        (state.said === "" || item.answers[state.by].predicted === state.said) &&
        item.folded.includes(sought),
    )
    .map((item) => [value(item, state), item])
    .sort(([a], [b]) => sign * (a < b ? -1 : a > b ? 1 : 0))
    .map(([, item]) => item);
}
