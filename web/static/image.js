// The page of one picture, kept up to date part by part. See live.js.

import { announce } from "./announce.js";
import { all, one } from "./dom.js";
import { endPermanentNotice, permanentNotice } from "./events.js";
import { fetchPage, HttpError, swap } from "./swap.js";

/**
 * @param {HTMLElement} view
 * @returns {import("./live.js").LiveView}
 */
export function imageView(view) {
  const id = view.dataset.viewId ?? "";
  let isGone = false;
  const state = () => one(view, '[data-live="head"]', HTMLElement).dataset.state;

  async function refresh() {
    const page = await fetchPage(location.pathname + location.search);
    const before = state();
    for (const part of all(view, "[data-live]")) {
      const fresh = all(page, `[data-live="${part.dataset.live}"]`)[0];
      if (fresh) swap(part, fresh);
    }
    // It was withdrawn, or hidden until its copy was made anew, and is shown again.
    if (isGone) endPermanentNotice();
    isGone = false;
    if (state() !== before) announce(state() === "ready" ? "This picture is ready." : "This picture changed.");
    document.dispatchEvent(new CustomEvent("vitrine:swapped"));
  }

  /** @param {string} deleted */
  function remove(deleted) {
    if (deleted !== id) return;
    isGone = true;
    // For visitors a picture is gone at once, whether it was deleted or withdrawn.
    if (!view.querySelector(".tasks")) one(view, ".stage", HTMLElement).replaceChildren();
    permanentNotice(view.querySelector(".tasks") ? "This picture was deleted." : "This picture is no longer shown.");
  }

  async function compare() {
    try {
      await refresh();
    } catch (error) {
      if (error instanceof HttpError && error.status === 404) remove(id);
    }
  }

  return {
    shows: (image) => image.id === id,
    refresh,
    remove,
    unfinished: () => (state() === "working" ? [id] : []),
    compare,
  };
}
