// Keeps the pictures on the page in step with the server. An event only says which picture
// changed; its markup is fetched, so one place knows how a card looks and who may see what.

import { announce } from "./announce.js";
import { listen, notice } from "./events.js";
import { arrive, fetchPage, swap } from "./swap.js";

// A long import sends many events; the server is asked for a few cards at a time, and a picture
// that changes again while it waits is asked for once.
const AT_ONCE = 3;

const gallery = document.getElementById("gallery");
const view = document.querySelector("[data-view-id]");
const waiting = new Set();
const running = new Set();

export function start() {
  document.addEventListener("submit", quietly);
  document.addEventListener("vitrine:uploaded", (event) => changed(event.detail.id));
  if (!gallery && !view) return;
  listen({
    image: (image) => {
      if (view ? view.dataset.viewId === image.id : cardOf(image.id) || belongs(image)) changed(image.id);
    },
    deleted: (image) => removed(image.id),
    gap: () => compare().catch(() => {}),
  });
}

/* One picture */

function changed(id) {
  waiting.add(id);
  pump();
}

function pump() {
  for (const id of waiting) {
    if (running.size >= AT_ONCE) return;
    if (running.has(id)) continue;
    waiting.delete(id);
    running.add(id);
    refresh(id)
      .catch((error) => error.status === 404 && removed(id))
      .finally(() => {
        running.delete(id);
        pump();
      });
  }
}

async function refresh(id) {
  if (view?.dataset.viewId === id) return refreshView();
  if (!gallery) return;
  const words = searched();
  const query = words ? `?q=${encodeURIComponent(words)}` : "";
  const page = await fetchPage(`/images/${encodeURIComponent(id)}/card${query}`);
  const card = page.querySelector("[data-image-id]");
  if (card) place(card);
}

function place(card) {
  const before = cardOf(card.dataset.imageId);
  const state = before?.dataset.state;
  const after = before ? swap(before, card) : insert(card);
  if (after && after.dataset.state !== state) tell(after);
}

// Where its time says, so that an old picture made anew does not jump to the top.
function insert(card) {
  const fresh = document.importNode(card, true);
  const next = [...gallery.querySelectorAll("[data-image-id]")].find((other) => timeOf(other) <= timeOf(fresh));
  if (!next && !isLastPage()) return null;
  gallery.insertBefore(fresh, next ?? null);
  arrive(fresh);
  showEmpty();
  return fresh;
}

// The words that this page is the answer to.
function searched() {
  return new URLSearchParams(location.search).get("q")?.trim();
}

// Whether a picture that is not on the page should be.
function belongs(image) {
  const query = new URLSearchParams(location.search);
  if (query.get("after") || searched()) return false;
  const last = gallery.querySelector("[data-image-id]:last-of-type");
  return !last || isLastPage() || new Date(image.uploaded_at).getTime() >= timeOf(last);
}

function removed(id) {
  if (view?.dataset.viewId === id) return notice("This picture was deleted.");
  const card = cardOf(id);
  if (!card) return;
  const next = card.contains(document.activeElement) && (card.nextElementSibling ?? card.previousElementSibling);
  card.remove();
  if (next) next.querySelector("a.frame")?.focus();
  showEmpty();
}

function tell(card) {
  const words = {
    working: "A new picture is being prepared.",
    ready: `Picture ready: ${card.querySelector(".caption").textContent}`,
    failed: "A picture could not be finished.",
    blocked: "A picture was refused by the description service.",
  };
  announce(words[card.dataset.state]);
}

/* The whole page */

async function refreshView() {
  const page = await fetchPage(location.pathname);
  const state = () => document.querySelector('[data-live="head"]').dataset.state;
  const before = state();
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (fresh) swap(part, fresh);
  }
  if (state() !== before) announce(state() === "ready" ? "This picture is ready." : "This picture changed.");
  document.dispatchEvent(new CustomEvent("vitrine:swapped"));
}

// After a time without events: takes over what the page would show if it were opened now.
async function compare() {
  if (view) return refreshView();
  // The best come first there, so times say nothing about what is missing.
  if (searched()) return gallery.querySelectorAll("[data-image-id]").forEach((card) => changed(card.dataset.imageId));
  const page = await fetchPage(location.href);
  const fresh = [...page.querySelectorAll("#gallery > [data-image-id]")];
  const ids = new Set(fresh.map((card) => card.dataset.imageId));
  const end = fresh.length > 0 ? timeOf(fresh.at(-1)) : Infinity;
  for (const card of gallery.querySelectorAll("[data-image-id]")) {
    if (ids.has(card.dataset.imageId)) continue;
    if (timeOf(card) > end) removed(card.dataset.imageId);
    else if (card.dataset.state === "working") changed(card.dataset.imageId);
  }
  for (const card of fresh) place(card);
}

function cardOf(id) {
  return gallery?.querySelector(`[data-image-id="${CSS.escape(id)}"]`);
}

function timeOf(card) {
  return new Date(card.querySelector("time").dateTime).getTime();
}

function isLastPage() {
  return !document.querySelector("#more a");
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
  form.querySelector("button").setAttribute("aria-disabled", "true");
  try {
    const response = await fetch(form.action, { method: "POST" });
    if (!response.ok) throw new Error(String(response.status));
    announce("Trying again.");
    changed(id);
  } catch {
    // The plain form shows the server's own answer.
    form.submit();
  }
}
