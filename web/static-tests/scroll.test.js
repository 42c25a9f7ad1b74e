// Endless scrolling, and what screen readers hear of it and of other changes.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { announced, assertNoErrors, openPage, settle } from "./page.js";
import { card, galleryPage } from "./templates.js";

afterEach(assertNoErrors);

const NEXT = "/gallery?after=a";
const ids = (page) => [...page.document.querySelectorAll("#gallery [data-image-id]")].map((card) => card.dataset.imageId);
const link = (page) => page.document.querySelector("#more a");

const openGallery = () => openPage(galleryPage([card("b"), card("a")], { next: NEXT }), "/gallery");

function scrollDown(page) {
  const more = page.document.getElementById("more");
  return Promise.all(page.observers.map((observer) => observer.see(more))).then(settle);
}

test("the next page is appended when the end comes near, until there is no more", async () => {
  const page = await openGallery();
  page.server.on(`GET ${NEXT}`, galleryPage([card("a"), card("z"), card("y")], { next: "/gallery?after=y" }));
  page.server.on("GET /gallery?after=y", galleryPage([card("x")]));
  await scrollDown(page);
  assert.deepEqual(ids(page), ["b", "a", "z", "y"], "a picture that is on both pages is shown once");
  await page.clock.advance(1000);
  assert.equal(announced(page), "2 more pictures.");
  await scrollDown(page);
  assert.deepEqual(ids(page).at(-1), "x");
  await page.clock.advance(1000);
  assert.equal(announced(page), "1 more picture.");
  assert.equal(page.document.getElementById("more").hidden, true);
});

test("after an error scrolling does not try again, a click does", async () => {
  const page = await openGallery();
  page.server.on(`GET ${NEXT}`, 503);
  await scrollDown(page);
  await scrollDown(page);
  assert.equal(page.server.count(`GET ${NEXT}`), 1);
  assert.equal(link(page).textContent, "Could not load more. Try again");
  page.server.on(`GET ${NEXT}`, galleryPage([card("z")]));
  link(page).click();
  await settle();
  assert.deepEqual(ids(page), ["b", "a", "z"]);
});

test("who loads more with the keyboard goes on with the first new picture", async () => {
  const page = await openGallery();
  page.server.on(`GET ${NEXT}`, galleryPage([card("z"), card("y")]));
  link(page).focus();
  link(page).click();
  await settle();
  assert.equal(page.document.activeElement.closest(".card").id, "card-z");
});

test("a click with a modifier opens the next page as any link", async () => {
  const page = await openGallery();
  link(page).dispatchEvent(new page.window.MouseEvent("click", { bubbles: true, cancelable: true, metaKey: true }));
  assert.deepEqual(page.navigations, [NEXT]);
  assert.deepEqual(page.server.requests, []);
});

test("a steady stream of changes is announced, several at a time", async () => {
  const page = await openPage(galleryPage([]), "/gallery");
  await page.streams[0].open();
  for (let index = 0; index < 10; index++) {
    page.server.on(`GET /images/${index}/card`, card(String(index)));
    await page.streams[0].send("image", { id: String(index), uploaded_at: "2026-01-01T12:00:00Z" });
    await page.clock.advance(200);
  }
  assert.match(announced(page), /^Picture ready: .* And 1 more\.$/);
});

test("the same announcement is made again later", async () => {
  const page = await openGallery();
  page.server.on(`GET ${NEXT}`, 503);
  const heard = [];
  new page.window.MutationObserver(() => heard.push(announced(page))).observe(page.document.getElementById("announcer"), { childList: true });
  for (let tries = 0; tries < 2; tries++) {
    link(page).click();
    await page.clock.advance(10_000);
  }
  assert.deepEqual(heard, ["Could not load more pictures.", "", "Could not load more pictures.", ""]);
});
