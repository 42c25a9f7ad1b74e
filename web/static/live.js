// Keeps the page in step with the server through server-sent events. An event only says which
// picture changed; the markup is fetched, so there is one place that knows how a card looks and
// who may see what. The browser reconnects by itself and names the last event it has, so nothing
// is lost; when it gives up, we connect again and compare with a fresh page.

import { announce } from "./announce.js";
import { prepare } from "./pictures.js";
import { fetchPage, swap } from "./swap.js";

const gallery = document.getElementById("gallery");
const view = document.querySelector("[data-view-id]");
const running = new Map();

export function start() {
  document.addEventListener("submit", quietly);
  document.addEventListener("vitrine:uploaded", (event) => changed(event.detail.id));
  if (!gallery && !view) return;
  connect();
  // A hidden page lets go of its connection: browsers allow six to a server, for all tabs together.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect();
    else reconnect();
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => event.persisted && reconnect());
  window.addEventListener("online", reconnect);
  window.addEventListener("offline", () => say("You are offline. Pictures update when you are back."));
}

/* The connection */

let source = null;
let pause = 0;
let retry = 0;
let noticeTimer = 0;

function connect() {
  source = new EventSource("/api/events");
  source.addEventListener("open", () => {
    pause = 0;
    say(null);
  });
  source.addEventListener("error", () => {
    say("Reconnecting…", 2000);
    if (source?.readyState !== EventSource.CLOSED) return;
    pause = Math.min(30_000, (pause || 1000) * 2);
    retry = setTimeout(reconnect, pause * (0.75 + Math.random() / 2));
  });
  source.addEventListener("image", (event) => {
    const image = parse(event.data);
    if (image?.id) changed(image.id);
  });
  source.addEventListener("deleted", (event) => {
    const image = parse(event.data);
    if (image?.id) removed(image.id);
  });
}

function disconnect() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function reconnect() {
  disconnect();
  connect();
  compare().catch(() => {});
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Waits a moment before it speaks, so that a blink is not worth a word.
function say(text, after = 0) {
  const notice = document.getElementById("connection");
  if (text && after && noticeTimer) return;
  clearTimeout(noticeTimer);
  noticeTimer = 0;
  if (!text) notice.hidden = true;
  else
    noticeTimer = setTimeout(() => {
      notice.querySelector("[data-text]").textContent = navigator.onLine ? text : "You are offline.";
      notice.hidden = false;
    }, after);
}

/* What changed */

// One request at a time for each picture; what arrives meanwhile asks for one more after it.
async function changed(id) {
  if (running.has(id)) {
    running.set(id, true);
    return;
  }
  do {
    running.set(id, false);
    try {
      if (view?.dataset.viewId === id) await refreshView();
      else if (gallery) await refreshCard(id);
    } catch (error) {
      if (error.status === 404) removed(id);
    }
  } while (running.get(id));
  running.delete(id);
}

async function refreshCard(id) {
  if (!findCard(id) && !isFirstPage()) return;
  const page = await fetchPage(`/images/${encodeURIComponent(id)}/card`);
  const card = page.querySelector("[data-image-id]");
  if (card) place(card);
}

function place(card) {
  const before = document.getElementById(card.id);
  if (before) {
    const state = before.dataset.state;
    const after = swap(before, card);
    if (state !== after.dataset.state) tell(after);
    return;
  }
  const fresh = document.importNode(card, true);
  gallery.prepend(fresh);
  prepare(fresh);
  showEmpty();
  tell(fresh);
}

function tell(card) {
  const caption = card.querySelector(".caption")?.textContent ?? "";
  const words = {
    working: "A new picture is being prepared.",
    ready: `Picture ready: ${caption}`,
    failed: "A picture could not be finished.",
    blocked: "A picture was refused by the description service.",
  };
  announce(words[card.dataset.state] ?? "");
}

async function refreshView() {
  const page = await fetchPage(location.pathname);
  const was = document.querySelector('[data-live="head"]')?.dataset.state;
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (fresh) swap(part, fresh);
  }
  const state = document.querySelector('[data-live="head"]')?.dataset.state;
  if (was !== state) announce(state === "ready" ? "This picture is ready." : "This picture changed.");
  document.dispatchEvent(new CustomEvent("vitrine:swapped"));
}

function removed(id) {
  if (view?.dataset.viewId === id) {
    say("This picture was deleted.");
    return;
  }
  const card = findCard(id);
  if (!card) return;
  const next = card.contains(document.activeElement) && (card.nextElementSibling ?? card.previousElementSibling);
  card.remove();
  if (next) next.querySelector("a.frame")?.focus();
  showEmpty();
}

// After a gap without events: takes over what a fresh first page shows.
async function compare() {
  if (view) return refreshView();
  const page = await fetchPage(location.href);
  const cards = [...page.querySelectorAll("#gallery > [data-image-id]")];
  for (const card of cards.reverse()) {
    if (document.getElementById(card.id) || isFirstPage()) place(card);
  }
}

function findCard(id) {
  return gallery?.querySelector(`[data-image-id="${CSS.escape(id)}"]`);
}

function isFirstPage() {
  const query = new URLSearchParams(location.search);
  return Boolean(gallery) && !query.get("after") && !query.get("q");
}

function showEmpty() {
  document.getElementById("empty").hidden = Boolean(gallery.querySelector("[data-image-id]"));
}

/* Trying a step again, without leaving the page */

async function quietly(event) {
  const form = event.target;
  const id = form.dataset.quiet;
  if (!id) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.setAttribute("aria-disabled", "true");
  try {
    const response = await fetch(form.action, { method: "POST" });
    if (!response.ok) throw new Error(String(response.status));
    announce("Trying again.");
    await changed(id);
  } catch {
    // The plain form shows the server's own answer.
    form.submit();
  }
}
