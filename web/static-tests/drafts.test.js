// Forms that were sent after the session had ended.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { assertNoErrors, openPage } from "./page.js";
import { imagePage, renderPage } from "./templates.js";

afterEach(assertNoErrors);

const messages = (values = {}) => renderPage("messages.html", values);
const stored = ({ window }) => ({ ...window.sessionStorage });

/** Types a message and sends it. What the tab's storage holds then goes on to the next page. */
async function sendMessage() {
  const page = await openPage(messages(), "/messages");
  page.document.getElementById("author").value = "Ada";
  page.document.getElementById("body").value = "A long story";
  page.document.querySelector("form[action='/messages']").dispatchEvent(new page.window.Event("submit", { bubbles: true, cancelable: true }));
  return stored(page);
}

const bodyOf = (page) => page.document.getElementById("body").value;

test("a message that met the login page is in the form again after signing in", async () => {
  const login = await openPage(renderPage("login.html"), "/login?next=%2Fmessages", { storage: await sendMessage() });
  const page = await openPage(messages(), "/messages", { storage: stored(login) });
  assert.equal(bodyOf(page), "A long story");
  assert.equal(page.document.getElementById("author").value, "Ada");
  const later = await openPage(messages(), "/messages", { storage: stored(page) });
  assert.equal(bodyOf(later), "", "it is restored once");
});

test("a message that arrived is not in the form again", async () => {
  const page = await openPage(messages(), "/messages", { storage: await sendMessage() });
  assert.equal(bodyOf(page), "");
  assert.deepEqual(stored(page), {});
});

test("a form that the server filled in again is left as it is", async () => {
  const page = await openPage(messages({ "form.body": "As the server got it" }), "/messages", { storage: await sendMessage() });
  assert.equal(bodyOf(page), "As the server got it");
});

test("passwords are never kept", async () => {
  const page = await openPage(renderPage("login.html"), "/login");
  page.document.getElementById("password").value = "four random plain words";
  page.document.querySelector("form[action='/login']").dispatchEvent(new page.window.Event("submit", { bubbles: true, cancelable: true }));
  assert.deepEqual(stored(page), {});
});

test("a description comes back to its own picture only", async () => {
  const written = await openPage(imagePage("a"), "/images/a");
  written.document.getElementById("words").value = "Ada cuts the cake";
  written.document.querySelector("form[action='/images/a/caption']").dispatchEvent(new written.window.Event("submit", { bubbles: true, cancelable: true }));
  const login = await openPage(renderPage("login.html"), "/login", { storage: stored(written) });
  const other = await openPage(imagePage("b"), "/images/b", { storage: stored(login) });
  assert.equal(other.document.getElementById("words").value, "");
  const page = await openPage(imagePage("a"), "/images/a", { storage: stored(other) });
  assert.equal(page.document.getElementById("words").value, "Ada cuts the cake");
});
