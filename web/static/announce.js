// Announces changes to screen readers through one polite live region. Changes that come close
// together are announced together.

const GATHER_MS = 800;
// An unchanged text is not read again, so the region is emptied before the next announcement.
const CLEAR_MS = 5000;
const SPOKEN_AT_MOST = 3;

/** @type {string[]} */
let waiting = [];
let timer = 0;
let clearing = 0;

/** @param {string} text A sentence. */
export function announce(text) {
  if (!waiting.includes(text)) waiting.push(text);
  // The timer is not restarted: a steady stream of changes would postpone every announcement.
  timer ||= window.setTimeout(speak, GATHER_MS);
}

function speak() {
  const region = document.getElementById("announcer");
  const sentences = waiting.slice(0, SPOKEN_AT_MOST);
  const more = waiting.length - sentences.length;
  if (more > 0) sentences.push(`And ${more} more.`);
  waiting = [];
  timer = 0;
  if (!region) return;
  region.textContent = sentences.join(" ");
  window.clearTimeout(clearing);
  clearing = window.setTimeout(() => (region.textContent = ""), CLEAR_MS);
}
