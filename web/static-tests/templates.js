// The markup of the real templates, for tests: a script and a template that no longer agree about a
// selector fail here. Only the logic is taken out: every branch is kept, and each loop runs once.

import { readFileSync } from "node:fs";

const FOLDER = new URL("../templates/", import.meta.url);
const read = (name) => readFileSync(new URL(name, FOLDER), "utf8").replace(/\{#.*?#\}/gs, "");
const INCLUDE = /\{% include "(.+?)" %\}/g;
const COMPONENT = /\{\{ <(\w+)(.*?) \/> \}\}/g;
const BLOCK = (name) => new RegExp(`\\{% block ${name} %\\}(.*?)\\{% endblock %\\}`, "s");

function component(name) {
  return new RegExp(`\\{% component ${name}\\(.*?\\) -?%\\}(.*?)\\{%-? endcomponent ${name} %\\}`, "s").exec(read("components.html"))[1];
}

/**
 * The template `name` with the values of expressions, such as `{ "image.id": "1" }`. The name of a
 * template as key stands for what is included in its place.
 */
export function render(name, values = {}) {
  return fill(read(name), values);
}

/** A whole page: the template `name` within base.html. */
export function renderPage(name, values = {}) {
  const main = BLOCK("main").exec(read(name))[1];
  return fill(read("base.html").replace(BLOCK("main"), () => main), values);
}

function fill(text, values) {
  return text
    .replace(INCLUDE, (_, name) => values[name] ?? fill(read(name), values))
    .replace(COMPONENT, (_, name, given) => {
      const own = {};
      for (const [, key, literal, expression] of given.matchAll(/(\w+)=(?:"(.*?)"|\{(.*?)\})/g)) own[key] = literal ?? values[expression];
      return fill(component(name), { ...values, ...own });
    })
    .replace(/\{\{ (.*?) \}\}/g, (_, expression) => values[expression] ?? "")
    .replace(/\{%.*?%\}/gs, "");
}

/** A card of the gallery; `at` is a time of day. */
export function card(id, { at = "12:00", state = "ready", caption = `Caption of ${id}` } = {}) {
  return render("card.html", {
    "image.id": id,
    "image.url": `/images/${id}`,
    "image.state": state,
    "image.uploaded_at": `2026-01-01T${at}:00Z`,
    "part.text": caption,
    "step.name": "annotate",
    ratio: "15",
    tenths: "15",
  });
}

/** The home page with these cards and, if `next` is given, a link to more. */
export function galleryPage(cards, { next = "" } = {}) {
  const html = renderPage("gallery.html", { "card | safe": cards.join(""), next_url: next, "page.max_upload_mb": "1" });
  const more = /(<p class="more" id="more") hidden>(.*?)<\/p>/s;
  return html.replace(more, (_, start, link) => (next ? `${start}>${link}</p>` : `${start} hidden></p>`));
}

const RENDITIONS = { Copy: "anonymised", Original: "original" };

/** The page of a picture for those who see its details, with a figure for each rendition. */
export function imagePage(id, { state = "ready", renditions = Object.keys(RENDITIONS), caption = "A caption" } = {}) {
  const values = imageValues(id, state, caption);
  const html = renderPage("image_tasks.html", values);
  const figure = /<figure.*?<\/figure>/s;
  const figures = renditions.map((label) => {
    const name = RENDITIONS[label] ?? label.toLowerCase();
    const own = { "rendition.label": label, "rendition.name": name, "rendition.url": `/api/images/${id}/${name}` };
    return figure.exec(render("renditions.html", { ...values, ...own }))[0];
  });
  return html.replace(figure, () => figures.join(""));
}

/** The page of a picture for visitors. */
export function visitorsPage(id, { state = "ready", caption = "A caption" } = {}) {
  return renderPage("image.html", { ...imageValues(id, state, caption), "picture.url": `/api/images/${id}/anonymised` });
}

function imageValues(id, state, caption) {
  return { "image.id": id, "image.url": `/images/${id}`, "image.state": state, "image.heading": caption, "image.alt": caption, "image.caption": caption, previous_url: "/images/newer", next_url: "/images/older" };
}

/** The page of the release desk: the first picture is on the desk, all of them are in the queue. */
export function reviewPage(ids, { boxes = {}, left = ids.length } = {}) {
  const [first] = ids;
  const html = renderPage("review.html", { "desk.html": first ? desk(first, boxes[first]) : "", left: String(left) });
  const items = ids.map((id) => `<li data-queue-id="${id}"><a href="/review?image=${id}">${id}</a></li>`);
  return html.replace(/(<ol data-queue>).*?(<\/ol>)/s, (_, start, end) => start + items.join("") + end);
}

function desk(id, boxes = []) {
  const json = JSON.stringify(boxes).replaceAll('"', "&quot;");
  return render("desk.html", {
    "desk.id": id,
    "desk.heading": `${id}.jpg`,
    "desk.version": "1",
    "desk.boxes_json": json,
    "desk.width": "1000",
    "desk.height": "500",
    "desk.original_url": `/api/images/${id}/original`,
    "desk.copy_url": `/api/images/${id}/anonymised`,
    'desk.caption or ""': `Caption of ${id}`,
    "desk.tags": "party, cake",
  });
}
