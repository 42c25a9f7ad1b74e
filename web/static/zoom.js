// Shows a rendition in full without leaving the page: fitted to the screen, at full size with a
// click, and from one rendition to the next at the same spot. Without scripts the same links open
// the file. Also: the links above the strip on a phone, and the button that copies the
// description.

import { announce } from "./announce.js";
import { all, closest, one } from "./dom.js";

export function start() {
  const dialog = one(document, "#zoom", HTMLDialogElement);
  const stage = one(dialog, ".zoom-stage", HTMLElement);
  const picture = one(stage, "img", HTMLImageElement);
  const label = one(dialog, "[data-zoom-label]", HTMLElement);
  const choices = one(dialog, "[data-zoom-switch]", HTMLElement);
  // The label of the rendition that is shown. Not its link: a live update replaces that.
  let shown = "";

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = closest(event, "a[data-zoom]");
    if (!(link instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    stage.classList.remove("is-full");
    show(link);
    dialog.showModal();
    stage.focus();
  });
  stage.addEventListener("click", (event) => toggle(event));
  dialog.addEventListener("keydown", (event) => {
    if (event.target === stage && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      toggle();
    }
    // At full size the arrow keys scroll.
    if (stage.classList.contains("is-full")) return;
    if (event.key === "ArrowRight") step(1);
    if (event.key === "ArrowLeft") step(-1);
  });
  dialog.addEventListener("close", () => {
    picture.removeAttribute("src");
    all(document, `a[data-zoom="${CSS.escape(shown)}"]`)[0]?.focus({ preventScroll: true });
  });

  /** @param {HTMLAnchorElement} link */
  function show(link) {
    shown = link.dataset.zoom ?? "";
    // A browser that cannot show the original has chosen another picture for the page.
    const chosen = link.querySelector("picture > img");
    picture.src = chosen instanceof HTMLImageElement && chosen.currentSrc ? chosen.currentSrc : link.href;
    picture.alt = link.querySelector("img.full")?.getAttribute("alt") ?? "";
    const links = fullSize();
    label.textContent = links.includes(link) && links.length > 1 ? "" : shown;
    const hadFocus = choices.contains(document.activeElement);
    choices.replaceChildren(...links.map((other) => makeChoice(other, other === link)));
    if (hadFocus) all(choices, "[aria-pressed=true]")[0]?.focus();
  }

  /**
   * @param {HTMLAnchorElement} link
   * @param {boolean} isShown
   */
  function makeChoice(link, isShown) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small quiet";
    button.textContent = link.dataset.zoom ?? "";
    button.setAttribute("aria-pressed", String(isShown));
    button.addEventListener("click", () => {
      const { scrollLeft, scrollTop } = stage;
      picture.addEventListener("load", () => stage.scrollTo(scrollLeft, scrollTop), { once: true });
      show(link);
    });
    return button;
  }

  function fullSize() {
    return all(document, "a[data-zoom]").filter((link) => link instanceof HTMLAnchorElement);
  }

  /** @param {1 | -1} by */
  function step(by) {
    const links = fullSize();
    const current = links.findIndex((link) => link.dataset.zoom === shown);
    const next = links[current < 0 ? 0 : (current + by + links.length) % links.length];
    if (next) show(next);
  }

  /**
   * Full size opens at the spot that was pressed.
   *
   * @param {MouseEvent} [event]
   */
  function toggle(event) {
    const box = picture.getBoundingClientRect();
    const x = event && box.width ? (event.clientX - box.left) / box.width : 0.5;
    const y = event && box.height ? (event.clientY - box.top) / box.height : 0.5;
    if (!stage.classList.toggle("is-full")) return;
    stage.scrollTo(x * picture.offsetWidth - stage.clientWidth / 2, y * picture.offsetHeight - stage.clientHeight / 2);
  }

  document.addEventListener("click", (event) => {
    const tab = closest(event, ".rendition-tabs a");
    if (tab instanceof HTMLAnchorElement && scrollTo(tab.hash)) event.preventDefault();
    const button = closest(event, "[data-copy]");
    if (button) copy(button);
  });
  prepareParts();
  document.addEventListener("vitrine:swapped", prepareParts);
}

/** @type {IntersectionObserver | null} */
let watcher = null;

/** What has to be done again after a live update replaced parts of the page. */
function prepareParts() {
  for (const button of all(document, "[data-copy]")) button.hidden = !navigator.clipboard;
  const strip = all(document, ".strip")[0];
  watcher?.disconnect();
  if (!strip) return;
  watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) if (entry.isIntersecting) markTab(`#${entry.target.id}`);
    },
    { root: strip, threshold: 0.6 },
  );
  for (const figure of all(strip, ".rendition")) watcher.observe(figure);
}

/** @param {string} hash */
function markTab(hash) {
  for (const tab of document.querySelectorAll(".rendition-tabs a")) {
    if (tab.getAttribute("href") === hash) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  }
}

/** @param {string} hash */
function scrollTo(hash) {
  const strip = one(document, ".strip", HTMLElement);
  const figure = all(strip, ".rendition").find((figure) => `#${figure.id}` === hash);
  const first = all(strip, ".rendition")[0];
  if (!figure || !first) return false;
  strip.scrollTo({ left: figure.offsetLeft - first.offsetLeft });
  return true;
}

/** @param {HTMLElement} button */
async function copy(button) {
  const text = document.getElementById(button.dataset.copy ?? "")?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    announce(button.dataset.copyFailed ?? "The description could not be copied.");
    return;
  }
  if (button.lastElementChild) button.lastElementChild.textContent = "Copied";
  announce(button.dataset.copied ?? "Description copied.");
}
