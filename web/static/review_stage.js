// The picture on the desk: the original with its boxes over it, drawn, moved and resized with a mouse,
// a pen or a finger. While somebody compares, the copy is in the place of the original.

import { one } from "./dom.js";
import { between, boxAt, CORNERS, cornerAt, cornerOf, inWords, moved, newBox, resized, surroundings } from "./review_boxes.js";

/**
 * @typedef {import("./review_boxes.js").Box} Box
 * @typedef {import("./review_boxes.js").Point} Point
 *
 * @typedef {object} Handlers
 * @property {(boxes: Box[]) => void} changed
 * @property {(index: number) => void} clicked A box was clicked, not dragged.
 *
 * @typedef {object} Gesture
 * @property {Point} from
 * @property {Box[]} before
 * @property {number} index Of the box; -1 draws a new one.
 * @property {import("./review_boxes.js").Corner | null} corner
 * @property {boolean} hasMoved
 */

const SVG = "http://www.w3.org/2000/svg";
// In pixels of the screen.
const REACH = { mouse: 10, touch: 22 };
const SLACK = 4;

export class Stage {
  /** @type {Box[]} */
  boxes = [];
  selected = -1;
  #root;
  #svg;
  #layer;
  #handlers;
  #picture;
  /** The axes of an ellipse, as multiples of the sides of its box. */
  #ellipse;
  /** @type {Gesture | null} */
  #gesture = null;

  /**
   * @param {HTMLElement} root
   * @param {Box[]} boxes
   * @param {Handlers} handlers
   */
  constructor(root, boxes, handlers) {
    this.#root = root;
    this.#svg = one(root, "svg", SVGSVGElement);
    this.#layer = one(root, "[data-boxes]", SVGElement);
    this.#handlers = handlers;
    this.#picture = { width: Number(root.dataset.width), height: Number(root.dataset.height) };
    this.#ellipse = Number(root.dataset.ellipse);
    this.boxes = boxes;
    root.classList.add("is-live");
    root.tabIndex = 0;
    this.#svg.addEventListener("pointerdown", (event) => this.#begin(event));
    this.#svg.addEventListener("pointermove", (event) => this.#drag(event));
    this.#svg.addEventListener("pointerup", () => this.#end());
    this.#svg.addEventListener("pointercancel", () => this.#cancel());
    this.draw();
  }

  get picture() {
    return this.#picture;
  }

  /** @param {Box[]} boxes */
  show(boxes) {
    this.boxes = boxes;
    if (this.selected >= boxes.length) this.selected = -1;
    this.draw();
  }

  /**
   * @param {number} index -1 for none.
   * @param {boolean} [zoomed]
   */
  select(index, zoomed = false) {
    this.selected = index;
    const box = this.boxes[index];
    const { x, y, width, height } = box && zoomed ? surroundings(box, this.#picture) : { x: 0, y: 0, ...this.#picture };
    this.#svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
    this.#root.classList.toggle("is-zoomed", Boolean(box && zoomed));
    this.draw();
  }

  /** @param {boolean} isComparing */
  compare(isComparing) {
    this.#root.classList.toggle("is-comparing", isComparing);
  }

  /** The rows beside the picture and the shapes over it. */
  draw() {
    const shapes = this.boxes.map((box, index) => shape(box, index === this.selected, this.#ellipse));
    const box = this.boxes[this.selected];
    if (box) shapes.push(...CORNERS.map((corner) => handle(cornerOf(box, corner), this.#pixels(5))));
    this.#layer.replaceChildren(...shapes);
    this.#root.setAttribute("aria-label", this.#words());
  }

  #words() {
    const box = this.boxes[this.selected];
    if (box) return `Box ${this.selected + 1} of ${this.boxes.length}. ${inWords(box)}`;
    const count = this.boxes.length;
    const uncertain = this.boxes.filter(({ state }) => state === "uncertain").length;
    return `Original with ${count} ${count === 1 ? "box" : "boxes"}, ${uncertain} of them uncertain`;
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    this.#root.focus({ preventScroll: true });
    this.#svg.setPointerCapture?.(event.pointerId);
    const from = this.#point(event);
    const reach = this.#pixels(event.pointerType === "touch" ? REACH.touch : REACH.mouse);
    const chosen = this.boxes[this.selected];
    const corner = chosen ? cornerAt(chosen, from, reach) : null;
    const index = corner ? this.selected : boxAt(this.boxes, from);
    this.#gesture = { from, before: this.boxes, index, corner, hasMoved: false };
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    const gesture = this.#gesture;
    if (!gesture) return;
    const to = this.#point(event);
    const { from, before, index, corner } = gesture;
    const slack = this.#pixels(SLACK);
    gesture.hasMoved ||= Math.hypot(to.x - from.x, to.y - from.y) > slack;
    if (!gesture.hasMoved) return;
    const box = before[index];
    if (box) {
      const fresh = corner ? resized(box, corner, to, this.#picture) : moved(box, to.x - from.x, to.y - from.y, this.#picture);
      this.selected = index;
      this.show(before.map((other) => (other === box ? fresh : other)));
    } else {
      const area = between(from, to, this.#picture);
      this.selected = area ? before.length : -1;
      this.show(area ? [...before, newBox(area)] : before);
    }
  }

  #end() {
    const gesture = this.#gesture;
    this.#gesture = null;
    if (!gesture) return;
    if (gesture.hasMoved) {
      if (this.boxes !== gesture.before) this.#handlers.changed(this.boxes);
    } else if (gesture.index >= 0 && !gesture.corner) {
      this.select(gesture.index, this.#root.classList.contains("is-zoomed"));
      this.#handlers.clicked(gesture.index);
    } else if (gesture.index < 0) {
      this.select(-1);
    }
  }

  #cancel() {
    if (this.#gesture) this.show(this.#gesture.before);
    this.#gesture = null;
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #point(event) {
    const matrix = this.#svg.getScreenCTM()?.inverse();
    if (!matrix) return { x: 0, y: 0 };
    const { clientX: x, clientY: y } = event;
    return { x: matrix.a * x + matrix.c * y + matrix.e, y: matrix.b * x + matrix.d * y + matrix.f };
  }

  /** @param {number} onScreen How many pixels of the picture so many of the screen are. */
  #pixels(onScreen) {
    return onScreen / (this.#svg.getScreenCTM()?.a || 1);
  }
}

/**
 * @param {Box} box
 * @param {boolean} isSelected
 * @param {number} ellipse Its axes, as multiples of the sides of its box.
 */
function shape(box, isSelected, ellipse) {
  const { x, y, width, height } = box;
  const group = document.createElementNS(SVG, "g");
  group.setAttribute("class", `desk-box desk-box-${box.state}${isSelected ? " is-selected" : ""}`);
  // Twice, so that it stands out from light and dark pictures alike.
  for (const layer of ["under", "over"]) {
    const figure = document.createElementNS(SVG, box.shape === "ellipse" ? "ellipse" : "rect");
    const values = box.shape === "ellipse" ? { cx: x + width / 2, cy: y + height / 2, rx: (width / 2) * ellipse, ry: (height / 2) * ellipse } : { x, y, width, height };
    for (const [name, value] of Object.entries(values)) figure.setAttribute(name, String(value));
    figure.setAttribute("class", layer);
    group.append(figure);
  }
  return group;
}

/**
 * @param {Point} at
 * @param {number} radius
 */
function handle(at, radius) {
  const circle = document.createElementNS(SVG, "circle");
  for (const [name, value] of Object.entries({ cx: at.x, cy: at.y, r: radius })) circle.setAttribute(name, String(value));
  circle.setAttribute("class", "desk-handle");
  return circle;
}
