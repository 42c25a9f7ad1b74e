// Fades a picture in over its placeholder once it has loaded. Only pictures still on their way
// are hidden, so one from the cache, or a page without scripts, shows at once.

const FADING = "img.thumb, img.full";

export function prepare(root) {
  for (const image of root.querySelectorAll(FADING)) {
    if (!image.complete) image.classList.add("is-loading");
    else if (image.naturalWidth === 0) image.classList.add("is-broken");
  }
}

function settled(event) {
  if (!event.target.matches?.(FADING)) return;
  event.target.classList.remove("is-loading");
  event.target.classList.toggle("is-broken", event.type === "error");
}

export function start() {
  // Load and error do not bubble, but they can be caught on the way down.
  document.addEventListener("load", settled, true);
  document.addEventListener("error", settled, true);
  prepare(document);
}
