// Paper cannot be unfolded: what is closed is opened for printing, and closed again after it.
let opened = [];

addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open], .all-answers)")];
  for (const folded of opened) {
    folded.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const folded of opened) {
    folded.open = false;
  }
});
