// Going through pictures from the keyboard.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { ORIGIN, assertNoErrors, openPage, press } from "./page.js";
import { card, galleryPage, imagePage } from "./templates.js";

afterEach(assertNoErrors);

const openGallery = () => openPage(galleryPage(["a", "b", "c"].map((id) => card(id))), "/gallery");
const focusedCard = (page) => page.document.activeElement.closest(".card")?.dataset.imageId ?? null;

test("arrows and letters go from picture to picture and stop at the ends", async () => {
  const page = await openGallery();
  const visited = ["j", "ArrowRight", "j", "j", "k", "ArrowLeft", "k"].map((key) => {
    press(page, key);
    return focusedCard(page);
  });
  assert.deepEqual(visited, ["a", "b", "c", "c", "b", "a", "a"]);
});

test("keys do nothing while someone types, and Escape ends that", async () => {
  const page = await openGallery();
  const search = page.document.getElementById("q");
  search.focus();
  assert.equal(press(page, "j"), true, "the letter reaches the field");
  assert.equal(page.document.activeElement, search);
  press(page, "Escape");
  assert.equal(page.document.activeElement, page.document.body);
});

test("keys with a modifier belong to the browser", async () => {
  const page = await openGallery();
  for (const modifier of ["ctrlKey", "metaKey", "altKey"]) press(page, "j", { [modifier]: true });
  assert.equal(focusedCard(page), null);
});

test("single letters can be switched off, arrows stay, and the choice is remembered", async () => {
  const page = await openGallery();
  page.document.getElementById("letter-keys").click();
  press(page, "j");
  assert.equal(focusedCard(page), null);
  press(page, "ArrowRight");
  assert.equal(focusedCard(page), "a");
  assert.equal(page.window.localStorage.getItem("vitrine-letter-keys"), "off");
});

test("the slash goes to the search field and is not typed into it", async () => {
  const page = await openGallery();
  assert.equal(press(page, "/"), false);
  assert.equal(page.document.activeElement.id, "q");
});

test("the question mark opens the list, and no key acts behind it", async () => {
  const page = await openGallery();
  press(page, "?");
  assert.equal(page.document.getElementById("shortcuts").open, true);
  press(page, "j");
  assert.equal(focusedCard(page), null);
});

test("on the page of a picture the keys follow its links", async () => {
  const page = await openPage(imagePage("a"), "/images/a");
  press(page, "j");
  press(page, "ArrowLeft");
  press(page, "Escape");
  assert.deepEqual(page.navigations, ["/images/older", "/images/newer", "/gallery"]);
});

test("Escape goes back rather than on where the gallery was before, to keep the place in it", async () => {
  const page = await openPage(imagePage("a"), "/images/a", { referrer: `${ORIGIN}/gallery` });
  let backs = 0;
  page.window.history.pushState(null, "");
  page.window.history.back = () => backs++;
  press(page, "Escape");
  assert.equal(backs, 1);
  assert.deepEqual(page.navigations, []);
});

test("a strip that scrolls sideways keeps the arrow keys", async () => {
  const page = await openPage(imagePage("a"), "/images/a");
  const strip = page.document.querySelector(".strip");
  Object.defineProperty(strip, "scrollWidth", { value: 900 });
  strip.focus();
  assert.equal(press(page, "ArrowRight"), true);
  assert.deepEqual(page.navigations, []);
});
