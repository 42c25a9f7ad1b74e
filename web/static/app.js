// The entry. Every page works without any of this; each module looks for its own part of the
// page and improves it, and one that fails must not take the others along.

const modules = [
  () => import("./pictures.js"),
  () => import("./live.js"),
  () => import("./keys.js"),
];
if (document.querySelector("[data-upload]")) modules.push(() => import("./upload.js"));
if (document.querySelector("#gallery")) modules.push(() => import("./scroll.js"));
if (document.querySelector("#zoom")) modules.push(() => import("./zoom.js"));

for (const load of modules) {
  load()
    .then((module) => module.start())
    .catch((error) => console.error(error));
}
