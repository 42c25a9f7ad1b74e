// Fades a picture in over its placeholder once it has loaded. Only pictures that are still loading
// are hidden, so one from the cache, or a page without scripts, shows at once. A presigned address
// expires; then the picture is requested from this server, which redirects to a fresh one.

const FADING = "img.thumb, img.full";

/** @param {ParentNode} root */
export function prepare(root) {
  for (const image of root.querySelectorAll(FADING)) {
    if (!(image instanceof HTMLImageElement)) continue;
    if (!image.complete) image.classList.add("is-loading");
    else if (image.naturalWidth === 0) fallBack(image);
  }
}

/** @param {Event} event */
function settled(event) {
  const image = event.target;
  if (!(image instanceof HTMLImageElement) || !image.matches(FADING)) return;
  image.classList.remove("is-loading", "is-broken");
  if (event.type === "error") fallBack(image);
}

/** @param {HTMLImageElement} image */
function fallBack(image) {
  const { again } = image.dataset;
  delete image.dataset.again;
  if (again) {
    image.classList.add("is-loading");
    image.src = again;
  } else {
    image.classList.add("is-broken");
  }
}

export function start() {
  // Load and error events of pictures do not bubble, but they can be captured.
  document.addEventListener("load", settled, true);
  document.addEventListener("error", settled, true);
  prepare(document);
}
