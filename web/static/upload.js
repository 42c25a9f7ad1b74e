// Turns the plain upload form into one that takes several files at once, by drop, paste or choice,
// each with its own progress, error, cancel and retry.

import { announce } from "./announce.js";
import { all, one } from "./dom.js";
import { UploadQueue } from "./upload_queue.js";
import { probe, sendPhoto } from "./upload_request.js";

/** @typedef {import("./upload_queue.js").Upload} Upload */

// From so many on, one bar stands for all photos, and only those that failed are listed.
const MANY = 8;

/** @type {Record<import("./upload_queue.js").State, string>} */
const STATUS = { waiting: "Waiting", sending: "Sending…", added: "Added", existing: "Already here", failed: "" };

export function start() {
  const form = one(document, "[data-upload]", HTMLFormElement);
  const input = one(form, "input[type=file]", HTMLInputElement);
  const panel = one(document, "[data-uploads]", HTMLElement);
  const rows = one(panel, "[data-rows]", HTMLElement);
  const clear = one(panel, "[data-clear]", HTMLButtonElement);
  const each = one(panel, "[data-each]", HTMLButtonElement);
  const total = one(panel, "[data-total]", HTMLProgressElement);
  const template = one(document, "#upload-row", HTMLTemplateElement);
  const limit = Number(form.dataset.maxMb) * 1024 * 1024;
  /** @type {Map<Upload, HTMLElement>} */
  const rowOf = new Map();
  const queue = new UploadQueue({
    send: (upload, signal) => sendPhoto(upload, signal, (sent, total) => showProgress(upload, sent, total)),
    probe,
    shown,
    changed: update,
  });

  form.classList.add("is-live");
  for (const part of all(form, "[data-with-js]")) part.hidden = false;
  for (const part of all(form, "[data-without-js]")) part.hidden = true;

  input.addEventListener("change", take);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take();
  });
  document.addEventListener("paste", (event) => add([...(event.clipboardData?.files ?? [])]));
  clear.addEventListener("click", () => {
    for (const upload of queue.clear()) removeRow(upload);
    input.focus();
  });
  each.addEventListener("click", () => {
    each.setAttribute("aria-pressed", String(each.getAttribute("aria-pressed") !== "true"));
    update();
  });
  one(panel, "[data-resume]", HTMLButtonElement).addEventListener("click", () => queue.resume());
  // Back online, or back from signing in in another tab.
  window.addEventListener("online", () => queue.resume());
  window.addEventListener("focus", () => queue.pause?.cause === "signed-out" && queue.resume());
  window.addEventListener("beforeunload", (event) => {
    if (queue.hasPending) event.preventDefault();
  });
  acceptDrops(form, add);
  // Files that were chosen before this script ran caused no event.
  take();

  function take() {
    add([...(input.files ?? [])]);
    input.value = "";
  }

  /**
   * @param {File[]} files
   * @param {Set<File>} [folders] Those that are no files but folders.
   */
  function add(files, folders) {
    if (files.length === 0) return;
    for (const file of files) {
      const upload = queue.add(file, folders?.has(file) ? "This is a folder. Open it and choose the photos inside." : refusal(file));
      rowOf.set(upload, makeRow(upload));
      shown(upload);
    }
    queue.pump();
  }

  /** @param {File} file */
  function refusal(file) {
    if (file.size === 0) return "This file is empty.";
    if (file.size > limit) return `${megabytes(file.size)} is more than the ${form.dataset.maxMb} MB a photo may have.`;
    return undefined;
  }

  /** @param {Upload} upload */
  function makeRow(upload) {
    const row = one(/** @type {DocumentFragment} */ (template.content.cloneNode(true)), ".upload", HTMLElement);
    const { name } = upload.file;
    one(row, ".upload-name", HTMLElement).textContent = name;
    one(row, "progress", HTMLProgressElement).setAttribute("aria-label", `Uploading ${name}`);
    for (const button of all(row, "button, a")) button.setAttribute("aria-label", `${button.textContent} ${name}`);
    one(row, "[data-cancel]", HTMLButtonElement).addEventListener("click", () => {
      removeRow(upload);
      queue.cancel(upload);
      announce(`${name} cancelled.`);
      input.focus();
    });
    one(row, "[data-retry]", HTMLButtonElement).addEventListener("click", () => queue.retry(upload));
    rows.append(row);
    return row;
  }

  /** @param {Upload} upload */
  function removeRow(upload) {
    rowOf.get(upload)?.remove();
    rowOf.delete(upload);
  }

  /** @param {Upload} upload */
  function shown(upload) {
    const row = rowOf.get(upload);
    if (!row) return;
    const { state } = upload;
    const isDone = state === "added" || state === "existing";
    const hadFocus = row.contains(document.activeElement);
    row.dataset.state = isDone ? "done" : state;
    one(row, ".upload-status", HTMLElement).textContent = upload.text || STATUS[state];
    one(row, "[data-retry]", HTMLElement).hidden = !upload.mayRetry;
    one(row, "[data-cancel]", HTMLElement).hidden = isDone || state === "failed";
    if (state === "sending") {
      one(row, "progress", HTMLProgressElement).value = 0;
      preview(one(row, "img", HTMLImageElement), upload.file);
    }
    // What needs attention comes first.
    if (state === "failed") rows.insertBefore(row, all(rows, '.upload:not([data-state="failed"])')[0] ?? null);
    if (state === "failed") announce(`${upload.file.name}: ${upload.text}`);
    if (isDone && upload.id) {
      const view = one(row, "[data-view]", HTMLAnchorElement);
      view.href = `/images/${encodeURIComponent(upload.id)}`;
      view.hidden = false;
      document.dispatchEvent(new CustomEvent("vitrine:uploaded", { detail: { id: upload.id } }));
    }
    if (hadFocus) (all(row, "button:not([hidden]), a:not([hidden])")[0] ?? input).focus();
  }

  /**
   * @param {Upload} upload
   * @param {number} sent
   * @param {number} total
   */
  function showProgress(upload, sent, total) {
    const row = rowOf.get(upload);
    if (!row) return;
    one(row, "progress", HTMLProgressElement).value = (100 * sent) / total;
    one(row, ".upload-status", HTMLElement).textContent = sent < total ? `${megabytes(sent)} of ${megabytes(total)}` : "Checking…";
  }

  function update() {
    const left = queue.count("waiting") + queue.count("sending");
    const parts = [
      [left, "on the way"],
      [queue.count("added"), "added"],
      [queue.count("existing"), "already here"],
      [queue.count("failed"), "not added"],
    ];
    panel.hidden = queue.uploads.length === 0;
    one(panel, "[data-summary]", HTMLElement).textContent = parts.filter(([count]) => count).map((part) => part.join(" ")).join(", ");
    clear.hidden = queue.uploads.length === left;
    const count = queue.uploads.length;
    const isMany = count >= MANY;
    total.hidden = !isMany || left === 0;
    total.value = count ? (100 * (count - left)) / count : 0;
    each.hidden = !isMany;
    rows.classList.toggle("is-brief", isMany && each.getAttribute("aria-pressed") !== "true");
    const pause = queue.count("waiting") > 0 ? queue.pause : null;
    one(panel, "[data-paused]", HTMLElement).hidden = !pause;
    one(panel, "[data-pause-text]", HTMLElement).textContent = pause ? `${pause.text} ${goesOn(pause.cause)}` : "";
    one(panel, "[data-sign-in]", HTMLElement).hidden = pause?.cause !== "signed-out";
  }
}

/** @param {import("./upload_queue.js").Pause["cause"]} cause */
function goesOn(cause) {
  return cause === "signed-out" ? "The photos wait here until you are signed in again." : "The upload goes on by itself.";
}

/**
 * Takes drops anywhere on the page: the browser would open a file that is dropped beside the form.
 *
 * @param {HTMLElement} area
 * @param {(files: File[], folders: Set<File>) => void} add
 */
function acceptDrops(area, add) {
  let depth = 0;
  /** @param {DragEvent} event */
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) area.classList.toggle("is-over", ++depth > 0);
  });
  window.addEventListener("dragleave", (event) => {
    if (carriesFiles(event)) area.classList.toggle("is-over", --depth > 0);
  });
  window.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  window.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    area.classList.remove("is-over");
    const files = [];
    const folders = new Set();
    for (const item of event.dataTransfer?.items ?? []) {
      const file = item.kind === "file" ? item.getAsFile() : null;
      if (!file) continue;
      files.push(file);
      if (item.webkitGetAsEntry?.()?.isDirectory) folders.add(file);
    }
    add(files, folders);
  });
}

/**
 * @param {HTMLImageElement} image
 * @param {File} file
 */
function preview(image, file) {
  if (!image.hidden) return;
  const url = URL.createObjectURL(file);
  image.addEventListener("load", () => (image.hidden = false), { once: true });
  for (const end of ["load", "error"]) image.addEventListener(end, () => URL.revokeObjectURL(url), { once: true });
  image.src = url;
}

/** @param {number} bytes */
function megabytes(bytes) {
  const value = bytes / (1024 * 1024);
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} MB`;
}
