// Sends one photo, and finds out whether photos would get through. XMLHttpRequest, because fetch
// does not report how much of a body was sent.

import { parseJson } from "./dom.js";
import { fetchPage, HttpError } from "./swap.js";

/**
 * @typedef {import("./upload_queue.js").Outcome} Outcome
 * @typedef {import("./upload_queue.js").Upload} Upload
 */

// Nothing moves for this long: the connection is dead, although the browser has not noticed.
const STALLED_SENDING_MS = 60_000;
// A busy server may need a while to check what it received.
const STALLED_ANSWER_MS = 180_000;
const BUSY = [408, 429, 502, 503, 504];
const BUSY_SECONDS = 5;

/**
 * @param {Upload} upload
 * @param {AbortSignal} signal
 * @param {(sent: number, total: number) => void} progress In bytes.
 * @returns {Promise<Outcome>}
 */
export function sendPhoto(upload, signal, progress) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let stalled = 0;
    const watch = (/** @type {number} */ limit) => {
      window.clearTimeout(stalled);
      stalled = window.setTimeout(() => request.abort(), limit);
    };
    request.open("POST", "/api/images");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Idempotency-Key", upload.key);
    request.upload.addEventListener("progress", (event) => {
      watch(event.loaded < event.total ? STALLED_SENDING_MS : STALLED_ANSWER_MS);
      if (event.lengthComputable) progress(event.loaded, event.total);
    });
    request.addEventListener("load", () => resolve(outcome(request)));
    request.addEventListener("error", async () => resolve((await isReadable(upload.file)) ? { kind: "broken" } : unreadable()));
    request.addEventListener("abort", () => resolve({ kind: "broken" }));
    request.addEventListener("loadend", () => window.clearTimeout(stalled));
    signal.addEventListener("abort", () => request.abort());
    const body = new FormData();
    const context = document.querySelector("#upload-context");
    if (context instanceof HTMLInputElement && context.value) body.append("context", context.value);
    body.append("file", upload.file);
    request.send(body);
    watch(STALLED_SENDING_MS);
  });
}

/**
 * @param {XMLHttpRequest} request
 * @returns {Outcome}
 */
function outcome(request) {
  const { status } = request;
  const answer = parseJson(request.responseText);
  const text = sentence(answer?.detail ?? answer?.title ?? `the server answered ${status}`);
  if (status === 201) return { kind: "added", id: answer?.id ?? null };
  if (status === 200) return { kind: "existing", id: answer?.id ?? null };
  if (status === 401) return { kind: "signed-out" };
  if (BUSY.includes(status)) return { kind: "busy", text, seconds: Number(request.getResponseHeader("Retry-After")) || BUSY_SECONDS };
  return { kind: "refused", text, mayRetry: status >= 500 };
}

/**
 * Whether uploads would get through: the home page has the form for those who may upload.
 *
 * @returns {Promise<"ready" | "unreachable" | "signed-out">}
 */
export async function probe() {
  try {
    const page = await fetchPage("/");
    return page.querySelector("[data-upload]") ? "ready" : "signed-out";
  } catch (error) {
    return error instanceof HttpError && error.status < 500 && error.status !== 429 ? "signed-out" : "unreachable";
  }
}

/**
 * A file that was moved or changed after it was chosen looks like a broken connection.
 *
 * @param {File} file
 */
async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** @returns {Outcome} */
function unreadable() {
  return { kind: "refused", text: "This file was moved or changed. Choose it again.", mayRetry: false };
}

/**
 * The server's details begin in lower case and end without a full stop.
 *
 * @param {string} detail
 */
function sentence(detail) {
  const text = detail.charAt(0).toUpperCase() + detail.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
