// Endless scrolling over ordinary pages: fetches the page behind "Load more" shortly before it is
// needed and appends its cards. The link stays, for those who prefer it and after an error.

import { announce } from "./announce.js";
import { all, closest, one } from "./dom.js";
import { arrive, fetchPage } from "./swap.js";

const AHEAD = "900px 0px";

export function start() {
  const gallery = one(document, "#gallery", HTMLElement);
  const more = one(document, "#more", HTMLElement);
  let isLoading = false;
  let hasFailed = false;

  const near = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting) && !hasFailed) load();
    },
    { rootMargin: AHEAD },
  );
  near.observe(more);

  more.addEventListener("click", (event) => {
    if (!closest(event, "a") || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    load();
  });

  async function load() {
    const link = more.querySelector("a");
    if (!link || isLoading) return;
    isLoading = true;
    link.classList.add("is-loading");
    link.textContent = "Loading…";
    try {
      const page = await fetchPage(link.href);
      const cards = all(page, "#gallery > [data-image-id]")
        .filter((card) => !document.getElementById(card.id))
        .map((card) => document.importNode(card, true));
      const hadFocus = more.contains(document.activeElement);
      gallery.append(...cards);
      cards.forEach(arrive);
      more.replaceChildren(...page.querySelectorAll("#more > a"));
      more.hidden = !more.firstElementChild;
      hasFailed = false;
      // The link that had the focus is gone. Reading goes on with the first new picture.
      if (hadFocus) cards[0]?.querySelector("a")?.focus({ preventScroll: true });
      announce(cards.length === 1 ? "1 more picture." : `${cards.length} more pictures.`);
    } catch {
      hasFailed = true;
      link.classList.remove("is-loading");
      link.textContent = "Could not load more. Try again";
      announce("Could not load more pictures.");
    }
    isLoading = false;
    // The observer reports only changes. If the link is still in sight after a short page, this
    // makes it report once more.
    near.unobserve(more);
    near.observe(more);
  }
}
