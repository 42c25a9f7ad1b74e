// Going through pictures from the keyboard. Keys never act while someone types or holds a
// modifier, and the single letters can be switched off (WCAG 2.1.4) in the list behind "?".

import { all, closest, one } from "./dom.js";

const STORAGE_KEY = "vitrine-letter-keys";
const TYPING = "input, textarea, select, [contenteditable], summary";

export function start() {
  const sheet = one(document, "#shortcuts", HTMLDialogElement);
  const letters = one(document, "#letter-keys", HTMLInputElement);
  letters.checked = read() !== "off";
  letters.addEventListener("change", () => write(letters.checked ? "on" : "off"));
  for (const button of all(document, "[data-open]")) {
    button.hidden = false;
    button.addEventListener("click", () => one(document, `#${button.dataset.open}`, HTMLDialogElement).showModal());
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const typing = closest(event, TYPING);
    if (typing) {
      if (event.key === "Escape") typing.blur();
      return;
    }
    if (event.key.length === 1 && !letters.checked) return;
    // A strip that scrolls sideways uses the arrow keys itself.
    const strip = closest(event, ".strip");
    if (event.key.startsWith("Arrow") && strip && scrollsSideways(strip)) return;
    if (act(event.key, sheet)) event.preventDefault();
  });
}

/**
 * Does what the key stands for; false if it stands for nothing on this page.
 *
 * @param {string} key
 * @param {HTMLDialogElement} sheet
 */
function act(key, sheet) {
  switch (key) {
    case "ArrowRight":
    case "j":
      return step(1);
    case "ArrowLeft":
    case "k":
      return step(-1);
    case "Escape":
      return up();
    case "u":
      return upload();
    case "z":
      return press(all(document, "[data-zoom]")[0]);
    case "/":
      return focus(all(document, "input[type=search]")[0]) || go("/gallery");
    case "?":
      sheet.showModal();
      return true;
    default:
      return false;
  }
}

/** @param {1 | -1} by */
function step(by) {
  if (document.querySelector("[data-view-id]")) return press(document.getElementById(by > 0 ? "next" : "previous"));
  const frames = all(document, "#gallery .frame");
  if (frames.length === 0) return false;
  const card = document.activeElement?.closest(".card");
  const current = frames.findIndex((frame) => frame.closest(".card") === card);
  // Without a focused picture, begin with the first one in sight.
  const visible = frames.findIndex((frame) => frame.getBoundingClientRect().bottom > 0);
  const target = current < 0 ? Math.max(visible, 0) : current + by;
  return focus(frames[Math.min(Math.max(target, 0), frames.length - 1)]);
}

function up() {
  const link = all(document, "[data-up]")[0];
  if (!link) return false;
  if (cameFromGallery() && history.length > 1) history.back();
  else link.click();
  return true;
}

/** Going back instead of following the link keeps the place in the gallery. */
function cameFromGallery() {
  if (!document.referrer) return false;
  const from = new URL(document.referrer);
  return from.origin === location.origin && ["/", "/gallery"].includes(from.pathname);
}

function upload() {
  return focus(document.getElementById("files")) || (document.querySelector('a[href="/#upload"]') ? go("/#upload") : false);
}

/** @param {HTMLElement | null | undefined} element */
function press(element) {
  element?.click();
  return Boolean(element);
}

/** @param {HTMLElement | null | undefined} element */
function focus(element) {
  element?.focus();
  element?.scrollIntoView({ block: "nearest" });
  return Boolean(element);
}

/** @param {string} url */
function go(url) {
  location.assign(url);
  return true;
}

/** @param {HTMLElement} element */
function scrollsSideways(element) {
  return element.scrollWidth > element.clientWidth + 1;
}

// Where the browser refuses storage, the choice lasts as long as the page.
function read() {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

/** @param {string} value */
function write(value) {
  try {
    localStorage.setItem(STORAGE_KEY, value);
  } catch {
    // See above.
  }
}
