// Looking up elements that a script cannot work without: a missing one is an error that names the
// selector, and the type is checked.

/**
 * The first element below `root` that matches `selector`.
 *
 * @template {abstract new () => Element} K
 * @param {ParentNode} root
 * @param {string} selector
 * @param {K} kind
 * @returns {InstanceType<K>}
 */
export function one(root, selector, kind) {
  const element = root.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`there is no ${kind.name} that matches ${selector}`);
  return /** @type {InstanceType<K>} */ (element);
}

/**
 * All HTML elements below `root` that match `selector`.
 *
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function all(root, selector) {
  return [...root.querySelectorAll(selector)].filter((element) => element instanceof HTMLElement);
}

/**
 * The element that an event happened at, or the nearest one around it that matches `selector`.
 *
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function closest(event, selector) {
  const element = event.target instanceof Element ? event.target.closest(selector) : null;
  return element instanceof HTMLElement ? element : null;
}

/**
 * A value from JSON, or null if the text is not JSON.
 *
 * @param {string} text
 * @returns {any}
 */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
