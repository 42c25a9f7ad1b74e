// The event stream that reports changed pictures, and the notice that is shown while it is
// interrupted. The browser reconnects by itself and sends the id of the last event, so it misses
// nothing. Where the browser gives up, or where this page closed the stream, a new stream starts at
// the present; then `gap` is called, and the page compares itself with the server. So it does where
// there was no change yet, because the stream may have ended before its first id arrived.

import { one, parseJson } from "./dom.js";

/**
 * @typedef {{ id: string, uploaded_at?: string }} ChangedImage
 * @typedef {object} Handlers
 * @property {(image: ChangedImage) => void} image A picture is new or changed.
 * @property {(image: ChangedImage) => void} deleted
 * @property {() => void} opened The first connection: the page is a moment older than the stream.
 * @property {() => void} gap Events may have been missed.
 */

const SHORTEST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30_000;
const NOTICE_AFTER_MS = 2000;

/** @type {EventSource | null} */
let source = null;
/** @type {Handlers} */
let handlers;
let pause = 0;
let retry = 0;
let timer = 0;
/** A message that the state of the connection does not replace. */
let permanent = false;

/** @param {Handlers} given */
export function listen(given) {
  handlers = given;
  if (!document.hidden) connect(handlers.opened);
  // A hidden page closes its stream: over HTTP/1.1 a browser opens at most six connections to a
  // server, all tabs together.
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : reconnect()));
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => event.persisted && reconnect());
  window.addEventListener("online", () => {
    notice("Reconnecting…");
    reconnect();
  });
  window.addEventListener("offline", () => notice("You are offline."));
}

/** @param {() => void} opened Called when the stream has started. */
function connect(opened) {
  const stream = new EventSource("/api/events");
  source = stream;
  /** @type {(() => void) | null} What the next start of the stream leads to. */
  let next = opened;
  stream.addEventListener("open", () => {
    pause = 0;
    notice(null);
    // Only now: a change between a comparison and the start of the stream would be missed.
    next?.();
    next = handlers.gap;
  });
  stream.addEventListener("error", () => {
    if (next) next = handlers.gap;
    notice("Reconnecting…", NOTICE_AFTER_MS);
    if (stream.readyState !== EventSource.CLOSED) return;
    pause = Math.min(LONGEST_PAUSE_MS, pause ? pause * 2 : SHORTEST_PAUSE_MS);
    window.clearTimeout(retry);
    retry = window.setTimeout(reconnect, pause * (0.75 + Math.random() / 2));
  });
  for (const name of /** @type {const} */ (["image", "deleted"])) {
    stream.addEventListener(name, (event) => {
      if (event.lastEventId) next = null;
      const image = parseJson(event.data);
      if (typeof image?.id === "string") handlers[name](image);
    });
  }
}

function disconnect() {
  window.clearTimeout(retry);
  source?.close();
  source = null;
}

function reconnect() {
  disconnect();
  if (!document.hidden) connect(handlers.gap);
}

/**
 * Shows a line at the foot of the page, or hides it. With a delay, short interruptions are not
 * shown at all.
 *
 * @param {string | null} text
 * @param {number} [delay] Milliseconds.
 */
export function notice(text, delay = 0) {
  if (permanent || (text && delay && timer)) return;
  window.clearTimeout(timer);
  timer = 0;
  const place = one(document, "#connection", HTMLElement);
  const show = () => {
    one(place, "[data-text]", HTMLElement).textContent = text;
    place.hidden = false;
  };
  if (!text) place.hidden = true;
  else if (delay) timer = window.setTimeout(show, delay);
  else show();
}

/** Takes back the line that stays. */
export function endPermanentNotice() {
  permanent = false;
  notice(null);
}

/**
 * Shows a line that stays, regardless of the connection.
 *
 * @param {string} text
 */
export function permanentNotice(text) {
  notice(text);
  permanent = true;
}
