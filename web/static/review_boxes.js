// Boxes as the desk changes them: in pixels of the upright picture, whole numbers, always inside it.
// Nothing here knows the page.

/**
 * @typedef {"cover" | "keep" | "uncertain"} State
 * @typedef {{ x: number, y: number }} Point
 * @typedef {{ width: number, height: number }} Size
 * @typedef {Point & Size} Area
 * @typedef {"nw" | "ne" | "sw" | "se"} Corner
 *
 * @typedef {object} Fields
 * @property {string} [id] None before the server knows the box.
 * @property {"ellipse" | "rectangle"} shape
 * @property {"face" | "other"} covers
 * @property {State} state
 * @property {string} reason Why it is not covered.
 * @property {string} by Who or what made it, in words.
 *
 * @typedef {Area & Fields} Box
 */

/** Shorter sides are slips of the hand. */
export const SMALLEST = 6;

/** @type {Corner[]} */
export const CORNERS = ["nw", "ne", "sw", "se"];

/**
 * @param {Area} area
 * @returns {Box}
 */
export function newBox(area) {
  return { ...area, shape: "ellipse", covers: "face", state: "cover", reason: "", by: "you" };
}

/**
 * The area between two points, or null if it is too small to be meant.
 *
 * @param {Point} from
 * @param {Point} to
 * @param {Size} picture
 * @returns {Area | null}
 */
export function between(from, to, picture) {
  const [left, right] = ends(from.x, to.x, picture.width);
  const [top, bottom] = ends(from.y, to.y, picture.height);
  if (right - left < SMALLEST || bottom - top < SMALLEST) return null;
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/**
 * @template {Area} B
 * @param {B} box
 * @param {number} dx
 * @param {number} dy
 * @param {Size} picture
 * @returns {B}
 */
export function moved(box, dx, dy, picture) {
  const x = clamp(Math.round(box.x + dx), 0, picture.width - box.width);
  const y = clamp(Math.round(box.y + dy), 0, picture.height - box.height);
  return { ...box, x, y };
}

/**
 * The box with one corner somewhere else. The opposite corner stays, and no side gets shorter than
 * {@link SMALLEST}.
 *
 * @template {Area} B
 * @param {B} box
 * @param {Corner} corner
 * @param {Point} to
 * @param {Size} picture
 * @returns {B}
 */
export function resized(box, corner, to, picture) {
  const right = box.x + box.width;
  const bottom = box.y + box.height;
  const isWest = corner.endsWith("w");
  const isNorth = corner.startsWith("n");
  const x = isWest ? clamp(Math.round(to.x), 0, right - SMALLEST) : box.x;
  const y = isNorth ? clamp(Math.round(to.y), 0, bottom - SMALLEST) : box.y;
  const endX = isWest ? right : clamp(Math.round(to.x), box.x + SMALLEST, picture.width);
  const endY = isNorth ? bottom : clamp(Math.round(to.y), box.y + SMALLEST, picture.height);
  return { ...box, x, y, width: endX - x, height: endY - y };
}

/**
 * The corner of a box that a point is at, within `reach` pixels.
 *
 * @param {Area} box
 * @param {Point} point
 * @param {number} reach
 * @returns {Corner | null}
 */
export function cornerAt(box, point, reach) {
  // A small box would be all corners, and could not be moved.
  const near = Math.min(reach, box.width / 3, box.height / 3);
  for (const corner of CORNERS) {
    const { x, y } = cornerOf(box, corner);
    const inside = contains(box, point) ? near : reach;
    if (Math.abs(point.x - x) <= inside && Math.abs(point.y - y) <= inside) return corner;
  }
  return null;
}

/**
 * @param {Area} box
 * @param {Corner} corner
 * @returns {Point}
 */
export function cornerOf(box, corner) {
  return {
    x: corner.endsWith("w") ? box.x : box.x + box.width,
    y: corner.startsWith("n") ? box.y : box.y + box.height,
  };
}

/**
 * The number of the smallest box around a point; -1 if there is none.
 *
 * @param {Box[]} boxes
 * @param {Point} point
 */
export function boxAt(boxes, point) {
  let found = -1;
  let smallest = Infinity;
  boxes.forEach((box, index) => {
    const area = box.width * box.height;
    if (!contains(box, point) || area >= smallest) return;
    smallest = area;
    found = index;
  });
  return found;
}

/**
 * What a click makes of a box: one that is covered is kept visible, and any other is covered.
 *
 * @param {Box} box
 * @param {string} reason For one that is kept visible.
 * @returns {Box}
 */
export function toggled(box, reason) {
  return box.state === "cover" ? { ...box, state: "keep", reason } : { ...box, state: "cover", reason: "" };
}

/**
 * The part of the picture to zoom to, with the picture's proportions.
 *
 * @param {Area} box
 * @param {Size} picture
 * @returns {Area}
 */
export function surroundings(box, picture) {
  const share = clamp(4 * Math.max(box.width / picture.width, box.height / picture.height), 0.08, 1);
  const width = picture.width * share;
  const height = picture.height * share;
  return {
    x: clamp(box.x + box.width / 2 - width / 2, 0, picture.width - width),
    y: clamp(box.y + box.height / 2 - height / 2, 0, picture.height - height),
    width,
    height,
  };
}

/**
 * @param {Box[]} before
 * @param {Box[]} after
 */
export function isSame(before, after) {
  return before.length === after.length && before.every((box, index) => sameBox(box, after[index]));
}

/**
 * As the API takes them.
 *
 * @param {Box[]} boxes
 */
export function toJson(boxes) {
  return boxes.map(({ id, x, y, width, height, shape, covers, state, reason }) => ({
    ...(id ? { id } : {}),
    x,
    y,
    width,
    height,
    shape,
    covers,
    state,
    ...(state === "keep" ? { reason } : {}),
  }));
}

/**
 * @param {any[]} items As the API gives them.
 * @returns {Box[]}
 */
export function fromJson(items) {
  return items.map(({ id, x, y, width, height, shape, covers, state, reason, by }) => ({
    id,
    x,
    y,
    width,
    height,
    shape,
    covers,
    state,
    reason: reason ?? "",
    by: by?.kind === "person" ? (by.name ?? "a person") : "the detector",
  }));
}

/**
 * What a screen reader says of a box.
 *
 * @param {Box} box
 */
export function inWords({ state, covers, reason, by }) {
  const what = covers === "face" ? "Face" : "Area";
  const how = { cover: "covered", uncertain: "uncertain, covered", keep: `kept visible: ${reason}` }[state];
  return `${what}, ${how}, by ${by}`;
}

/**
 * @param {Box} box
 * @param {Box | undefined} other
 */
function sameBox(box, other) {
  if (!other) return false;
  /** @type {(keyof Box)[]} */
  const fields = ["x", "y", "width", "height", "shape", "covers", "state", "reason"];
  return fields.every((field) => box[field] === other[field]);
}

/**
 * @param {Area} box
 * @param {Point} point
 */
function contains(box, { x, y }) {
  return x >= box.x && y >= box.y && x <= box.x + box.width && y <= box.y + box.height;
}

/**
 * @param {number} a
 * @param {number} b
 * @param {number} limit
 * @returns {[number, number]}
 */
function ends(a, b, limit) {
  return [clamp(Math.round(Math.min(a, b)), 0, limit), clamp(Math.round(Math.max(a, b)), 0, limit)];
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
