// A region that has nothing to scroll is no stop for the keyboard.
const fitting = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const region = target.closest(".scroll");
    const scrolls = region.scrollWidth > region.clientWidth || region.scrollHeight > region.clientHeight;
    region.tabIndex = scrolls ? 0 : -1;
  }
});
for (const region of document.querySelectorAll(".scroll")) {
  fitting.observe(region);
  fitting.observe(region.firstElementChild);
}
