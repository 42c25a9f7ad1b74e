// Going through pictures from the keyboard. Keys never act while someone types or holds a
// modifier, and the single letters can be switched off (WCAG 2.1.4) in the list behind "?".

const STORE = "vitrine-letter-keys";

export function start() {
  const sheet = document.getElementById("shortcuts");
  const letters = document.getElementById("letter-keys");
  letters.checked = read() !== "off";
  letters.addEventListener("change", () => write(letters.checked ? "on" : "off"));
  for (const button of document.querySelectorAll('[data-open="shortcuts"]')) {
    button.hidden = false;
    button.addEventListener("click", () => sheet.showModal());
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], summary")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key.length === 1 && !letters.checked) return;
    // A strip that scrolls sideways needs the arrows for itself.
    if (event.key.startsWith("Arrow") && event.target.closest?.(".strip") && scrolls(event.target.closest(".strip"))) return;
    if (act(event.key, sheet)) event.preventDefault();
  });
}

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
      return press(document.querySelector("[data-zoom]"));
    case "/":
      return focus(document.querySelector("input[type=search]")) || go("/gallery");
    case "?":
      sheet.showModal();
      return true;
    default:
      return false;
  }
}

function step(by) {
  if (document.querySelector("[data-view-id]")) return press(document.getElementById(by > 0 ? "next" : "previous"));
  const frames = [...document.querySelectorAll("#gallery .frame")];
  if (frames.length === 0) return false;
  const card = document.activeElement.closest?.(".card");
  const here = frames.findIndex((frame) => frame.closest(".card") === card);
  // With nothing chosen yet, begin with the first picture in sight.
  const visible = frames.findIndex((frame) => frame.getBoundingClientRect().bottom > 0);
  const to = here < 0 ? Math.max(visible, 0) : here + by;
  return focus(frames[Math.min(Math.max(to, 0), frames.length - 1)]);
}

function up() {
  const link = document.querySelector("[data-up]");
  if (!link) return false;
  // Back rather than forward, when that is where we came from: it keeps the place in the gallery.
  const from = document.referrer && new URL(document.referrer);
  if (from && from.origin === location.origin && ["/", "/gallery"].includes(from.pathname) && history.length > 1) history.back();
  else link.click();
  return true;
}

function upload() {
  return focus(document.getElementById("files")) || (document.querySelector('a[href="/#upload"]') ? go("/#upload") : false);
}

function press(element) {
  element?.click();
  return Boolean(element);
}

function focus(element) {
  element?.focus();
  element?.scrollIntoView({ block: "nearest" });
  return Boolean(element);
}

function go(url) {
  location.assign(url);
  return true;
}

function scrolls(element) {
  return element.scrollWidth > element.clientWidth + 1;
}

// Storage can be switched off in the browser; the choice then lasts as long as the page.
function read() {
  try {
    return localStorage.getItem(STORE);
  } catch {
    return null;
  }
}

function write(value) {
  try {
    localStorage.setItem(STORE, value);
  } catch {
    // Nothing to do.
  }
}
