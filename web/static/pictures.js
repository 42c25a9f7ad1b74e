// Fades a picture in over its placeholder once it has loaded. Only pictures still on their way
// are hidden, so one from the cache, or a page without scripts, shows at once. An address that the
// store signed is good for a while only; behind that, the picture is asked for here again.

const FADING = "img.thumb, img.full";

export function prepare(root) {
  for (const image of root.querySelectorAll(FADING)) {
    if (!image.complete) image.classList.add("is-loading");
    else if (image.naturalWidth === 0) broken(image);
  }
}

function settled(event) {
  if (!event.target.matches?.(FADING)) return;
  event.target.classList.remove("is-loading", "is-broken");
  if (event.type === "error") broken(event.target);
}

function broken(image) {
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
  // Load and error do not bubble, but they can be caught on the way down.
  document.addEventListener("load", settled, true);
  document.addEventListener("error", settled, true);
  prepare(document);
}
