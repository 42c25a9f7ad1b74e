// Pointing at oneself: a tap on the picture instead of the grid of choices, which is what there is
// without scripts.

import { all, one } from "./dom.js";

// Thousandths of the picture's sides that an arrow key moves the mark by.
const STEP = 20;

export function start() {
  const form = one(document, "[data-thats-me] form", HTMLFormElement);
  const stage = one(form, "[data-point]", HTMLElement);
  const mark = one(stage, "[data-mark]", SVGSVGElement);
  const across = one(form, "[data-across]", HTMLInputElement);
  const down = one(form, "[data-down]", HTMLInputElement);
  for (const part of all(form, "[data-with-js]")) part.hidden = false;
  for (const part of all(form, "[data-without-js]")) part.remove();
  stage.classList.add("is-live");
  stage.tabIndex = 0;
  stage.setAttribute("role", "application");
  stage.setAttribute("aria-label", "The picture. Arrows move the mark.");

  stage.addEventListener("click", (event) => {
    const box = stage.getBoundingClientRect();
    point(((event.clientX - box.left) / box.width) * 1000, ((event.clientY - box.top) / box.height) * 1000);
  });
  stage.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (!move) return;
    event.preventDefault();
    point((Number(across.value) || 500) + (move[0] ?? 0), (Number(down.value) || 500) + (move[1] ?? 0));
  });

  /**
   * @param {number} x In thousandths of the width.
   * @param {number} y In thousandths of the height.
   */
  function point(x, y) {
    const inside = (/** @type {number} */ value) => Math.round(Math.min(Math.max(value, 0), 1000));
    across.value = String(inside(x));
    down.value = String(inside(y));
    mark.removeAttribute("hidden");
    mark.style.left = `${inside(x) / 10}%`;
    mark.style.top = `${inside(y) / 10}%`;
    const status = one(document, "#announcer", HTMLElement);
    status.textContent = `The mark is at ${Math.round(inside(x) / 10)} percent from the left and ${Math.round(inside(y) / 10)} from the top.`;
  }
}
