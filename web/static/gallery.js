// The cards of the gallery, kept up to date. See live.js.

import { announce } from "./announce.js";
import { all, one } from "./dom.js";
import { arrive, fetchPage, swap } from "./swap.js";

const CARD = "[data-image-id]";

/**
 * @param {HTMLElement} gallery
 * @param {(id: string) => void} changed Fetches a picture soon.
 * @returns {import("./live.js").LiveView}
 */
export function galleryView(gallery, changed) {
  /** @param {import("./events.js").ChangedImage} image */
  function shows(image) {
    if (cardOf(image.id)) return true;
    // Where a new picture ranks among the results of a search, or whether it is one, is not known.
    if (searchedFor() || new URLSearchParams(location.search).has("after")) return false;
    const last = all(gallery, CARD).at(-1);
    return !last || !hasMore(document) || new Date(image.uploaded_at ?? 0).getTime() >= timeOf(last);
  }

  /** @param {string} id */
  async function refresh(id) {
    const words = searchedFor();
    const query = words ? `?q=${encodeURIComponent(words)}` : "";
    const page = await fetchPage(`/images/${encodeURIComponent(id)}/card${query}`);
    all(page, CARD).slice(0, 1).forEach(place);
  }

  /** @param {HTMLElement} card */
  function place(card) {
    const before = cardOf(idOf(card));
    const stateBefore = before?.dataset.state;
    const after = before ? swap(before, card) : insert(card);
    if (after && after.dataset.state !== stateBefore) tell(after, !before);
  }

  /**
   * Inserts a card by its time, so that an old picture which changed does not jump to the top.
   *
   * @param {HTMLElement} card
   */
  function insert(card) {
    const fresh = document.importNode(card, true);
    const next = all(gallery, CARD).find((other) => timeOf(other) <= timeOf(fresh));
    // It belongs to a page that is not loaded yet.
    if (!next && hasMore(document)) return null;
    gallery.insertBefore(fresh, next ?? null);
    arrive(fresh);
    showEmpty();
    return fresh;
  }

  /** @param {string} id */
  function remove(id) {
    const card = cardOf(id);
    if (!card) return;
    const neighbour = card.nextElementSibling ?? card.previousElementSibling;
    const frame = card.contains(document.activeElement) ? neighbour?.querySelector("a.frame") : null;
    card.remove();
    if (frame instanceof HTMLElement) frame.focus();
    showEmpty();
  }

  async function compare() {
    const page = await fetchPage(location.href);
    const fresh = all(page, `#gallery > ${CARD}`);
    const ids = new Set(fresh.map(idOf));
    const missing = all(gallery, CARD).filter((card) => !ids.has(idOf(card)));
    if (searchedFor()) {
      // Results are ranked, so a missing one may just have moved to a later page.
      for (const card of missing) changed(idOf(card));
    } else if (hasMore(page) && fresh.length > 0 && !fresh.some((card) => cardOf(idOf(card)))) {
      // More pictures are new than fit on a page. Some between them and those shown here would
      // never appear, so the gallery begins anew.
      return restart(page, fresh);
    } else {
      const last = fresh.at(-1);
      const end = hasMore(page) && last ? timeOf(last) : -Infinity;
      for (const card of missing) {
        if (timeOf(card) > end) remove(idOf(card));
        else if (card.dataset.state === "working") changed(idOf(card));
      }
    }
    for (const card of fresh) if (!searchedFor() || cardOf(idOf(card))) place(card);
  }

  /**
   * @param {Document} page
   * @param {HTMLElement[]} cards
   */
  function restart(page, cards) {
    const fresh = cards.map((card) => document.importNode(card, true));
    gallery.replaceChildren(...fresh);
    fresh.forEach(arrive);
    const more = one(document, "#more", HTMLElement);
    more.replaceChildren(...page.querySelectorAll("#more > a"));
    more.hidden = !more.firstElementChild;
    showEmpty();
    announce("The gallery was loaded again, because many pictures are new.");
  }

  /** @param {string} id */
  function cardOf(id) {
    return all(gallery, `[data-image-id="${CSS.escape(id)}"]`)[0];
  }

  function showEmpty() {
    one(document, "#empty", HTMLElement).hidden = Boolean(gallery.querySelector(CARD));
  }

  const unfinished = () => all(gallery, `${CARD}[data-state="working"]`).map(idOf);

  return { shows, refresh, remove, unfinished, compare };
}

/** The words that this page is the answer to. */
function searchedFor() {
  return new URLSearchParams(location.search).get("q")?.trim();
}

/** @param {HTMLElement} card */
function idOf(card) {
  return card.dataset.imageId ?? "";
}

/** @param {HTMLElement} card */
function timeOf(card) {
  return new Date(one(card, "time", HTMLTimeElement).dateTime).getTime();
}

/** @param {Document} page */
function hasMore(page) {
  return Boolean(page.querySelector("#more a"));
}

/**
 * @param {HTMLElement} card
 * @param {boolean} isNew
 */
function tell(card, isNew) {
  switch (card.dataset.state) {
    case "working":
      return announce(isNew ? "A new picture is being prepared." : "A picture is being prepared again.");
    case "ready":
      return announce(`Picture ready: ${one(card, ".caption", HTMLElement).textContent}`);
    case "failed":
      return announce("A picture could not be finished.");
    case "blocked":
      return announce("A picture was refused by the description service.");
  }
}
