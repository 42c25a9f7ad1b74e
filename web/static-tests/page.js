// A page in a browser that is not there: jsdom for the document, and stand-ins that a test controls
// for what jsdom lacks or what would take time (clock, server, event stream, uploads). The scripts
// are the served files, loaded anew for each page from app.js on.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import vm from "node:vm";

import { JSDOM, VirtualConsole } from "jsdom";

const SCRIPTS = new URL("../static/", import.meta.url);
export const ORIGIN = "http://vitrine.test";

/** @type {unknown[]} */
const errors = [];

/** For `afterEach`: scripts log errors to the console, and go on. */
export function assertNoErrors() {
  assert.deepEqual(errors.splice(0), []);
}

/** Lets everything that is ready to run do so. */
export function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock that moves only when told to. */
class Clock {
  #timers = new Map();
  #last = 0;
  now = 0;

  set(callback, delay = 0) {
    this.#timers.set(++this.#last, { at: this.now + delay, callback });
    return this.#last;
  }

  clear(id) {
    this.#timers.delete(id);
  }

  async advance(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      await settle();
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.now = due[1].at;
      due[1].callback();
    }
    this.now = end;
  }
}

/** What the pages' own server answers: a function per "METHOD /path". */
class Server {
  #answers = new Map();
  requests = [];
  /** What was sent with a request, by "METHOD /path". */
  sent = new Map();

  /** `answer` is markup, a status, or a function that returns either or throws. */
  on(request, answer) {
    this.#answers.set(request, answer);
  }

  count(request) {
    return this.requests.filter((other) => other === request).length;
  }

  async fetch(url, { method = "GET", body } = {}) {
    const { pathname, search } = new URL(url, ORIGIN);
    const request = `${method} ${pathname}${search}`;
    this.requests.push(request);
    if (body !== undefined) this.sent.set(request, JSON.parse(body));
    let answer = this.#answers.get(request) ?? this.#answers.get(`${method} ${pathname}`);
    if (answer === undefined) errors.push(`nothing answers ${request}`);
    if (typeof answer === "function") answer = await answer();
    if (answer === "unreachable") throw new TypeError("Failed to fetch");
    const status = typeof answer === "number" ? answer : 200;
    return { ok: status < 300, status, redirected: false, url: ORIGIN + pathname, text: async () => String(answer), ...(typeof answer === "object" ? answer : {}) };
  }
}

/** Opens `html` as the page at `path` and runs its scripts. `prepare` runs before them. */
export async function openPage(html, path = "/", { hidden = false, referrer = "", storage = {}, prepare = () => {} } = {}) {
  const navigations = [];
  const virtualConsole = new VirtualConsole();
  virtualConsole.on("error", (error) => errors.push(error));
  virtualConsole.on("jsdomError", (error) => (/navigation/.test(error.message) ? navigations.push(null) : errors.push(error)));
  const dom = new JSDOM(html, { url: ORIGIN + path, referrer: referrer || undefined, runScripts: "outside-only", pretendToBeVisual: true, virtualConsole });
  const { window } = dom;
  const { document } = window;
  const page = { window, document, clock: new Clock(), server: new Server(), navigations, submitted: [], streams: [], uploads: [], observers: [] };

  Object.assign(window, {
    setTimeout: (callback, delay) => page.clock.set(callback, delay),
    clearTimeout: (id) => page.clock.clear(id),
    fetch: (url, options) => page.server.fetch(url, options),
    CSS: { escape: (text) => text.replace(/[^\w-]/g, "\\$&") },
    EventSource: eventSource(window, page.streams),
    XMLHttpRequest: uploadRequest(window, page.uploads),
    IntersectionObserver: intersectionObserver(page.observers),
  });
  window.URL.createObjectURL = () => "blob:preview";
  window.URL.revokeObjectURL = () => {};
  window.AbortSignal.timeout = () => new window.AbortController().signal;
  window.Blob.prototype.arrayBuffer ??= async function () {
    if (this.isGone) throw new window.DOMException("gone", "NotReadableError");
    return new ArrayBuffer(this.size);
  };
  window.Element.prototype.scrollIntoView = () => {};
  window.Element.prototype.scrollTo = () => {};
  window.HTMLDialogElement.prototype.showModal ??= function () {
    this.setAttribute("open", "");
  };
  window.HTMLDialogElement.prototype.close ??= function () {
    this.removeAttribute("open");
    this.dispatchEvent(new window.Event("close"));
  };
  window.HTMLFormElement.prototype.submit = function () {
    page.submitted.push(new URL(this.action).pathname);
  };
  window.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented) return;
    event.preventDefault();
    navigations.push(link.getAttribute("href"));
  });
  setHidden(page, hidden);
  for (const [key, value] of Object.entries(storage)) window.sessionStorage.setItem(key, value);
  prepare(page);

  await runScripts(dom);
  return page;
}

async function runScripts(dom) {
  const context = dom.getInternalVMContext();
  const modules = new Map();
  const loading = [];
  const load = (name) => {
    if (!modules.has(name)) modules.set(name, compile(name));
    return modules.get(name);
  };
  const compile = async (name) => {
    const url = new URL(name, SCRIPTS);
    const importModuleDynamically = (specifier) => {
      const imported = load(specifier).then(evaluate);
      loading.push(imported);
      return imported;
    };
    return new vm.SourceTextModule(await readFile(url, "utf8"), { context, identifier: url.href, importModuleDynamically });
  };
  const evaluate = async (module) => {
    if (module.status === "unlinked") await module.link(load);
    await module.evaluate();
    return module;
  };
  await evaluate(await load("./app.js"));
  await Promise.allSettled(loading);
  await settle();
}

export function setHidden({ document, window }, hidden) {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new window.Event("visibilitychange"));
}

/** Presses a key where the focus is. False if the page acted on it itself. */
export function press({ document, window }, key, options = {}) {
  return (document.activeElement ?? document.body).dispatchEvent(new window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }));
}

export function announced({ document }) {
  return document.getElementById("announcer").textContent;
}

/** The line about the connection, or null if it is hidden. */
export function shownNotice({ document }) {
  const place = document.getElementById("connection");
  return place.hidden ? null : place.textContent.trim();
}

function eventSource(window, streams) {
  return class extends window.EventTarget {
    static CLOSED = 2;
    readyState = 0;

    constructor(url) {
      super();
      this.url = url;
      streams.push(this);
    }

    close() {
      this.readyState = 2;
    }

    open() {
      this.readyState = 1;
      this.dispatchEvent(new window.Event("open"));
      return settle();
    }

    /** Breaks off; the browser reconnects by itself unless it is `final`. */
    breakOff({ final = false } = {}) {
      this.readyState = final ? 2 : 0;
      this.dispatchEvent(new window.Event("error"));
      return settle();
    }

    send(name, data, lastEventId = "1") {
      this.dispatchEvent(new window.MessageEvent(name, { data: JSON.stringify(data), lastEventId }));
      return settle();
    }
  };
}

function uploadRequest(window, uploads) {
  return class extends window.EventTarget {
    upload = new window.EventTarget();
    headers = {};
    responseText = "";
    status = 0;
    #answered = {};
    #isOver = false;

    open(method, url) {
      this.target = `${method} ${url}`;
    }

    setRequestHeader(name, value) {
      this.headers[name] = value;
    }

    getResponseHeader(name) {
      return this.#answered[name] ?? null;
    }

    send(body) {
      this.file = body.get("file");
      uploads.push(this);
    }

    progress(loaded, total) {
      this.upload.dispatchEvent(new window.ProgressEvent("progress", { lengthComputable: true, loaded, total }));
    }

    answer(status, body = {}, headers = {}) {
      this.status = status;
      this.responseText = JSON.stringify(body);
      this.#answered = headers;
      return this.#end("load");
    }

    fail() {
      return this.#end("error");
    }

    abort() {
      this.wasAborted = true;
      return this.#end("abort");
    }

    get isOpen() {
      return !this.#isOver;
    }

    #end(name) {
      if (this.#isOver) return settle();
      this.#isOver = true;
      this.dispatchEvent(new window.Event(name));
      this.dispatchEvent(new window.Event("loadend"));
      return settle();
    }
  };
}

function intersectionObserver(observers) {
  return class {
    observed = new Set();

    constructor(callback) {
      this.callback = callback;
      observers.push(this);
    }

    observe(element) {
      this.observed.add(element);
    }

    unobserve(element) {
      this.observed.delete(element);
    }

    disconnect() {
      this.observed.clear();
    }

    /** The element comes into sight. */
    see(element) {
      if (this.observed.has(element)) this.callback([{ isIntersecting: true, target: element }]);
      return settle();
    }
  };
}
