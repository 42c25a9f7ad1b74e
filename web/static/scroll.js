// Endless scroll over ordinary pages: fetches the page behind "Load more" shortly before it is
// needed and appends its cards. The link stays for those who prefer it, and after an error.

import { announce } from "./announce.js";
import { arrive, fetchPage } from "./swap.js";

export function start() {
  const gallery = document.getElementById("gallery");
  const more = document.getElementById("more");
  let loading = false;
  let failed = false;

  const near = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting) && !failed) load();
    },
    { rootMargin: "900px 0px" },
  );
  near.observe(more);

  more.addEventListener("click", (event) => {
    if (!event.target.closest("a") || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    load();
  });

  async function load() {
    const link = more.querySelector("a[rel=next]");
    if (!link || loading) return;
    loading = true;
    link.classList.add("is-loading");
    link.textContent = "Loading…";
    try {
      const page = await fetchPage(link.href);
      const cards = [...page.querySelectorAll("#gallery > [data-image-id]")]
        .filter((card) => !document.getElementById(card.id))
        .map((card) => document.importNode(card, true));
      gallery.append(...cards);
      cards.forEach(arrive);
      more.replaceChildren(...page.querySelectorAll("#more > a"));
      more.hidden = !more.firstElementChild;
      failed = false;
      announce(`${cards.length} more pictures.`);
    } catch {
      failed = true;
      link.classList.remove("is-loading");
      link.textContent = "Could not load more. Try again";
      announce("Could not load more pictures.");
    }
    loading = false;
    // Still in sight after a short page: observe afresh, which reports at once.
    near.unobserve(more);
    near.observe(more);
  }
}
