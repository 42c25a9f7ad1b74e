// Replaces a part of the page by a newer version of itself. Focus, open details, ticked boxes and
// sideways scrolling survive. Pictures that are already shown are kept, so that nothing flickers.

import { prepare } from "./pictures.js";
import { showLocalTimes } from "./times.js";

const TIMEOUT_MS = 30_000;

/** An answer that is not a success. */
export class HttpError extends Error {
  /**
   * @param {string} url
   * @param {number} status
   */
  constructor(url, status) {
    super(`${url}: ${status}`);
    this.status = status;
  }
}

/**
 * Fetches a page, or a part of one. Throws {@link HttpError} unless the answer is a success.
 *
 * @param {string} url
 */
export async function fetchPage(url) {
  const response = await fetch(url, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new HttpError(url, response.status);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/**
 * Puts `after` in the place of `before`, and returns what is in the page then: `before` itself if
 * they are the same.
 *
 * @param {HTMLElement} before
 * @param {HTMLElement} after
 */
export function swap(before, after) {
  const fresh = document.importNode(after, true);
  showLocalTimes(fresh);
  if (before.isEqualNode(fresh)) return before;
  const focused = before.contains(document.activeElement) ? document.activeElement : null;
  const locate = focused && locator(before, focused);
  keepChoices(before, fresh);
  keepPictures(before, fresh);
  const scrolled = before.querySelector(".strip")?.scrollLeft ?? 0;
  before.replaceWith(fresh);
  if (scrolled) fresh.querySelector(".strip")?.scrollTo({ left: scrolled, behavior: "instant" });
  const target = locate?.(fresh);
  if (target instanceof HTMLElement) target.focus({ preventScroll: true });
  prepare(fresh);
  return fresh;
}

/**
 * Fades in an element that is new to the page. Elements that are only replaced do not fade.
 *
 * @param {HTMLElement} element
 */
export function arrive(element) {
  showLocalTimes(element);
  prepare(element);
  element.classList.add("is-new");
  element.addEventListener("animationend", () => element.classList.remove("is-new"), { once: true });
}

/**
 * @param {Element} before
 * @param {Element} fresh
 */
function keepChoices(before, fresh) {
  for (const old of before.querySelectorAll("details[id], input[type=checkbox][id]")) {
    const same = fresh.querySelector(`#${CSS.escape(old.id)}`);
    if (old instanceof HTMLDetailsElement && same instanceof HTMLDetailsElement) same.open = old.open;
    if (old instanceof HTMLInputElement && same instanceof HTMLInputElement) same.checked = old.checked;
  }
}

/**
 * Returns a function that finds the counterpart of `element` in another version of `root`: the one
 * with the same id, else the link with the same target, else the control at the same position,
 * else the first one that takes focus.
 *
 * @param {Element} root
 * @param {Element} element
 * @returns {(part: Element) => Element | null}
 */
function locator(root, element) {
  const first = (/** @type {Element} */ part) => part.querySelector("a[href], button, summary, input");
  if (element === root) return (part) => part;
  if (element.id) return (part) => part.querySelector(`#${CSS.escape(element.id)}`) ?? first(part);
  const href = element.getAttribute("href");
  if (href) return (part) => part.querySelector(`a[href="${CSS.escape(href)}"]`) ?? first(part);
  const position = [...root.querySelectorAll(element.localName)].indexOf(element);
  return (part) => part.querySelectorAll(element.localName)[position] ?? first(part);
}

/**
 * @param {Element} before
 * @param {Element} fresh
 */
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
