// Turns the plain upload form into one that takes several files at once, by drop, paste or
// choice, each with its own progress, error, cancel and retry. XHR, because fetch cannot say how
// much of a body has left. At most three at a time, so that the first ones finish early.

import { announce } from "./announce.js";

const AT_ONCE = 3;

export function start() {
  const form = document.querySelector("[data-upload]");
  const input = form.querySelector("input[type=file]");
  const panel = document.querySelector("[data-uploads]");
  const rows = panel.querySelector("[data-rows]");
  const summary = panel.querySelector("[data-summary]");
  const clear = panel.querySelector("[data-clear]");
  const template = document.getElementById("upload-row");
  const limit = Number(form.dataset.maxMb) * 1024 * 1024;
  const uploads = [];

  form.classList.add("is-live");
  for (const part of form.querySelectorAll("[data-with-js]")) part.hidden = false;
  for (const part of form.querySelectorAll("[data-without-js]")) part.hidden = true;

  input.addEventListener("change", take);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take();
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length > 0) add([...event.clipboardData.files]);
  });
  clear.addEventListener("click", () => {
    for (const upload of uploads.splice(0)) {
      if (upload.state === "done" || upload.state === "failed") upload.row.remove();
      else uploads.push(upload);
    }
    update();
    input.focus();
  });
  window.addEventListener("beforeunload", (event) => {
    if (uploads.some((upload) => upload.state === "waiting" || upload.state === "sending")) event.preventDefault();
  });
  acceptDrops(form, add);
  take();

  // Also what was chosen before this script was there: no event tells of it.
  function take() {
    if (input.files.length > 0) add([...input.files]);
    input.value = "";
  }

  function add(files) {
    for (const file of files) {
      const row = template.content.firstElementChild.cloneNode(true);
      const upload = { file, row, state: "waiting", request: null, key: newKey() };
      row.querySelector(".upload-name").textContent = file.name;
      row.querySelector("progress").setAttribute("aria-label", `Uploading ${file.name}`);
      for (const button of row.querySelectorAll("button, a")) {
        button.setAttribute("aria-label", `${button.textContent} ${file.name}`);
      }
      row.querySelector("[data-cancel]").addEventListener("click", () => cancel(upload));
      row.querySelector("[data-retry]").addEventListener("click", () => {
        set(upload, "waiting", "Waiting");
        next();
      });
      rows.append(row);
      uploads.push(upload);
      if (file.folder) set(upload, "failed", "This is a folder. Open it and choose the photos inside.", false);
      else if (file.size === 0) set(upload, "failed", "This file is empty.", false);
      else if (file.size > limit) set(upload, "failed", `${megabytes(file.size)} is more than the ${form.dataset.maxMb} MB a photo may have.`, false);
      else set(upload, "waiting", "Waiting");
    }
    next();
  }

  function next() {
    const sending = uploads.filter((upload) => upload.state === "sending").length;
    const waiting = uploads.filter((upload) => upload.state === "waiting");
    for (const upload of waiting.slice(0, AT_ONCE - sending)) send(upload);
    update();
  }

  function send(upload) {
    const request = new XMLHttpRequest();
    upload.request = request;
    set(upload, "sending", "Sending…");
    preview(upload);
    request.open("POST", "/api/images");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Idempotency-Key", upload.key);
    request.responseType = "text";
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      upload.row.querySelector("progress").value = (100 * event.loaded) / event.total;
      upload.row.querySelector(".upload-status").textContent =
        event.loaded < event.total ? `${megabytes(event.loaded)} of ${megabytes(event.total)}` : "Checking…";
    });
    request.addEventListener("load", () => finish(upload, request));
    request.addEventListener("error", () => {
      set(upload, "failed", navigator.onLine ? "The connection broke off." : "You are offline.");
      next();
    });
    const body = new FormData();
    body.append("file", upload.file);
    request.send(body);
  }

  function finish(upload, request) {
    const answer = parse(request.responseText);
    if (request.status === 201 || request.status === 200) {
      const view = upload.row.querySelector("[data-view]");
      if (answer?.id) {
        view.href = `/images/${encodeURIComponent(answer.id)}`;
        view.hidden = false;
        document.dispatchEvent(new CustomEvent("vitrine:uploaded", { detail: { id: answer.id } }));
      }
      set(upload, "done", request.status === 200 ? "Already here" : "Added");
    } else {
      const again = request.status >= 500 || request.status === 429 || request.status === 408;
      set(upload, "failed", answer?.detail ?? answer?.title ?? `The server answered ${request.status}.`, again);
    }
    next();
  }

  function cancel(upload) {
    upload.request?.abort();
    upload.row.remove();
    uploads.splice(uploads.indexOf(upload), 1);
    announce(`${upload.file.name} cancelled.`);
    next();
    input.focus();
  }

  function set(upload, state, text, again = state === "failed") {
    upload.state = state;
    const { row } = upload;
    const active = row.contains(document.activeElement);
    row.dataset.state = state;
    row.querySelector(".upload-status").textContent = text;
    row.querySelector("[data-retry]").hidden = !again;
    row.querySelector("[data-cancel]").hidden = state === "done" || state === "failed";
    if (state === "sending") row.querySelector("progress").value = 0;
    if (state === "failed") announce(`${upload.file.name}: ${text}`);
    if (active) (row.querySelector("button:not([hidden]), a:not([hidden])") ?? input).focus();
  }

  function update() {
    const count = (state) => uploads.filter((upload) => upload.state === state).length;
    const left = count("waiting") + count("sending");
    const parts = [];
    if (left > 0) parts.push(`${left} on the way`);
    if (count("done") > 0) parts.push(`${count("done")} added`);
    if (count("failed") > 0) parts.push(`${count("failed")} not added`);
    panel.hidden = uploads.length === 0;
    summary.textContent = parts.join(", ");
    clear.hidden = count("done") + count("failed") === 0;
  }
}

// Anywhere on the page, since a file dropped beside the area would otherwise replace the page.
function acceptDrops(area, add) {
  let depth = 0;
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
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const files = items.map((item) => {
      const file = item.getAsFile();
      if (file && item.webkitGetAsEntry?.()?.isDirectory) file.folder = true;
      return file;
    });
    add(files.filter(Boolean));
  });
}

function preview(upload) {
  const image = upload.row.querySelector("img");
  if (!image.hidden) return;
  const url = URL.createObjectURL(upload.file);
  const done = () => URL.revokeObjectURL(url);
  image.addEventListener("load", () => (image.hidden = false), { once: true });
  image.addEventListener("load", done, { once: true });
  image.addEventListener("error", done, { once: true });
  image.src = url;
}

// The same key on every try of a file, so that a lost answer cannot make a second picture.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function megabytes(bytes) {
  const value = bytes / (1024 * 1024);
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} MB`;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
