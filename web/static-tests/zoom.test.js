// Looking closely at a rendition.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { announced, assertNoErrors, openPage, press, settle } from "./page.js";
import { imagePage, visitorsPage } from "./templates.js";

afterEach(assertNoErrors);

const open = (options) => openPage(imagePage("a", options), "/images/a");
const dialog = (page) => page.document.getElementById("zoom");
const shown = (page) => dialog(page).querySelector(".zoom-stage img").getAttribute("src")?.split("/").at(-1) ?? null;
const choices = (page) => [...dialog(page).querySelectorAll("[data-zoom-switch] button")];
const pressed = (page) => choices(page).find((button) => button.getAttribute("aria-pressed") === "true")?.textContent;

function zoom(page, label) {
  page.document.querySelector(`a[data-zoom="${label}"]`).click();
}

test("a click on a rendition opens it, with a choice among the large ones", async () => {
  const page = await open();
  zoom(page, "Copy");
  assert.equal(dialog(page).open, true);
  assert.equal(shown(page), "anonymised");
  assert.deepEqual(choices(page).map((button) => button.textContent), ["Copy", "Original"]);
  assert.equal(pressed(page), "Copy");
  assert.deepEqual(page.navigations, []);
});

test("a click with a modifier opens the file as any link", async () => {
  const page = await open();
  page.document.querySelector('a[data-zoom="Original"]').dispatchEvent(new page.window.MouseEvent("click", { bubbles: true, cancelable: true, ctrlKey: true }));
  assert.equal(dialog(page).open, false);
  assert.equal(page.navigations.length, 1);
});

test("arrows go from one rendition to the next and around, but scroll at full size", async () => {
  const page = await open();
  zoom(page, "Copy");
  press(page, "ArrowRight");
  assert.equal(shown(page), "original");
  press(page, "ArrowRight");
  assert.equal(shown(page), "anonymised");
  press(page, "Enter");
  press(page, "ArrowRight");
  assert.equal(shown(page), "anonymised");
});

test("arrows still go to the next rendition after a live update replaced the links", async () => {
  const page = await open({ renditions: ["Original", "Copy", "Framed"] });
  zoom(page, "Copy");
  const strip = page.document.querySelector(".strip");
  strip.replaceWith(strip.cloneNode(true));
  press(page, "ArrowRight");
  assert.equal(shown(page), "framed");
});

test("where there is only the visitors' picture, arrows do nothing", async () => {
  const page = await openPage(visitorsPage("a", { caption: "Ada cuts the cake" }), "/images/a");
  zoom(page, "Picture");
  press(page, "ArrowRight");
  assert.equal(shown(page), "anonymised");
  assert.equal(dialog(page).querySelector(".zoom-stage img").alt, "Ada cuts the cake");
});

test("a choice keeps the focus", async () => {
  const page = await open();
  zoom(page, "Copy");
  choices(page)[1].focus();
  choices(page)[1].click();
  assert.equal(shown(page), "original");
  assert.equal(page.document.activeElement.textContent, "Original");
});

test("closing returns the focus to the rendition that was shown last", async () => {
  const page = await open();
  zoom(page, "Original");
  press(page, "ArrowRight");
  dialog(page).close();
  assert.equal(page.document.activeElement.dataset.zoom, "Copy");
  assert.equal(shown(page), null);
});

test("copying the description says whether it worked", async () => {
  const copied = [];
  const clipboard = { writeText: async (text) => copied.push(text) };
  const page = await openPage(imagePage("a", { caption: "Ada cuts the cake" }), "/images/a", {
    prepare: ({ window }) => Object.defineProperty(window.navigator, "clipboard", { value: clipboard }),
  });
  const button = page.document.querySelector("[data-copy]");
  assert.equal(button.hidden, false);
  button.click();
  await page.clock.advance(1000);
  assert.deepEqual(copied, ["Ada cuts the cake"]);
  assert.equal(announced(page), "Description copied.");

  clipboard.writeText = () => Promise.reject(new Error("not allowed"));
  button.click();
  await page.clock.advance(1000);
  assert.equal(announced(page), "The description could not be copied.");
});

test("without access to the clipboard there is no button to copy", async () => {
  const page = await open();
  assert.equal(page.document.querySelector("[data-copy]").hidden, true);
});

test("the links above the strip mark the rendition that is in sight", async () => {
  const page = await open();
  const figure = page.document.getElementById("rendition-anonymised");
  page.document.querySelector(".rendition-tabs").innerHTML = '<a href="#rendition-original">Original</a><a href="#rendition-anonymised">Anonymised</a>';
  await Promise.all(page.observers.map((observer) => observer.see(figure)));
  await settle();
  const marks = [...page.document.querySelectorAll(".rendition-tabs a")].map((tab) => tab.getAttribute("aria-current"));
  assert.deepEqual(marks, [null, "true"]);
});
