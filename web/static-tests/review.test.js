// The release desk.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { announced, assertNoErrors, openPage, press, settle } from "./page.js";
import { reviewPage } from "./templates.js";

afterEach(assertNoErrors);

const FACE = { id: "f", x: 100, y: 100, width: 50, height: 60, shape: "ellipse", covers: "face", state: "cover", reason: null, by: { kind: "detector" } };
const UNCERTAIN = { ...FACE, id: "u", x: 600, y: 200, state: "uncertain" };

/** Maps the screen to the picture one to one. */
function flat({ window }) {
  const matrix = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };
  window.SVGElement.prototype.getScreenCTM = () => ({ ...matrix, inverse: () => matrix });
}

async function open(ids = ["a", "b", "c"], { boxes = {}, left } = {}) {
  const prepare = (page) => {
    flat(page);
    serve(page, ids, boxes);
  };
  const page = await openPage(reviewPage(ids, { boxes, left }), "/review", { prepare });
  await settle();
  return page;
}

function serve(page, ids, boxes) {
  let version = 1;
  for (const id of ids) {
    page.server.on(`GET /review?image=${id}`, reviewPage([id], { boxes }));
    page.server.on(`POST /api/images/${id}/release`, "{}");
    page.server.on(`POST /api/images/${id}/hold`, "{}");
    page.server.on(`POST /api/images/${id}/withdraw`, "{}");
    page.server.on(`PATCH /api/images/${id}`, "{}");
    page.server.on(`DELETE /api/images/${id}`, "");
    page.server.on(`GET /api/images/${id}?wait=20`, JSON.stringify({ urls: { anonymised: `/api/images/${id}/anonymised?v=${version}` } }));
    page.server.on(`PUT /api/images/${id}/boxes`, () => {
      const { items } = page.server.sent.get(`PUT /api/images/${id}/boxes`);
      const saved = items.map((item, index) => ({ ...item, id: `new-${index}`, by: { kind: "person", name: "Ada" } }));
      return JSON.stringify({ version: ++version, copy_version: null, items: saved });
    });
  }
  page.server.on("GET /review", reviewPage([]));
}

const onDesk = (page) => page.document.querySelector("[data-desk-id]")?.dataset.deskId ?? null;
const left = (page) => page.document.querySelector("[data-left]").textContent;
const shapes = (page) => [...page.document.querySelectorAll("[data-boxes] .desk-box")].map((shape) => shape.getAttribute("class").split(" ")[1]);
const complaints = (page) => page.document.querySelector("[data-complaints]").textContent;

async function key(page, name, options) {
  press(page, name, options);
  await settle();
  await settle();
}

/** Draws, moves or clicks with the mouse or a finger, in pixels of the picture. */
async function gesture(page, points, pointerType = "mouse") {
  const svg = page.document.querySelector("[data-stage] svg");
  const send = (type, [clientX, clientY]) => {
    const event = new page.window.MouseEvent(type, { bubbles: true, cancelable: true, clientX, clientY, button: 0 });
    Object.assign(event, { isPrimary: true, pointerId: 1, pointerType });
    svg.dispatchEvent(event);
  };
  send("pointerdown", points[0]);
  for (const point of points.slice(1)) send("pointermove", point);
  send("pointerup", points.at(-1));
  await settle();
}

test("one key releases each picture and shows the next, which was loaded ahead", async () => {
  const page = await open();
  assert.equal(page.server.count("GET /review?image=b"), 1);
  await key(page, "Enter");
  assert.equal(onDesk(page), "b");
  assert.equal(left(page), "2 pictures left");
  assert.equal(page.server.count("POST /api/images/a/release"), 1);
  assert.deepEqual(page.server.sent.get("POST /api/images/a/release"), { caption: "Caption of a" });
  assert.equal(page.document.activeElement.hasAttribute("data-stage"), true);
  await key(page, "h");
  await key(page, "Enter");
  assert.equal(page.server.count("POST /api/images/b/hold"), 1);
  assert.equal(page.server.count("POST /api/images/c/release"), 1);
  assert.equal(onDesk(page), null);
  assert.match(page.document.getElementById("desk").textContent, /Nothing is left/);
});

test("keys that come before the next picture is there decide nothing", async () => {
  const prepare = (page) => {
    flat(page);
    serve(page, ["a", "b"], {});
    page.server.on("GET /review?image=b", () => new Promise((resolve) => (page.answer = () => resolve(reviewPage(["b"])))));
  };
  const page = await openPage(reviewPage(["a", "b"]), "/review", { prepare });
  await key(page, "Enter");
  await key(page, "Enter");
  assert.equal(page.server.count("POST /api/images/a/release"), 1);
  assert.equal(left(page), "1 picture left");
  page.answer();
  await settle();
  await settle();
  assert.equal(onDesk(page), "b");
  await key(page, "Enter");
  assert.equal(page.server.count("POST /api/images/b/release"), 1);
});

test("pictures that the page did not list are asked for before the queue is empty", async () => {
  const ids = Array.from({ length: 30 }, (_, index) => `p${index}`);
  const prepare = (page) => {
    flat(page);
    serve(page, ids, {});
    page.server.on("GET /review", () => reviewPage(ids.filter((id) => !page.server.count(`POST /api/images/${id}/release`))));
  };
  const page = await openPage(reviewPage(ids.slice(0, 10), { left: 30 }), "/review", { prepare });
  const seen = [];
  for (let pressed = 0; pressed < ids.length; pressed++) {
    seen.push(onDesk(page));
    await key(page, "Enter");
  }
  assert.deepEqual(new Set(seen).size, ids.length, "none comes twice");
  assert.equal(onDesk(page), null);
  assert.equal(left(page), "0 pictures left");
  assert.ok(ids.every((id) => page.server.count(`POST /api/images/${id}/release`) === 1));
});

test("a decision is undone, and the picture is on the desk again", async () => {
  const page = await open();
  await key(page, "Enter");
  await key(page, "u");
  assert.equal(page.server.count("POST /api/images/a/withdraw"), 1);
  assert.equal(onDesk(page), "a");
  assert.equal(left(page), "3 pictures left");
  await key(page, "Enter");
  assert.equal(onDesk(page), "b", "the one that was interrupted comes next");
});

test("a deletion waits a moment, in which it can be undone without a trace", async () => {
  const page = await open();
  await key(page, "d");
  assert.equal(onDesk(page), "b");
  assert.equal(page.server.count("DELETE /api/images/a"), 0);
  await key(page, "u");
  await page.clock.advance(60_000);
  assert.equal(page.server.count("DELETE /api/images/a"), 0);
  await key(page, "d");
  await page.clock.advance(60_000);
  assert.equal(page.server.count("DELETE /api/images/a"), 1);
});

test("a release that is refused says why, and the picture comes again", async () => {
  const page = await open();
  page.server.on("POST /api/images/a/release", { status: 404, ok: false, text: async () => JSON.stringify({ detail: "there is no such image" }) });
  await key(page, "Enter");
  assert.match(complaints(page), /“a\.jpg” was not released: there is no such image/);
  assert.equal(left(page), "3 pictures left");
  await key(page, "Enter");
  await key(page, "Enter");
  assert.equal(onDesk(page), "a");
});

test("a release waits for a copy that is still being made", async () => {
  const page = await open();
  let tries = 0;
  page.server.on("POST /api/images/a/release", () => (++tries < 3 ? { status: 409, ok: false, text: async () => "{}" } : "{}"));
  await key(page, "Enter");
  await settle();
  await settle();
  assert.equal(tries, 3);
  assert.equal(page.server.count("GET /api/images/a?wait=20"), 2);
  assert.equal(complaints(page), "");
});

test("dragging draws a box, which is saved before the picture is released", async () => {
  const page = await open();
  await gesture(page, [[10, 10], [50, 40], [90, 80]]);
  assert.deepEqual(shapes(page), ["desk-box-cover"]);
  await key(page, "Enter");
  await settle();
  const order = page.server.requests.filter((request) => /boxes|release/.test(request));
  assert.deepEqual(order, ["PUT /api/images/a/boxes", "POST /api/images/a/release"]);
  const { version, items } = page.server.sent.get("PUT /api/images/a/boxes");
  assert.equal(version, 1);
  assert.deepEqual(items, [{ x: 10, y: 10, width: 80, height: 70, shape: "ellipse", covers: "face", state: "cover" }]);
});

test("a finger moves a box, and a key removes it", async () => {
  const page = await open(["a"], { boxes: { a: [FACE] } });
  await gesture(page, [[120, 120], [130, 140], [140, 160]], "touch");
  await page.clock.advance(1000);
  const [moved] = page.server.sent.get("PUT /api/images/a/boxes").items;
  assert.deepEqual([moved.id, moved.x, moved.y], ["f", 120, 140]);
  await key(page, "Delete");
  await page.clock.advance(1000);
  assert.deepEqual(page.server.sent.get("PUT /api/images/a/boxes"), { version: 2, items: [] });
  await key(page, "u");
  assert.deepEqual(shapes(page), ["desk-box-cover"]);
});

test("a click keeps a box visible once somebody says why", async () => {
  const page = await open(["a"], { boxes: { a: [FACE] } });
  await gesture(page, [[120, 120]]);
  const dialog = page.document.getElementById("review-why");
  assert.equal(dialog.open, true);
  dialog.querySelector("input").value = "consent of 3 May";
  dialog.returnValue = "keep";
  dialog.close();
  await settle();
  await page.clock.advance(1000);
  const [kept] = page.server.sent.get("PUT /api/images/a/boxes").items;
  assert.deepEqual([kept.state, kept.reason], ["keep", "consent of 3 May"]);
  assert.match(announced(page), /kept visible: consent of 3 May/);
});

test("a click without a reason changes nothing", async () => {
  const page = await open(["a"], { boxes: { a: [FACE] } });
  await gesture(page, [[120, 120]]);
  page.document.getElementById("review-why").close();
  await page.clock.advance(1000);
  assert.deepEqual(shapes(page), ["desk-box-cover"]);
  assert.equal(page.server.count("PUT /api/images/a/boxes"), 0);
});

test("Tab walks the uncertain boxes zoomed in, and then leaves the picture", async () => {
  const page = await open(["a"], { boxes: { a: [FACE, UNCERTAIN] } });
  const svg = page.document.querySelector("[data-stage] svg");
  assert.equal(press(page, "Tab"), false, "the page acts on it");
  assert.notEqual(svg.getAttribute("viewBox"), "0 0 1000 500");
  assert.match(page.document.querySelector("[data-stage]").getAttribute("aria-label"), /Box 2 of 2\. Face, uncertain/);
  assert.equal(press(page, "Tab"), true, "the browser moves the focus");
  assert.equal(svg.getAttribute("viewBox"), "0 0 1000 500");
});

test("boxes that somebody else changed meanwhile are loaded anew", async () => {
  const page = await open(["a"], { boxes: { a: [FACE] } });
  page.server.on("PUT /api/images/a/boxes", { status: 409, ok: false, text: async () => JSON.stringify({ detail: "the boxes have version 4 by now" }) });
  page.server.on("GET /api/images/a/boxes", JSON.stringify({ version: 4, copy_version: 4, items: [FACE, UNCERTAIN] }));
  await gesture(page, [[300, 300], [400, 400]]);
  await page.clock.advance(1000);
  await settle();
  assert.match(complaints(page), /not saved: the boxes have version 4/);
  assert.deepEqual(shapes(page), ["desk-box-cover", "desk-box-uncertain"]);
});

test("words are corrected in place, and keys are letters there", async () => {
  const page = await open();
  const caption = page.document.querySelector("[data-caption]");
  caption.focus();
  caption.value = "Ada cuts the cake";
  await key(page, "h");
  assert.equal(onDesk(page), "a");
  await key(page, "Enter", { ctrlKey: true });
  assert.deepEqual(page.server.sent.get("PATCH /api/images/a"), { caption: "Ada cuts the cake", tags: ["party", "cake"] });
  assert.equal(onDesk(page), "b");
  assert.equal(page.server.count("PATCH /api/images/b"), 0);
});

test("the copy is in the place of the original while the key is held", async () => {
  const page = await open();
  const stage = page.document.querySelector("[data-stage]");
  press(page, "c");
  assert.equal(stage.classList.contains("is-comparing"), true);
  stage.dispatchEvent(new page.window.KeyboardEvent("keyup", { key: "c", bubbles: true }));
  assert.equal(stage.classList.contains("is-comparing"), false);
});
