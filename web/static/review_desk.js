// One picture on the desk: its boxes and words, saved as they change.

import { announce } from "./announce.js";
import { all, one, parseJson } from "./dom.js";
import { fromJson, inWords, isSame, moved, newBox, resized, toggled } from "./review_boxes.js";
import { Stage } from "./review_stage.js";
import { copyOf, inTurn, loadBoxes, Refused, saveBoxes, saveWords } from "./review_work.js";

/**
 * @typedef {import("./review_boxes.js").Box} Box
 */

// Several changes in a row are one version.
const GATHER_MS = 300;

// The last reason for leaving somebody visible: the next one is often the same.
let lastReason = "";

export class Desk {
  id;
  stage;
  #section;
  #version;
  /** @type {Box[]} As the server has them. */
  #saved;
  /** @type {Box[][]} */
  #history = [];
  #timer = 0;
  #words;
  #failed;

  /**
   * @param {HTMLElement} section
   * @param {(text: string) => void} failed Says what went wrong.
   */
  constructor(section, failed) {
    this.#section = section;
    this.#failed = failed;
    this.id = section.dataset.deskId ?? "";
    this.#version = Number(section.dataset.version);
    this.#saved = fromJson(parseJson(section.dataset.boxes ?? "[]") ?? []);
    this.stage = new Stage(one(section, "[data-stage]", HTMLElement), this.#saved, {
      changed: () => this.#changed(),
      clicked: (index) => this.toggle(index),
    });
    this.#words = this.#readWords();
    this.#wire();
  }

  get heading() {
    return one(this.#section, "h2", HTMLElement).textContent ?? "";
  }

  get caption() {
    return this.#readWords().caption;
  }

  /** Whether there is a change of the boxes to take back. */
  get canUndo() {
    return this.#history.length > 0;
  }

  undo() {
    const before = this.#history.pop();
    if (!before) return;
    this.#put(before);
    announce("The last change of the boxes is undone.");
  }

  /** @param {number} index */
  async toggle(index) {
    const box = this.stage.boxes[index];
    if (!box) return;
    const reason = box.state === "cover" ? await this.#askWhy() : "";
    if (reason === null) return;
    this.#replace(index, toggled(box, reason));
  }

  removeSelected() {
    const { selected, boxes } = this.stage;
    if (!boxes[selected]) return false;
    this.#change(boxes.filter((_, index) => index !== selected));
    this.stage.select(-1);
    announce("The box is removed.");
    return true;
  }

  /** A box in the middle, for those who draw with the keyboard. */
  add() {
    const { width, height } = this.stage.picture;
    const side = Math.round(Math.min(width, height) / 8);
    const area = { x: Math.round((width - side) / 2), y: Math.round((height - side) / 2), width: side, height: side };
    this.#change([...this.stage.boxes, newBox(area)]);
    this.stage.select(this.stage.boxes.length - 1);
    announce("A new box is in the middle. Arrows move it, with Shift they resize it.");
  }

  /**
   * Moves the selected box, or its lower right corner. False if none is selected.
   *
   * @param {number} dx
   * @param {number} dy
   * @param {boolean} resizes
   */
  nudge(dx, dy, resizes) {
    const { selected, boxes, picture } = this.stage;
    const box = boxes[selected];
    if (!box) return false;
    const step = Math.max(1, Math.round(picture.width / 200));
    const corner = { x: box.x + box.width + dx * step, y: box.y + box.height + dy * step };
    this.#replace(selected, resizes ? resized(box, "se", corner, picture) : moved(box, dx * step, dy * step, picture));
    return true;
  }

  /**
   * Goes to the next uncertain box, zoomed in. False if there is no further one.
   *
   * @param {1 | -1} by
   */
  walk(by) {
    const { boxes, selected } = this.stage;
    const order = by > 0 ? boxes.map((_, index) => index) : boxes.map((_, index) => index).reverse();
    const next = order.find((index) => boxes[index]?.state === "uncertain" && (selected < 0 || (by > 0 ? index > selected : index < selected)));
    this.stage.select(next ?? -1, next !== undefined);
    const box = boxes[next ?? -1];
    if (box) announce(inWords(box));
    return next !== undefined;
  }

  /** @param {boolean} isComparing */
  compare(isComparing) {
    this.stage.compare(isComparing);
    for (const button of all(this.#section, "[data-compare]")) button.setAttribute("aria-pressed", String(isComparing));
  }

  /** Sends what is not saved yet. Everything that is asked later waits for it. */
  flush() {
    window.clearTimeout(this.#timer);
    this.#timer = 0;
    if (!isSame(this.#saved, this.stage.boxes)) this.#save();
    const words = this.#readWords();
    if (words.caption !== this.#words.caption || words.tags.join() !== this.#words.tags.join()) {
      this.#words = words;
      inTurn(this.id, () => saveWords(this.id, words)).catch((error) => this.#failed(`The words were not saved: ${error.message}.`));
    }
  }

  /** @param {Box[]} boxes */
  #change(boxes) {
    this.#history.push(this.stage.boxes);
    this.#put(boxes);
  }

  /** The stage has changed them already. */
  #changed() {
    const boxes = this.stage.boxes;
    this.#history.push(this.#drawn);
    this.#put(boxes);
  }

  /**
   * @param {number} index
   * @param {Box} box
   */
  #replace(index, box) {
    this.#change(this.stage.boxes.map((other, at) => (at === index ? box : other)));
    announce(inWords(box));
  }

  /** @type {Box[]} What was shown before a gesture. */
  #drawn = [];

  /** @param {Box[]} boxes */
  #put(boxes) {
    this.#drawn = boxes;
    this.stage.show(boxes);
    this.#list();
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#save(), GATHER_MS);
  }

  #save() {
    const boxes = this.stage.boxes;
    const saved = inTurn(this.id, async () => {
      this.#adopt(await saveBoxes(this.id, this.#version, this.#withKnownIds(boxes)), boxes);
    });
    // Not in turn: the next change does not wait for the copy of this one.
    saved.then(
      () => this.#renewCopy(),
      (error) => this.#notSaved(error),
    );
  }

  async #renewCopy() {
    const version = this.#version;
    try {
      const copy = await copyOf(this.id);
      if (copy && version === this.#version) this.#showCopy(copy);
    } catch {
      // The copy of the next change may come; a release says if there is none.
    }
  }

  /**
   * Takes over numbers and ids. What was changed meanwhile stays.
   *
   * @param {import("./review_work.js").Boxes} answer
   * @param {Box[]} sent
   */
  #adopt(answer, sent) {
    this.#version = answer.version;
    this.#saved = answer.boxes;
    if (!this.#isCurrent(sent)) return;
    this.#drawn = answer.boxes;
    this.stage.show(answer.boxes);
    this.#list();
  }

  /**
   * Boxes with the ids that the server knows; those that it no longer has are new to it.
   *
   * @param {Box[]} boxes
   */
  #withKnownIds(boxes) {
    const known = new Set(this.#saved.map(({ id }) => id));
    return boxes.map((box) => (box.id && !known.has(box.id) ? { ...box, id: undefined } : box));
  }

  /** @param {Box[]} boxes */
  #isCurrent(boxes) {
    return this.stage.boxes === boxes || isSame(this.stage.boxes, boxes);
  }

  /** @param {unknown} error */
  async #notSaved(error) {
    if (!(error instanceof Refused)) throw error;
    this.#failed(`The boxes were not saved: ${error.message}.`);
    if (error.status !== 409) return;
    // Somebody else changed them; theirs count, and ours can be drawn again.
    const answer = await loadBoxes(this.id);
    this.#history = [];
    this.#version = answer.version;
    this.#saved = answer.boxes;
    this.#drawn = answer.boxes;
    this.stage.show(answer.boxes);
    this.#list();
  }

  /** @param {string} address */
  #showCopy(address) {
    for (const picture of this.#section.querySelectorAll("[data-copy-picture]")) {
      picture.setAttribute(picture instanceof HTMLImageElement ? "src" : "href", address);
    }
  }

  /** Asks why somebody stays visible; null if there is no answer. */
  #askWhy() {
    const dialog = one(document, "#review-why", HTMLDialogElement);
    const field = one(dialog, "input", HTMLInputElement);
    field.value = lastReason;
    dialog.returnValue = "";
    dialog.showModal();
    field.select();
    return new Promise((resolve) => {
      dialog.addEventListener(
        "close",
        () => {
          const reason = field.value.trim();
          const isGiven = dialog.returnValue === "keep" && reason !== "";
          if (isGiven) lastReason = reason;
          this.#section.querySelector("[data-stage]")?.dispatchEvent(new CustomEvent("vitrine:focus", { bubbles: true }));
          resolve(isGiven ? reason : null);
        },
        { once: true },
      );
    });
  }

  #readWords() {
    return {
      caption: one(this.#section, "[data-caption]", HTMLTextAreaElement).value.trim(),
      tags: one(this.#section, "[data-tags]", HTMLInputElement).value.split(",").map((tag) => tag.trim()).filter(Boolean),
    };
  }

  /** One row for each box, for those who do not use the picture. */
  #list() {
    const list = one(this.#section, "[data-box-list]", HTMLElement);
    const template = one(document, "#review-box", HTMLTemplateElement);
    const rows = this.stage.boxes.map((box, index) => {
      const row = one(/** @type {DocumentFragment} */ (template.content.cloneNode(true)), "li", HTMLElement);
      row.dataset.state = box.state;
      one(row, "[data-words]", HTMLElement).textContent = inWords(box);
      const toggle = one(row, "[data-toggle]", HTMLButtonElement);
      toggle.textContent = box.state === "cover" ? "Keep visible" : "Cover";
      toggle.addEventListener("click", () => this.toggle(index));
      one(row, "[data-remove]", HTMLButtonElement).addEventListener("click", () => {
        this.stage.select(index);
        this.removeSelected();
      });
      row.addEventListener("focusin", () => this.stage.select(index, this.stage.selected === index));
      return row;
    });
    list.replaceChildren(...rows);
  }

  #wire() {
    this.#drawn = this.#saved;
    this.#list();
    for (const part of all(this.#section, "[data-with-js]")) part.hidden = false;
    for (const part of all(this.#section, "[data-without-js]")) part.remove();
    one(this.#section, "[data-add]", HTMLButtonElement).addEventListener("click", () => this.add());
    for (const field of all(this.#section, "[data-caption], [data-tags]")) field.addEventListener("change", () => this.flush());
    for (const button of all(this.#section, "[data-compare]")) {
      button.addEventListener("pointerdown", () => this.compare(true));
      for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(end, () => this.compare(false));
      button.addEventListener("keydown", (event) => {
        if (event.key === " " || event.key === "Enter") this.compare(true);
      });
      button.addEventListener("keyup", () => this.compare(false));
    }
  }
}
