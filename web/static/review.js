// The release desk: goes from picture to picture with one key each. The next pictures are loaded
// ahead; what is decided is sent in the background, and can be undone.

import { announce } from "./announce.js";
import { all, closest, one } from "./dom.js";
import { Desk } from "./review_desk.js";
import { decide, inTurn, isBusy, release, remove } from "./review_work.js";
import { fetchPage } from "./swap.js";
import { showLocalTimes } from "./times.js";

/**
 * @typedef {"release" | "hold" | "trash"} Decision
 * @typedef {{ id: string, decision: Decision, heading: string, timer: number }} Done
 */

const AHEAD = 3;
// More are asked for when so few are left.
const FEW = 8;
// How long a deletion waits for somebody who thinks better of it.
const REGRET_MS = 8000;
const TYPING = "input, textarea, select, [contenteditable]";
const ACTS_ITSELF = `${TYPING}, button, a, summary`;

/** @type {Record<Decision, string>} */
const SAID = { release: "Released", hold: "Held back", trash: "Deleted" };

/** @type {Desk | null} */
let desk = null;
/** The picture that is on the desk, or about to be. */
let current = "";
/** @type {string[]} The pictures that come next. */
let queue = [];
/** @type {Map<string, Promise<HTMLElement>>} */
const ahead = new Map();
/** @type {Done[]} */
const done = [];
/** Whether the server may have more than the queue shows. */
let mayHaveMore = true;
/** @type {Promise<void> | null} */
let loadingMore = null;

export function start() {
  const section = all(document, "[data-desk-id]")[0];
  if (section) put(section, false);
  readQueue(document);
  lookAhead();
  document.addEventListener("keydown", pressed);
  document.addEventListener("keyup", (event) => {
    if (event.key === "c") desk?.compare(false);
  });
  document.addEventListener("submit", submitted);
  document.addEventListener("vitrine:focus", () => focusStage());
  window.addEventListener("blur", () => desk?.compare(false));
  window.addEventListener("pagehide", () => {
    desk?.flush();
    // Nobody is left to think better of it.
    for (const each of done) if (each.timer) trashNow(each);
  });
  window.addEventListener("beforeunload", (event) => {
    if (isBusy()) event.preventDefault();
  });
  one(document, "[data-undo]", HTMLButtonElement).addEventListener("click", undo);
}

/** @param {Document} page */
function readQueue(page) {
  const known = new Set([current, ...queue, ...done.map(({ id }) => id)]);
  const found = all(page, "[data-queue] [data-queue-id]").map((item) => item.dataset.queueId ?? "");
  const fresh = found.filter((id) => !known.has(id));
  queue.push(...fresh);
  mayHaveMore = fresh.length > 0;
}

/**
 * @param {HTMLElement} section
 * @param {boolean} hasFocus
 */
function put(section, hasFocus = true) {
  const before = all(document, "[data-desk-id]")[0];
  if (before !== section) {
    const fresh = document.importNode(section, true);
    showLocalTimes(fresh);
    one(document, "#desk", HTMLElement).replaceChildren(fresh);
    section = fresh;
  }
  desk = new Desk(section, complain);
  current = desk.id;
  for (const item of all(document, "[data-queue] [data-queue-id]")) {
    if (item.dataset.queueId === desk.id) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
  if (hasFocus || document.activeElement === document.body) focusStage();
}

function focusStage() {
  all(document, "[data-stage]")[0]?.focus({ preventScroll: true });
}

/** Fetches the next desks, and lets the browser load their pictures. */
async function lookAhead() {
  for (const id of queue.slice(0, AHEAD)) fetchDesk(id);
  if (queue.length >= FEW) return;
  await loadMore();
  for (const id of queue.slice(0, AHEAD)) fetchDesk(id);
}

async function loadMore() {
  if (!mayHaveMore) return;
  loadingMore ??= fetchPage(location.pathname + location.search)
    .then(readQueue)
    .catch(() => {})
    .finally(() => (loadingMore = null));
  await loadingMore;
}

/** @param {string} id */
function fetchDesk(id) {
  const known = ahead.get(id);
  if (known) return known;
  const query = new URLSearchParams(location.search);
  query.set("image", id);
  const loading = fetchPage(`/review?${query}`).then((page) => {
    const section = one(page, "[data-desk-id]", HTMLElement);
    for (const picture of section.querySelectorAll("image")) new Image().src = picture.getAttribute("href") ?? "";
    return section;
  });
  loading.catch(() => ahead.delete(id));
  ahead.set(id, loading);
  return loading;
}

/** @param {string} id */
async function show(id) {
  current = id;
  try {
    const section = await fetchDesk(id);
    // What was loaded ahead is shown once; after that it is out of date.
    ahead.delete(id);
    put(section);
  } catch {
    complain("The picture could not be loaded. Reload the page to try again.");
  }
}

async function next() {
  // Until the next picture is there, a key must not decide about this one again.
  desk = null;
  if (queue.length === 0) await loadMore();
  const id = queue.shift();
  if (id) {
    await show(id);
    announce(`${one(document, "#desk h2", HTMLElement).textContent}. ${one(document, "[data-left]", HTMLElement).textContent}.`);
  } else {
    one(document, "#desk", HTMLElement).replaceChildren(one(document, "#review-empty", HTMLTemplateElement).content.cloneNode(true));
    announce("Nothing is left here.");
  }
  lookAhead();
}

/** @param {Decision} decision */
function settle(decision) {
  if (!desk) return;
  const { id, heading, caption } = desk;
  desk.flush();
  /** @type {Done} */
  const entry = { id, decision, heading, timer: 0 };
  done.push(entry);
  if (decision === "trash") entry.timer = window.setTimeout(() => trashNow(entry), REGRET_MS);
  else if (decision === "release") inBackground(entry, () => release(id, caption));
  else inBackground(entry, () => decide(id, "hold"));
  count(-1);
  offerUndo(`${SAID[decision]}: ${heading}`);
  next();
}

/** @param {Done} entry */
function trashNow(entry) {
  window.clearTimeout(entry.timer);
  entry.timer = 0;
  inBackground(entry, () => remove(entry.id));
}

/**
 * @param {Done} entry
 * @param {() => Promise<unknown>} task
 */
function inBackground(entry, task) {
  inTurn(entry.id, task).catch((error) => {
    done.splice(done.indexOf(entry), 1);
    queue.push(entry.id);
    count(1);
    complain(`“${entry.heading}” was not ${SAID[entry.decision].toLowerCase()}: ${error.message}. It comes again at the end.`);
  });
}

async function undo() {
  if (desk?.canUndo) return desk.undo();
  const entry = done.pop();
  if (!entry) return announce("There is nothing to undo.");
  if (entry.decision === "trash" && !entry.timer) return complain("The picture is deleted for good.");
  window.clearTimeout(entry.timer);
  if (entry.decision !== "trash") {
    try {
      await inTurn(entry.id, () => decide(entry.id, "withdraw"));
    } catch (error) {
      return complain(`It could not be undone: ${error instanceof Error ? error.message : error}.`);
    }
  }
  if (desk) {
    desk.flush();
    queue.unshift(desk.id);
  }
  count(1);
  ahead.delete(entry.id);
  await show(entry.id);
  offerUndo(null);
  announce(`Undone. ${entry.heading} is on the desk again.`);
}

/** @param {string | null} text What could be undone. */
function offerUndo(text) {
  const bar = one(document, "[data-last]", HTMLElement);
  bar.hidden = !text;
  one(bar, "[data-last-text]", HTMLElement).textContent = text;
}

/** @param {number} by */
function count(by) {
  const place = one(document, "[data-left]", HTMLElement);
  const left = Math.max(0, Number(place.dataset.left) + by);
  place.dataset.left = String(left);
  place.textContent = left === 1 ? "1 picture left" : `${left} pictures left`;
}

/** @param {string} text */
function complain(text) {
  const place = one(document, "[data-complaints]", HTMLElement);
  const line = document.createElement("p");
  line.textContent = text;
  place.append(line);
  place.hidden = false;
  while (place.childElementCount > 5) place.firstElementChild?.remove();
}

/** The forms of the desk, with scripts. @param {SubmitEvent} event */
function submitted(event) {
  const decision = event.submitter?.dataset.decision;
  if (decision !== "release" && decision !== "hold" && decision !== "trash") return;
  event.preventDefault();
  settle(decision);
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
  const isTyping = Boolean(closest(event, TYPING));
  const isRelease = event.key === "Enter" && (event.ctrlKey || event.metaKey || !closest(event, ACTS_ITSELF));
  if (isRelease && !event.repeat) {
    event.preventDefault();
    return settle("release");
  }
  if (isTyping || event.ctrlKey || event.metaKey || !desk) return;
  const onStage = Boolean(closest(event, "[data-stage]"));
  if (act(event, onStage)) event.preventDefault();
}

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Does what a key stands for; false if it stands for nothing.
 *
 * @param {KeyboardEvent} event
 * @param {boolean} onStage Whether the focus is on the picture.
 */
function act(event, onStage) {
  const { key } = event;
  const arrow = ARROWS[key];
  if (onStage && arrow) return desk?.nudge(arrow[0], arrow[1], event.shiftKey) ?? false;
  if (onStage && key === "Tab") return desk?.walk(event.shiftKey ? -1 : 1) ?? false;
  if (onStage && key === "Escape") return leaveBox();
  if (key === "Delete" || key === "Backspace") return desk?.removeSelected() ?? false;
  if (key === "u" && !event.repeat) return undo(), true;
  if (!lettersAreOn() || event.repeat) return key === "c";
  switch (key) {
    case "h":
      return settle("hold"), true;
    case "d":
      return settle("trash"), true;
    case "c":
      return desk?.compare(true), true;
    case "k":
      return desk?.toggle(desk.stage.selected), true;
    case "n":
      return desk?.add(), true;
    case "s":
      return skip();
    default:
      return false;
  }
}

function leaveBox() {
  desk?.stage.select(-1);
  return true;
}

/** Puts the picture at the end of the queue, undecided. */
function skip() {
  if (!desk || queue.length === 0) return true;
  desk.flush();
  queue.push(desk.id);
  next();
  return true;
}

/** Single letters can be switched off in the list of shortcuts. */
function lettersAreOn() {
  return one(document, "#letter-keys", HTMLInputElement).checked;
}
