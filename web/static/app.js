// The entry point. Every page works without scripts; each module improves its own part of the
// page. The modules are loaded separately, so that an error in one does not stop the others.

const modules = [
  () => import("./pictures.js"),
  () => import("./times.js"),
  () => import("./live.js"),
  () => import("./keys.js"),
  () => import("./drafts.js"),
];
if (document.querySelector("[data-upload]")) modules.push(() => import("./upload.js"));
if (document.querySelector("#gallery")) modules.push(() => import("./scroll.js"));
if (document.querySelector("[data-review]")) modules.push(() => import("./review.js"));
if (document.querySelector("[data-thats-me]")) modules.push(() => import("./thats_me.js"));
if (document.querySelector("#zoom")) modules.push(() => import("./zoom.js"));

for (const load of modules) {
  load()
    .then((module) => module.start())
    .catch((error) => console.error(error));
}
