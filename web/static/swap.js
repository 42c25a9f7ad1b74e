// Replaces a part of the page by a newer version of itself without anyone losing their place:
// the focused element, open details, ticked boxes and sideways scrolling survive. Pictures that
// are already shown are kept, so nothing flickers.

import { prepare } from "./pictures.js";

export async function fetchPage(url, signal) {
  const response = await fetch(url, { headers: { Accept: "text/html" }, signal });
  if (!response.ok) {
    const error = new Error(`${url}: ${response.status}`);
    error.status = response.status;
    throw error;
  }
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

export function swap(before, after) {
  const fresh = document.importNode(after, true);
  if (before.isEqualNode(fresh)) return before;
  const focused = before.contains(document.activeElement) ? document.activeElement : null;
  const path = focused && locate(before, focused);
  for (const old of before.querySelectorAll("details[id], input[type=checkbox][id]")) {
    const same = fresh.querySelector(`#${CSS.escape(old.id)}`);
    if (same) {
      same.open = old.open;
      same.checked = old.checked;
    }
  }
  keepPictures(before, fresh);
  const strip = before.querySelector(".strip")?.scrollLeft ?? 0;
  before.replaceWith(fresh);
  if (strip) fresh.querySelector(".strip")?.scrollTo({ left: strip, behavior: "instant" });
  if (focused) path(fresh)?.focus({ preventScroll: true });
  prepare(fresh);
  return fresh;
}

// Something new comes in softly; what is only renewed must not.
export function arrive(element) {
  prepare(element);
  element.classList.add("is-new");
  element.addEventListener("animationend", () => element.classList.remove("is-new"), { once: true });
}

// A way to the same element in another version: by id if it has one, else the link or button
// with the same target, else the first thing there that takes focus.
function locate(root, element) {
  const first = (part) => part.querySelector("a[href], button, summary, input");
  if (element === root) return (part) => part;
  if (element.id) return (part) => part.querySelector(`#${CSS.escape(element.id)}`) ?? first(part);
  const href = element.getAttribute("href");
  if (href) return (part) => part.querySelector(`a[href="${CSS.escape(href)}"]`) ?? first(part);
  const place = [...root.querySelectorAll(element.localName)].indexOf(element);
  return (part) => part.querySelectorAll(element.localName)[place] ?? first(part);
}

function keepPictures(before, fresh) {
  const shown = new Map();
  for (const image of before.querySelectorAll("img")) shown.set(image.src + image.className, image);
  for (const image of fresh.querySelectorAll("img")) {
    const old = shown.get(image.src + image.className);
    if (!old) continue;
    old.alt = image.alt;
    image.replaceWith(old);
  }
}
