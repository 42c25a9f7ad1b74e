// The order in which files are uploaded, and what happens to those that do not get through. It
// knows nothing of the page: upload.js shows it.
//
// What only time or a person elsewhere can put right (the connection, the session, a busy server)
// pauses the whole queue. Files that were being sent then wait again, and go on by themselves.

const AT_ONCE = 3;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
// A file that breaks the connection this often, while the server can be reached, is given up.
const TRIES = 5;

/**
 * How sending one file ended.
 *
 * @typedef {{ kind: "added" | "existing", id: string | null }
 *   | { kind: "refused", text: string, mayRetry: boolean }
 *   | { kind: "busy", text: string, seconds: number }
 *   | { kind: "signed-out" | "broken" }} Outcome
 *
 * @typedef {"waiting" | "sending" | "added" | "existing" | "failed"} State
 *
 * @typedef {object} Upload
 * @property {File} file
 * @property {string} key The same on every try, so that a lost answer cannot make a second picture.
 * @property {State} state
 * @property {string} text Why it failed.
 * @property {boolean} mayRetry
 * @property {string | null} id The picture's, once it is there.
 * @property {number} broken How often the connection broke while it was sent.
 * @property {AbortController} abort
 *
 * @typedef {object} Pause
 * @property {"connection" | "signed-out" | "busy"} cause
 * @property {string} text
 *
 * @typedef {object} Options
 * @property {(upload: Upload, signal: AbortSignal) => Promise<Outcome>} send
 * @property {() => Promise<"ready" | "unreachable" | "signed-out">} probe Whether uploads would get through.
 * @property {(upload: Upload) => void} shown One upload has changed.
 * @property {() => void} changed Something has changed.
 */

export class UploadQueue {
  /** @type {Upload[]} */
  uploads = [];
  /** @type {Pause | null} */
  pause = null;
  #options;
  #timer = 0;
  #delay = FIRST_PAUSE_MS;
  #isProbing = false;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
  }

  /**
   * @param {File} file
   * @param {string} [refusal] Why it is not even sent.
   */
  add(file, refusal) {
    /** @type {Upload} */
    const upload = {
      file,
      key: newKey(),
      state: refusal ? "failed" : "waiting",
      text: refusal ?? "",
      mayRetry: false,
      id: null,
      broken: 0,
      abort: new AbortController(),
    };
    this.uploads.push(upload);
    return upload;
  }

  /** Sends what may be sent. */
  pump() {
    if (!this.pause) {
      const free = AT_ONCE - this.count("sending");
      const waiting = this.uploads.filter((upload) => upload.state === "waiting");
      for (const upload of waiting.slice(0, Math.max(free, 0))) this.#send(upload);
    }
    this.#options.changed();
  }

  /** @param {Upload} upload */
  retry(upload) {
    upload.broken = 0;
    this.#set(upload, "waiting");
    this.pump();
  }

  /** @param {Upload} upload */
  cancel(upload) {
    upload.abort.abort();
    this.uploads = this.uploads.filter((other) => other !== upload);
    this.pump();
  }

  /** Forgets what is finished, and returns it. */
  clear() {
    const finished = this.uploads.filter((upload) => !isPending(upload));
    this.uploads = this.uploads.filter(isPending);
    this.#options.changed();
    return finished;
  }

  /** Looks at once whether a paused queue can go on. */
  async resume() {
    if (!this.pause || this.#isProbing) return;
    window.clearTimeout(this.#timer);
    this.#isProbing = true;
    const found = await this.#options.probe();
    this.#isProbing = false;
    if (found === "signed-out") return this.#stop({ cause: "signed-out", text: "You are signed out." });
    if (found === "unreachable") {
      this.#delay = Math.min(this.#delay * 2, LONGEST_PAUSE_MS);
      return this.#stop({ cause: "connection", text: "The connection is interrupted." }, this.#delay);
    }
    for (const upload of this.uploads) {
      if (upload.state === "waiting" && upload.broken >= TRIES) {
        this.#set(upload, "failed", "The connection broke off several times.", true);
      }
    }
    this.pause = null;
    this.#delay = FIRST_PAUSE_MS;
    this.pump();
  }

  /** @param {State} state */
  count(state) {
    return this.uploads.filter((upload) => upload.state === state).length;
  }

  get hasPending() {
    return this.uploads.some(isPending);
  }

  /** @param {Upload} upload */
  async #send(upload) {
    upload.abort = new AbortController();
    const { signal } = upload.abort;
    this.#set(upload, "sending");
    const outcome = await this.#options.send(upload, signal);
    if (signal.aborted) return;
    switch (outcome.kind) {
      case "added":
      case "existing":
        upload.id = outcome.id;
        this.#set(upload, outcome.kind);
        break;
      case "refused":
        this.#set(upload, "failed", outcome.text, outcome.mayRetry);
        break;
      case "busy":
        this.#set(upload, "waiting");
        this.#stop({ cause: "busy", text: outcome.text }, outcome.seconds * 1000);
        break;
      case "signed-out":
        this.#set(upload, "waiting");
        this.#stop({ cause: "signed-out", text: "You are signed out." });
        break;
      case "broken":
        upload.broken += 1;
        this.#set(upload, "waiting");
        this.#stop({ cause: "connection", text: "The connection is interrupted." }, this.#delay);
        break;
    }
    this.pump();
  }

  /**
   * @param {Pause} pause
   * @param {number} [delay] Milliseconds until the queue looks whether it can go on. Without, it
   *   waits to be told.
   */
  #stop(pause, delay) {
    this.pause = pause;
    window.clearTimeout(this.#timer);
    if (delay !== undefined) this.#timer = window.setTimeout(() => this.resume(), delay);
    this.#options.changed();
  }

  /**
   * @param {Upload} upload
   * @param {State} state
   * @param {string} [text]
   * @param {boolean} [mayRetry]
   */
  #set(upload, state, text = "", mayRetry = false) {
    upload.state = state;
    upload.text = text;
    upload.mayRetry = mayRetry;
    this.#options.shown(upload);
  }
}

/** @param {Upload} upload */
function isPending(upload) {
  return upload.state === "waiting" || upload.state === "sending";
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
