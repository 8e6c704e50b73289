// Ties the explorer's form, table and address together.
const PAGE_SIZE = 25;

function startExplorer() {
  const form = document.getElementById("controls");
  const region = document.getElementById("items");
  const body = region.querySelector("tbody");
  const heads = [...region.querySelectorAll("th[aria-sort]")];
  const found = document.getElementById("found");
  const pageText = document.getElementById("page");
  const previous = document.getElementById("previous");
  const next = document.getElementById("next");
  let state = fromAddress(location.hash);

  function draw() {
    const chosen = chosenItems(state);
    const pages = Math.max(1, Math.ceil(chosen.length / PAGE_SIZE));
    state.page = Math.min(state.page, pages);
    const first = (state.page - 1) * PAGE_SIZE;
    const shown = chosen.slice(first, first + PAGE_SIZE);
    body.replaceChildren(...shown.map((item) => rowOf(item, state)));
    for (const head of heads) {
      const sorted = head.firstElementChild.dataset.sort === state.sort;
      head.setAttribute("aria-sort", sorted ? state.order : "none");
    }
    const range = shown.length ? `, showing ${first + 1} to ${first + shown.length}` : "";
    found.textContent = `${chosen.length.toLocaleString("en")} of ${items.length.toLocaleString("en")} items${range}`;
    pageText.textContent = `page ${state.page} of ${pages}`;
    previous.setAttribute("aria-disabled", String(state.page === 1));
    next.setAttribute("aria-disabled", String(state.page === pages));
  }

  function fillForm() {
    for (const key of ["text", "status", ...NUMBERS]) {
      form.elements[key].value = state[key];
    }
    markVersus();
  }

  // The other ablation matters to two of the choices only.
  function markVersus() {
    form.elements.versus.disabled = !["fixed", "broken"].includes(state.status);
  }

  function change(changes) {
    state = { ...state, page: 1, ...changes };
    markVersus();
    draw();
    history.replaceState(null, "", toAddress(state));
  }

  form.addEventListener("input", (event) => {
    const { name, value } = event.target;
    const changes = { [name]: NUMBERS.includes(name) && value !== "" ? Number(value) : value };
    if (name === "status" && value === "confident") {
      Object.assign(changes, { sort: "confidence", order: "descending" });
    }
    change(changes);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    change(initialState());
    fillForm();
  });
  for (const head of heads) {
    const key = head.firstElementChild.dataset.sort;
    head.firstElementChild.addEventListener("click", () => {
      const turned = state.order === "ascending" ? "descending" : "ascending";
      change({ sort: key, order: state.sort === key ? turned : COLUMNS[key].first });
    });
  }
  const turn = (button, step) =>
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-disabled") !== "true") {
        change({ page: state.page + step });
      }
    });
  turn(previous, -1);
  turn(next, 1);

  function follow() {
    if (location.hash.startsWith(PREFIX)) {
      state = fromAddress(location.hash);
      fillForm();
      draw();
      document.getElementById("explorer").scrollIntoView();
    }
  }
  addEventListener("hashchange", follow);

  document.getElementById("hardest").hidden = true;
  form.hidden = false;
  region.hidden = false;
  fillForm();
  draw();
  follow();
}

if (study) {
  startExplorer();
}
