// Only with `make dev`: puts changed styles into the page, and loads the page anew when anything
// else has changed, the server included.

const known = {};

new EventSource("/dev/changes").addEventListener("message", (event) => {
  const now = JSON.parse(event.data);
  if (known.pages && known.pages !== now.pages) {
    location.reload();
  } else if (known.styles && known.styles !== now.styles) {
    restyle(now.styles);
  }
  Object.assign(known, now);
});

function restyle(version) {
  for (const old of document.querySelectorAll('link[rel="stylesheet"]')) {
    const fresh = old.cloneNode();
    fresh.href = `${new URL(old.href).pathname}?dev=${version}`;
    // The old one stays until then, so that the page is never without styles.
    fresh.addEventListener("load", () => old.remove());
    fresh.addEventListener("error", () => fresh.remove());
    old.after(fresh);
  }
}
