// Rows of the explorer. Texts go in as text, never as HTML.
function element(name, { text = "", css = "", ...attributes } = {}, children = []) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  if (css) {
    made.className = css;
  }
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  return made;
}

const asPercent = (share) => `${Math.round(100 * share)} %`;

function answerLine(item, place) {
  const answer = item.answers[place];
  const said = known(answer)
    ? `${study.labels[answer.predicted]}, ${asPercent(answer.confidence)}, ${answer.right} of ${study.seeds} seeds right`
    : "no answer";
  return element("li", { text: `${study.ablations[place]}: ${said}` });
}

// Built when it is opened: a page of rows has many answers, and few are looked at.
function allAnswers(item) {
  const folded = element("details", { css: "all-answers" }, [element("summary", { text: "every ablation" })]);
  folded.addEventListener(
    "toggle",
    () => folded.append(element("ul", { css: "answers" }, study.ablations.map((_, place) => answerLine(item, place)))),
    { once: true },
  );
  return folded;
}

function rowOf(item, state) {
  const answer = item.answers[state.by];
  const has = known(answer);
  const verdict = !has ? "" : isRight(item, state.by) ? "right" : "wrong";
  const text = element("span", { text: item.text, dir: "auto" });
  return element("tr", {}, [
    element("th", { scope: "row" }, [text, allAnswers(item)]),
    element("td", { css: "words", text: study.labels[item.label] }),
    element("td", { text: item.words }),
    element("td", { css: `words ${verdict}`.trim(), text: has ? study.labels[answer.predicted] : "–" }),
    element("td", { text: has ? asPercent(answer.confidence) : "–" }),
    element("td", { text: has ? distance(item, state.by) : "–" }),
    element("td", { text: has ? `${answer.right} of ${study.seeds}` : "–" }),
    element("td", { text: `${item.runs} of ${study.seeds * study.ablations.length}` }),
  ]);
}
