// Marks the section that is being read in the navigation.
const links = new Map(
  [...document.querySelectorAll(".bar a")].map((link) => [link.getAttribute("href").slice(1), link]),
);

function markSection(name) {
  for (const [id, link] of links) {
    if (id === name) {
      link.setAttribute("aria-current", "true");
      // Only sideways: scrollIntoView would move the page as well.
      const list = link.closest("ul");
      list.scrollLeft = link.offsetLeft - list.offsetLeft - (list.clientWidth - link.offsetWidth) / 2;
    } else {
      link.removeAttribute("aria-current");
    }
  }
}

const reading = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        markSection(entry.target.id);
      }
    }
  },
  { rootMargin: "-30% 0px -69% 0px" },
);
for (const name of links.keys()) {
  reading.observe(document.getElementById(name));
}
