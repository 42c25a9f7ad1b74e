// Boxes as the desk changes them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { between, boxAt, cornerAt, fromJson, inWords, isSame, moved, newBox, resized, surroundings, toggled, toJson } from "../static/review_boxes.js";

const PICTURE = { width: 1000, height: 500 };
const box = (x, y, width, height, more = {}) => ({ ...newBox({ x, y, width, height }), ...more });
const area = ({ x, y, width, height }) => [x, y, width, height];

test("a box is drawn in any direction and ends at the edge of the picture", () => {
  assert.deepEqual(between({ x: 90.4, y: 80 }, { x: 10, y: 20.6 }, PICTURE), { x: 10, y: 21, width: 80, height: 59 });
  assert.deepEqual(between({ x: 950, y: 450 }, { x: 1200, y: 900 }, PICTURE), { x: 950, y: 450, width: 50, height: 50 });
  assert.equal(between({ x: 10, y: 10 }, { x: 13, y: 300 }, PICTURE), null, "a slip of the hand");
});

test("a box that is moved keeps its size and stays inside", () => {
  assert.deepEqual(area(moved(box(10, 10, 50, 40), 5.4, -3, PICTURE)), [15, 7, 50, 40]);
  assert.deepEqual(area(moved(box(10, 10, 50, 40), -500, 5000, PICTURE)), [0, 460, 50, 40]);
});

test("a corner that is dragged leaves the opposite one where it is", () => {
  const before = box(100, 100, 50, 40);
  assert.deepEqual(area(resized(before, "nw", { x: 90, y: 80 }, PICTURE)), [90, 80, 60, 60]);
  assert.deepEqual(area(resized(before, "se", { x: 2000, y: 120 }, PICTURE)), [100, 100, 900, 20]);
  assert.deepEqual(area(resized(before, "nw", { x: 900, y: 400 }, PICTURE)), [144, 134, 6, 6], "no side disappears");
});

test("a small box can be moved, although its corners are near", () => {
  const small = box(100, 100, 12, 12);
  assert.equal(cornerAt(small, { x: 106, y: 106 }, 22), null);
  assert.equal(cornerAt(small, { x: 95, y: 95 }, 22), "nw");
});

test("of boxes in one place the smallest is meant", () => {
  const boxes = [box(0, 0, 500, 500), box(100, 100, 50, 50), box(600, 0, 10, 10)];
  assert.equal(boxAt(boxes, { x: 120, y: 120 }), 1);
  assert.equal(boxAt(boxes, { x: 20, y: 20 }), 0);
  assert.equal(boxAt(boxes, { x: 900, y: 400 }), -1);
});

test("a covered box is kept visible with a reason, and any other is covered", () => {
  const kept = toggled(box(0, 0, 10, 10), "consent");
  assert.deepEqual([kept.state, kept.reason], ["keep", "consent"]);
  assert.deepEqual([toggled(kept, "").state, toggled(kept, "").reason], ["cover", ""]);
  assert.equal(toggled(box(0, 0, 10, 10, { state: "uncertain" }), "").state, "cover");
});

test("zooming shows a box with what is around it, inside the picture and in its proportions", () => {
  const view = surroundings(box(980, 0, 20, 20), PICTURE);
  assert.equal(view.width / view.height, 2);
  assert.ok(view.x + view.width <= 1000 && view.y >= 0 && view.width < 300);
  assert.deepEqual(surroundings(box(0, 0, 1000, 500), PICTURE), { x: 0, y: 0, width: 1000, height: 500 });
});

test("boxes go to the API and come back the same", () => {
  const boxes = [box(1, 2, 30, 40, { id: "a", state: "keep", reason: "consent" }), box(5, 6, 70, 80, { shape: "rectangle", covers: "other" })];
  const sent = toJson(boxes);
  assert.equal("id" in sent[1], false);
  assert.equal("reason" in sent[1], false);
  const back = fromJson(sent.map((item) => ({ ...item, by: { kind: "person", name: "Ada" } })));
  assert.ok(isSame(boxes, back));
  assert.equal(inWords(back[0]), "Face, kept visible: consent, by Ada");
  assert.equal(isSame(boxes, boxes.slice(1)), false);
});
