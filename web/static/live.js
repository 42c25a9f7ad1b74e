// Keeps the pictures on the page in step with the server. An event only says which picture
// changed; its markup is fetched, so that the templates alone decide how a card looks and who may
// see what.

import { announce } from "./announce.js";
import { one } from "./dom.js";
import { listen, notice } from "./events.js";
import { galleryView } from "./gallery.js";
import { imageView } from "./image.js";
import { HttpError } from "./swap.js";

/**
 * What a page with pictures does when they change.
 *
 * @typedef {object} LiveView
 * @property {(image: import("./events.js").ChangedImage) => boolean} shows Whether a picture is, or should be, on the page.
 * @property {(id: string) => Promise<void>} refresh Fetches the picture's markup anew.
 * @property {(id: string) => void} remove
 * @property {() => string[]} unfinished The pictures that are shown as being worked on.
 * @property {() => Promise<void>} compare Makes the page what it would be if it were opened now.
 */

// An import of many photos sends many events. Few pictures are fetched at a time, and one that
// changes again while it waits is fetched once.
const AT_ONCE = 3;
const TRIES = 5;
const FIRST_PAUSE_MS = 1000;

/** @type {LiveView | null} */
let view = null;
/** @type {Set<string>} */
const waiting = new Set();
/** @type {Set<string>} */
const running = new Set();
/** @type {Map<string, number>} */
const failures = new Map();

export function start() {
  document.addEventListener("submit", retryStep);
  const gallery = document.getElementById("gallery");
  const image = document.querySelector("[data-view-id]");
  if (gallery) view = galleryView(gallery, changed);
  else if (image instanceof HTMLElement) view = imageView(image);
  else return;
  const { shows, remove, unfinished, compare } = view;
  document.addEventListener("vitrine:uploaded", (event) => {
    if (event instanceof CustomEvent) changed(event.detail.id);
  });
  listen({
    image: (image) => {
      if (shows(image)) changed(image.id);
    },
    deleted: (image) => remove(image.id),
    opened: () => unfinished().forEach(changed),
    gap: () => {
      compare().catch(() => {});
    },
  });
}

/** @param {string} id */
function changed(id) {
  failures.delete(id);
  enqueue(id);
}

/** @param {string} id */
function enqueue(id) {
  waiting.add(id);
  pump();
}

function pump() {
  if (!view) return;
  const { refresh } = view;
  for (const id of waiting) {
    if (running.size >= AT_ONCE) return;
    if (running.has(id)) continue;
    waiting.delete(id);
    running.add(id);
    refresh(id)
      .then(() => failures.delete(id))
      .catch((error) => failed(id, error))
      .finally(() => {
        running.delete(id);
        pump();
      });
  }
}

/**
 * @param {string} id
 * @param {unknown} error
 */
function failed(id, error) {
  if (error instanceof HttpError && error.status === 404) return view?.remove(id);
  // This may have been the picture's last event: without another try it would stay out of date.
  const count = (failures.get(id) ?? 0) + 1;
  failures.set(id, count);
  if (count < TRIES) window.setTimeout(() => enqueue(id), FIRST_PAUSE_MS * 2 ** count);
  else failures.delete(id);
}

/**
 * Sends a retry form without leaving the page.
 *
 * @param {SubmitEvent} event
 */
async function retryStep(event) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.dataset.quiet) return;
  event.preventDefault();
  const button = one(form, "button", HTMLButtonElement);
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  /** @type {Response} */
  let response;
  try {
    response = await fetch(form.action, { method: "POST" });
  } catch {
    button.removeAttribute("aria-disabled");
    notice("The server could not be reached. Please try again.");
    announce("The server could not be reached.");
    return;
  }
  // Signed out meanwhile: the server redirected to the login page, whose address leads back here.
  if (response.redirected && new URL(response.url).pathname === "/login") return location.assign(response.url);
  // Sent again as a plain form, it shows the page on which the server explains why.
  if (!response.ok) return form.submit();
  announce("Trying again.");
  changed(form.dataset.quiet);
}
