// Uploading photos from the home page.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { announced, assertNoErrors, openPage, settle } from "./page.js";
import { card, galleryPage } from "./templates.js";

afterEach(assertNoErrors);

const home = () => galleryPage([]);

async function openHome() {
  const page = await openPage(home());
  page.server.on("GET /", home);
  for (const id of ["a", "b", "c"]) page.server.on(`GET /images/${id}/card`, card(id));
  return page;
}

function photo({ window }, name = "photo.jpg", size = 10) {
  return new window.File(["x".repeat(size)], name, { type: "image/jpeg" });
}

/** Chooses files as the file dialog does. */
async function choose(page, ...files) {
  const input = page.document.getElementById("files");
  Object.defineProperty(input, "files", { value: files, configurable: true });
  input.dispatchEvent(new page.window.Event("change"));
  Object.defineProperty(input, "files", { value: [], configurable: true });
  await settle();
}

const choosePhotos = (page, count) => choose(page, ...Array.from({ length: count }, (_, index) => photo(page, `${index + 1}.jpg`)));
const rows = (page) => [...page.document.querySelectorAll("[data-rows] .upload")];
const states = (page) => rows(page).map((row) => row.dataset.state);
const status = (page, index = 0) => rows(page)[index].querySelector(".upload-status").textContent;
const summary = (page) => page.document.querySelector("[data-summary]").textContent;
const open = (page) => page.uploads.filter((upload) => upload.isOpen);
const pause = (page) => {
  const line = page.document.querySelector("[data-paused]");
  return line.hidden ? null : line.querySelector("[data-pause-text]").textContent;
};
const canRetry = (page) => rows(page).map((row) => !row.querySelector("[data-retry]").hidden);

test("at most three photos are sent at once, in the order in which they were chosen", async () => {
  const page = await openHome();
  await choosePhotos(page, 5);
  assert.deepEqual(open(page).map((upload) => upload.file.name), ["1.jpg", "2.jpg", "3.jpg"]);
  await open(page)[1].answer(201, { id: "b" });
  assert.deepEqual(open(page).map((upload) => upload.file.name), ["1.jpg", "3.jpg", "4.jpg"]);
  assert.equal(summary(page), "4 on the way, 1 added");
});

test("photos that are here already are not counted as added", async () => {
  const page = await openHome();
  await choosePhotos(page, 3);
  await page.uploads[0].answer(201, { id: "a" });
  await page.uploads[1].answer(200, { id: "b" });
  await page.uploads[2].answer(200, { id: "c" });
  assert.equal(summary(page), "1 added, 2 already here");
  assert.equal(rows(page)[1].querySelector("[data-view]").getAttribute("href"), "/images/b");
});

test("a file that cannot be a photo is refused without being sent", async () => {
  const page = await openHome();
  await choose(page, photo(page, "empty.jpg", 0), photo(page, "huge.jpg", 3 * 1024 * 1024));
  assert.equal(page.uploads.length, 0);
  assert.equal(status(page, 0), "This file is empty.");
  assert.equal(status(page, 1), "3.0 MB is more than the 1 MB a photo may have.");
  assert.equal(summary(page), "2 not added");
  await page.clock.advance(1000);
  assert.match(announced(page), /empty\.jpg: This file is empty\./);
});

test("a refusal shows the server's reason and offers a retry only where one may help", async () => {
  const page = await openHome();
  await choosePhotos(page, 2);
  await page.uploads[0].answer(415, { detail: "this is no image" });
  await page.uploads[1].answer(500, { detail: "something went wrong on our side" });
  assert.deepEqual(states(page), ["failed", "failed"]);
  assert.equal(status(page, 0), "This is no image.");
  assert.deepEqual(canRetry(page), [false, true]);
  rows(page)[1].querySelector("[data-retry]").click();
  assert.equal(open(page)[0].file.name, "2.jpg");
});

test("after the connection came back, interrupted uploads go on by themselves", async () => {
  const page = await openHome();
  await choosePhotos(page, 5);
  page.server.on("GET /", "unreachable");
  for (const upload of open(page)) await upload.fail();
  assert.deepEqual(states(page), Array(5).fill("waiting"));
  assert.match(pause(page), /^The connection is interrupted\./);
  await page.clock.advance(60_000);
  assert.equal(open(page).length, 0, "nothing is sent while the server cannot be reached");

  page.server.on("GET /", home);
  await page.clock.advance(30_000);
  assert.deepEqual(open(page).map((upload) => upload.file.name), ["1.jpg", "2.jpg", "3.jpg"]);
  assert.equal(pause(page), null);
});

test("coming back online continues at once", async () => {
  const page = await openHome();
  await choosePhotos(page, 1);
  page.server.on("GET /", "unreachable");
  await page.uploads[0].fail();
  await page.clock.advance(40_000);
  page.server.on("GET /", home);
  page.window.dispatchEvent(new page.window.Event("online"));
  await settle();
  assert.equal(open(page).length, 1);
});

test("a second try has the same idempotency key, so a lost answer adds nothing twice", async () => {
  const page = await openHome();
  await choosePhotos(page, 2);
  await page.uploads[0].fail();
  await page.clock.advance(2000);
  const [first, second, again] = page.uploads.map((upload) => upload.headers["Idempotency-Key"]);
  assert.equal(again, first);
  assert.notEqual(second, first);
  assert.match(first, /^[0-9a-f]{32}$/);
});

test("a file that breaks the connection every time is given up while the server can be reached", async () => {
  const page = await openHome();
  await choosePhotos(page, 1);
  for (let tries = 0; open(page).length > 0; tries++) {
    assert.ok(tries < 10, "it is sent for ever");
    await open(page)[0].fail();
    await page.clock.advance(60_000);
  }
  assert.equal(page.uploads.length, 5);
  assert.equal(status(page), "The connection broke off several times.");
  assert.deepEqual(canRetry(page), [true]);
});

test("a file that was removed after it was chosen says so", async () => {
  const page = await openHome();
  const file = photo(page);
  file.slice = () => ({ arrayBuffer: () => Promise.reject(new Error("NotReadableError")) });
  await choose(page, file);
  await page.uploads[0].fail();
  assert.equal(status(page), "This file was moved or changed. Choose it again.");
  assert.deepEqual(canRetry(page), [false]);
});

test("an upload in which nothing moves for a minute is sent again", async () => {
  const page = await openHome();
  await choosePhotos(page, 1);
  await page.clock.advance(50_000);
  page.uploads[0].progress(5, 10);
  await page.clock.advance(50_000);
  assert.equal(page.uploads.length, 1, "it was moving");
  await page.clock.advance(15_000);
  assert.equal(page.uploads[0].wasAborted, true);
  assert.equal(page.uploads.length, 2);
});

test("a busy server is given the time that it asks for", async () => {
  const page = await openHome();
  await choosePhotos(page, 1);
  await page.uploads[0].answer(503, { detail: "the database does not answer" }, { "Retry-After": "20" });
  assert.equal(pause(page), "The database does not answer. The upload goes on by itself.");
  await page.clock.advance(19_000);
  assert.equal(open(page).length, 0);
  await page.clock.advance(2000);
  assert.equal(open(page).length, 1);
});

test("when the session ends, the photos wait until one is signed in again in another tab", async () => {
  const page = await openHome();
  await choosePhotos(page, 5);
  const signIn = page.document.querySelector("[data-sign-in]");
  assert.equal(signIn.hidden, true);
  const visitorsHome = home().replace("data-upload ", "");
  page.server.on("GET /", visitorsHome);
  for (const upload of open(page)) await upload.answer(401, { detail: "sign in first" });
  assert.equal(summary(page), "5 on the way");
  assert.match(pause(page), /^You are signed out\./);
  assert.equal(signIn.hidden, false);
  assert.equal(signIn.target, "_blank");

  page.window.dispatchEvent(new page.window.Event("focus"));
  await settle();
  assert.equal(open(page).length, 0, "still signed out");
  page.server.on("GET /", home);
  page.window.dispatchEvent(new page.window.Event("focus"));
  await settle();
  assert.equal(open(page).length, 3);
  assert.equal(pause(page), null);
});

test("cancelling stops the request, and the next photo takes its place", async () => {
  const page = await openHome();
  await choosePhotos(page, 4);
  const cancelled = page.uploads[0];
  rows(page)[0].querySelector("[data-cancel]").click();
  await settle();
  assert.equal(cancelled.wasAborted, true);
  assert.deepEqual(open(page).map((upload) => upload.file.name), ["2.jpg", "3.jpg", "4.jpg"]);
  assert.equal(page.document.activeElement.id, "files");
});

test("leaving the page is questioned only while photos are on the way", async () => {
  const page = await openHome();
  const leave = () => {
    const event = new page.window.Event("beforeunload", { cancelable: true });
    page.window.dispatchEvent(event);
    return event.defaultPrevented;
  };
  assert.equal(leave(), false);
  await choosePhotos(page, 1);
  assert.equal(leave(), true);
  await page.uploads[0].answer(201, { id: "a" });
  assert.equal(leave(), false);
});

test("many photos have one bar, and those that failed come first", async () => {
  const page = await openHome();
  const total = page.document.querySelector("[data-total]");
  const list = page.document.querySelector("[data-rows]");
  await choosePhotos(page, 3);
  assert.equal(total.hidden, true);
  await choosePhotos(page, 7);
  assert.equal(total.hidden, false);
  assert.equal(list.classList.contains("is-brief"), true);
  await open(page)[0].answer(201, { id: "a" });
  await open(page)[0].answer(415, { detail: "this is no image" });
  assert.equal(total.value, 20);
  assert.equal(rows(page)[0].dataset.state, "failed");
  page.document.querySelector("[data-each]").click();
  assert.equal(list.classList.contains("is-brief"), false);
});

test("clearing the list keeps what is on the way", async () => {
  const page = await openHome();
  await choosePhotos(page, 3);
  await page.uploads[0].answer(201, { id: "a" });
  await page.uploads[1].answer(415, { detail: "no" });
  page.document.querySelector("[data-clear]").click();
  assert.deepEqual(states(page), ["sending"]);
  assert.equal(page.document.querySelector("[data-clear]").hidden, true);
});

test("a dropped folder is explained, and the files beside it are taken", async () => {
  const page = await openHome();
  const item = (file, isDirectory) => ({ kind: "file", getAsFile: () => file, webkitGetAsEntry: () => ({ isDirectory }) });
  const drop = new page.window.Event("drop", { cancelable: true });
  drop.dataTransfer = { types: ["Files"], items: [item(photo(page, "holiday"), true), item(photo(page, "a.jpg"), false)] };
  page.window.dispatchEvent(drop);
  await settle();
  assert.equal(drop.defaultPrevented, true);
  assert.match(status(page, 0), /^This is a folder/);
  assert.deepEqual(open(page).map((upload) => upload.file.name), ["a.jpg"]);
});
