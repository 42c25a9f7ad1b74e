// What the desk asks of the server, in the background: the next picture is shown before the one before
// it is released. The tasks of one picture run one after another, those of different pictures do not
// wait for each other.

import { parseJson } from "./dom.js";
import { fromJson, toJson } from "./review_boxes.js";

/**
 * @typedef {import("./review_boxes.js").Box} Box
 * @typedef {{ version: number, copyVersion: number | null, boxes: Box[] }} Boxes
 * @typedef {{ caption: string, tags: string[] }} Words
 */

// How long the server may let us wait until a copy shows its boxes, and how often we ask.
const WAIT_SECONDS = 20;
const RELEASE_TRIES = 4;

/** An answer that is not a success, with the server's reason. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** @type {Map<string, Promise<void>>} */
const running = new Map();

/**
 * Runs a task after those of the same picture. What it throws is the caller's.
 *
 * @template T
 * @param {string} id
 * @param {() => Promise<T>} task
 * @returns {Promise<T>}
 */
export function inTurn(id, task) {
  const before = running.get(id) ?? Promise.resolve();
  const result = before.then(task);
  const settled = result.then(
    () => {},
    () => {},
  );
  running.set(id, settled);
  settled.then(() => running.get(id) === settled && running.delete(id));
  return result;
}

/** Whether anything is still on its way. */
export function isBusy() {
  return running.size > 0;
}

/**
 * @param {string} id
 * @param {number} version The version of the boxes that were changed.
 * @param {Box[]} boxes
 * @returns {Promise<Boxes>}
 */
export async function saveBoxes(id, version, boxes) {
  return readBoxes(await send("PUT", `/api/images/${id}/boxes`, { version, items: toJson(boxes) }));
}

/**
 * @param {string} id
 * @returns {Promise<Boxes>}
 */
export async function loadBoxes(id) {
  return readBoxes(await send("GET", `/api/images/${id}/boxes`));
}

/**
 * @param {string} id
 * @param {Words} words
 */
export async function saveWords(id, { caption, tags }) {
  await send("PATCH", `/api/images/${id}`, caption ? { caption, tags } : { tags });
}

/**
 * Waits until the copy shows its boxes, or the server's patience ends. Returns the copy's address.
 *
 * @param {string} id
 * @returns {Promise<string | null>}
 */
export async function copyOf(id) {
  const image = await send("GET", `/api/images/${id}?wait=${WAIT_SECONDS}`);
  return image.urls?.anonymised ?? null;
}

/**
 * Releases once the copy shows its boxes.
 *
 * @param {string} id
 * @param {string} caption What was seen beside the picture; it counts as checked.
 */
export async function release(id, caption) {
  for (let tries = 1; ; tries++) {
    try {
      return await send("POST", `/api/images/${id}/release`, caption ? { caption } : {});
    } catch (error) {
      const mayComeTrue = error instanceof Refused && error.status === 409 && tries < RELEASE_TRIES;
      if (!mayComeTrue) throw error;
      await copyOf(id);
    }
  }
}

/**
 * @param {string} id
 * @param {"hold" | "withdraw"} what
 */
export async function decide(id, what) {
  await send("POST", `/api/images/${id}/${what}`);
}

/** @param {string} id */
export async function remove(id) {
  await send("DELETE", `/api/images/${id}`);
}

/**
 * @param {any} answer
 * @returns {Boxes}
 */
function readBoxes({ version, copy_version, items }) {
  return { version, copyVersion: copy_version ?? null, boxes: fromJson(items) };
}

/**
 * @param {string} method
 * @param {string} url
 * @param {unknown} [body]
 */
async function send(method, url, body) {
  /** @type {Response} */
  let response;
  try {
    // What was decided still arrives when the page is left.
    const json = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    response = await fetch(url, { method, keepalive: method !== "GET", ...json });
  } catch {
    throw new Refused(0, "the server could not be reached");
  }
  const answer = parseJson(await response.text());
  if (!response.ok) throw new Refused(response.status, answer?.detail ?? `the server answered ${response.status}`);
  return answer;
}
