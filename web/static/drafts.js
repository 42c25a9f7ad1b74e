// Keeps what was typed when a session ended meanwhile. The server then answers a form with the
// login page, and leads back to the page with the form afterwards: empty, without this.
//
// What a form sends is put into the tab's storage. A visit to the login page before the form's page
// is shown again means that it did not arrive.

import { all } from "./dom.js";

const PREFIX = "vitrine-draft:";

/** @typedef {{ fields: Record<string, string>, hasMetLogin: boolean }} Draft */

export function start() {
  if (location.pathname === "/login") return markAll();
  for (const form of all(document, "form[data-draft]")) {
    if (!(form instanceof HTMLFormElement)) continue;
    const draft = take(form);
    if (draft?.hasMetLogin) restore(form, draft);
    form.addEventListener("submit", () => keep(form));
  }
}

/** @param {HTMLFormElement} form */
function keyOf(form) {
  return PREFIX + new URL(form.action).pathname;
}

/** @param {HTMLFormElement} form */
function controls(form) {
  return all(form, "input[name], textarea[name]").filter(
    (control) => control instanceof HTMLTextAreaElement || control instanceof HTMLInputElement,
  );
}

/** @param {HTMLFormElement} form */
function keep(form) {
  const fields = Object.fromEntries(controls(form).map(({ name, value }) => [name, value]));
  write(keyOf(form), { fields, hasMetLogin: false });
}

/**
 * The draft of a form, which is no longer kept then.
 *
 * @param {HTMLFormElement} form
 * @returns {Draft | null}
 */
function take(form) {
  const key = keyOf(form);
  const draft = read(key);
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Then there was no draft either.
  }
  return draft;
}

/**
 * @param {HTMLFormElement} form
 * @param {Draft} draft
 */
function restore(form, draft) {
  for (const control of controls(form)) {
    const value = draft.fields[control.name];
    if (value !== undefined) control.value = value;
  }
}

function markAll() {
  try {
    for (const key of Object.keys(sessionStorage)) {
      const draft = key.startsWith(PREFIX) ? read(key) : null;
      if (draft) write(key, { ...draft, hasMetLogin: true });
    }
  } catch {
    // Where the browser refuses storage, nothing is kept.
  }
}

/**
 * @param {string} key
 * @returns {Draft | null}
 */
function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {Draft} draft
 */
function write(key, draft) {
  try {
    sessionStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // See above.
  }
}
