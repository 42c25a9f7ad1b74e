// Pictures that change while a page shows them.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { announced, assertNoErrors, openPage, setHidden, settle, shownNotice } from "./page.js";
import { card, galleryPage, imagePage, visitorsPage } from "./templates.js";

afterEach(assertNoErrors);

const ids = (page) => [...page.document.querySelectorAll("#gallery [data-image-id]")].map((card) => card.dataset.imageId);
const stateOf = (page, id) => page.document.getElementById(`card-${id}`)?.dataset.state;

async function openGallery(cards, { next, path = "/gallery", answers = {}, ...options } = {}) {
  const page = await openPage(galleryPage(cards, { next }), path, options);
  for (const [request, answer] of Object.entries(answers)) page.server.on(request, answer);
  if (!options.hidden) await page.streams[0].open();
  return page;
}

async function openImage(options) {
  const page = await openPage(imagePage("a", options), "/images/a");
  page.server.on("GET /images/a", imagePage("a", options));
  await page.streams[0].open();
  return page;
}

/** The stream ends for good, as when the server answers 503; the page opens another one. */
async function reconnectAfterGap(page) {
  await page.streams.at(-1).breakOff({ final: true });
  await page.clock.advance(60_000);
  await page.streams.at(-1).open();
}

test("a changed picture is fetched and replaced in its place", async () => {
  const page = await openGallery([card("b", { at: "13:00", state: "failed" }), card("a")]);
  page.server.on("GET /images/b/card", card("b", { at: "13:00" }));
  await page.streams[0].send("image", { id: "b" });
  assert.deepEqual(ids(page), ["b", "a"]);
  assert.equal(stateOf(page, "b"), "ready");
  await page.clock.advance(1000);
  assert.match(announced(page), /^Picture ready: Caption of b/);
});

test("a new picture is inserted by its time", async () => {
  const page = await openGallery([card("c", { at: "13:00" }), card("a", { at: "11:00" })]);
  page.server.on("GET /images/b/card", card("b", { at: "12:00" }));
  await page.streams[0].send("image", { id: "b", uploaded_at: "2026-01-01T12:00:00Z" });
  assert.deepEqual(ids(page), ["c", "b", "a"]);
});

test("a picture older than what is loaded is not fetched", async () => {
  const page = await openGallery([card("b", { at: "12:00" })], { next: "/gallery?after=b" });
  await page.streams[0].send("image", { id: "a", uploaded_at: "2026-01-01T11:00:00Z" });
  assert.deepEqual(page.server.requests, []);
});

test("results of a search are updated but not added to", async () => {
  const page = await openGallery([card("a", { state: "failed" })], { path: "/gallery?q=ada" });
  page.server.on("GET /images/a/card?q=ada", card("a"));
  await page.streams[0].send("image", { id: "b", uploaded_at: "2026-01-02T00:00:00Z" });
  await page.streams[0].send("image", { id: "a" });
  assert.deepEqual(page.server.requests, ["GET /images/a/card?q=ada"]);
  assert.equal(stateOf(page, "a"), "ready");
});

test("a deleted picture disappears, and the focus goes to its neighbour", async () => {
  const page = await openGallery([card("b"), card("a")]);
  page.document.querySelector("#card-b .frame").focus();
  await page.streams[0].send("deleted", { id: "b" });
  assert.deepEqual(ids(page), ["a"]);
  assert.equal(page.document.activeElement.closest(".card").id, "card-a");
  await page.streams[0].send("deleted", { id: "a" });
  assert.equal(page.document.getElementById("empty").hidden, false);
});

test("many changes at once are fetched three at a time, each picture once", async () => {
  const page = await openGallery(["a", "b", "c", "d", "e"].map((id) => card(id)));
  const answers = [];
  for (const id of ids(page)) page.server.on(`GET /images/${id}/card`, () => new Promise((resolve) => answers.push(() => resolve(card(id)))));
  for (const id of [...ids(page), "e", "e"]) await page.streams[0].send("image", { id });
  assert.equal(page.server.requests.length, 3);
  for (let answered = 0; answered < answers.length; answered++) {
    answers[answered]();
    await settle();
  }
  assert.equal(page.server.count("GET /images/e/card"), 1);
  assert.equal(page.server.requests.length, 5);
});

test("a picture that cannot be fetched is tried again", async () => {
  const page = await openGallery([card("a", { state: "failed" })]);
  page.server.on("GET /images/a/card", 503);
  await page.streams[0].send("image", { id: "a" });
  await page.clock.advance(5000);
  page.server.on("GET /images/a/card", card("a"));
  await page.clock.advance(10_000);
  assert.equal(stateOf(page, "a"), "ready");
});

test("a picture that cannot be fetched is not tried for ever", async () => {
  const page = await openGallery([card("a", { state: "failed" })]);
  page.server.on("GET /images/a/card", 500);
  await page.streams[0].send("image", { id: "a" });
  await page.clock.advance(3_600_000);
  assert.equal(page.server.count("GET /images/a/card"), 5);
});

test("what finished between the page and the start of the stream is fetched", async () => {
  const page = await openPage(galleryPage([card("b", { state: "working" }), card("a")]), "/gallery");
  page.server.on("GET /images/b/card", card("b"));
  await page.streams[0].open();
  assert.deepEqual(page.server.requests, ["GET /images/b/card"]);
  assert.equal(stateOf(page, "b"), "ready");
});

test("after a gap the gallery is compared only once the new stream has started", async () => {
  const page = await openGallery([card("b"), card("a")]);
  page.server.on("GET /gallery", galleryPage([card("c", { at: "14:00" }), card("a")]));
  await page.streams[0].breakOff({ final: true });
  await page.clock.advance(60_000);
  assert.equal(page.streams.length, 2);
  assert.deepEqual(page.server.requests, [], "a change from now until the stream starts would be missed");
  await page.streams[1].open();
  assert.deepEqual(ids(page), ["c", "a"]);
});

test("a stream that the browser reconnects without the id of an event leaves a gap", async () => {
  const page = await openGallery([card("a")]);
  page.server.on("GET /gallery", galleryPage([card("b", { at: "14:00" }), card("a")]));
  await page.streams[0].breakOff();
  await page.streams[0].open();
  assert.deepEqual(ids(page), ["b", "a"]);
});

test("a stream that the browser reconnects with the id of an event leaves no gap", async () => {
  const page = await openGallery([card("a")]);
  page.server.on("GET /images/a/card", card("a"));
  await page.streams[0].send("image", { id: "a" }, "17");
  await page.streams[0].breakOff();
  await page.streams[0].open();
  assert.equal(page.server.count("GET /gallery"), 0);
});

test("a gallery that was emptied during a gap becomes empty", async () => {
  const page = await openGallery([card("b"), card("a")]);
  page.server.on("GET /gallery", galleryPage([]));
  await reconnectAfterGap(page);
  assert.deepEqual(ids(page), []);
  assert.equal(page.document.getElementById("empty").hidden, false);
});

test("after a gap, pictures on later pages stay and deleted ones on the first page go", async () => {
  const cards = [card("d", { at: "14:00" }), card("c", { at: "13:00" }), card("b", { at: "12:00" }), card("a", { at: "11:00" })];
  const page = await openGallery(cards, { next: "/gallery?after=a" });
  page.server.on("GET /gallery", galleryPage([cards[0], cards[2]], { next: "/gallery?after=b" }));
  await reconnectAfterGap(page);
  assert.deepEqual(ids(page), ["d", "b", "a"]);
});

test("when more pictures are new than fit on a page, none of them is left out", async () => {
  const page = await openGallery([card("b", { at: "10:00" }), card("a", { at: "09:00" })]);
  page.server.on("GET /gallery", galleryPage([card("e", { at: "15:00" }), card("d", { at: "14:00" })], { next: "/gallery?after=d" }));
  await reconnectAfterGap(page);
  assert.deepEqual(ids(page), ["e", "d"]);
  assert.equal(page.document.querySelector("#more a").getAttribute("href"), "/gallery?after=d");
});

test("a hidden page holds no connection, even when the network comes back", async () => {
  const page = await openGallery([card("a")]);
  setHidden(page, true);
  assert.equal(page.streams[0].readyState, 2);
  page.window.dispatchEvent(new page.window.Event("online"));
  await page.clock.advance(60_000);
  assert.equal(page.streams.length, 1);
  setHidden(page, false);
  assert.equal(page.streams.length, 2);
});

test("a page that was opened in the background is compared when it is first shown", async () => {
  const page = await openGallery([card("a")], { hidden: true });
  assert.equal(page.streams.length, 0);
  page.server.on("GET /gallery", galleryPage([card("b", { at: "14:00" }), card("a")]));
  setHidden(page, false);
  await page.streams[0].open();
  assert.deepEqual(ids(page), ["b", "a"]);
});

test("a short interruption is not mentioned, a longer one is until it is over", async () => {
  const page = await openGallery([card("a")]);
  page.server.on("GET /gallery", galleryPage([card("a")]));
  await page.streams[0].breakOff();
  await page.clock.advance(1000);
  assert.equal(shownNotice(page), null);
  await page.clock.advance(2000);
  assert.equal(shownNotice(page), "Reconnecting…");
  await page.streams[0].open();
  assert.equal(shownNotice(page), null);
});

test("the notice says offline while it is so, and then that it reconnects", async () => {
  const page = await openGallery([card("a")]);
  page.window.dispatchEvent(new page.window.Event("offline"));
  assert.equal(shownNotice(page), "You are offline.");
  page.window.dispatchEvent(new page.window.Event("online"));
  assert.equal(shownNotice(page), "Reconnecting…");
});

test("reconnecting waits longer each time", async () => {
  const page = await openGallery([card("a")]);
  const waits = [];
  for (let tries = 0; tries < 6; tries++) {
    const before = page.streams.length;
    const since = page.clock.now;
    await page.streams.at(-1).breakOff({ final: true });
    while (page.streams.length === before) await page.clock.advance(100);
    waits.push(page.clock.now - since);
  }
  assert.ok(waits[0] <= 2600 && waits[5] >= 22_000 && waits[5] <= 37_600, String(waits));
});

test("the page of a picture takes over the parts that changed", async () => {
  const page = await openImage({ state: "working", caption: "" });
  page.server.on("GET /images/a", imagePage("a", { caption: "Ada cuts the cake" }));
  const details = page.document.querySelector('[data-live="details"]');
  await page.streams[0].send("image", { id: "a" });
  assert.match(page.document.getElementById("caption").textContent, /Ada cuts the cake/);
  assert.equal(page.document.querySelector('[data-live="details"]'), details, "an unchanged part stays");
  await page.clock.advance(1000);
  assert.equal(announced(page), "This picture is ready.");
});

test("a picture that was deleted says so for as long as its page is open", async () => {
  const page = await openImage();
  await page.streams[0].send("deleted", { id: "a" });
  await page.streams[0].breakOff();
  await page.streams[0].open();
  assert.equal(shownNotice(page), "This picture was deleted.");
});

test("a picture that visitors may no longer see leaves their page at once", async () => {
  const page = await openPage(visitorsPage("a"), "/images/a");
  await page.streams[0].open();
  await page.streams[0].send("deleted", { id: "a" });
  assert.equal(page.document.querySelector(".picture img"), null);
  assert.equal(shownNotice(page), "This picture is no longer shown.");
});

test("times are shown in the reader's zone, and stay so when a part is replaced", async () => {
  const page = await openGallery([card("a")]);
  const time = () => page.document.querySelector("#card-a time").textContent;
  const expected = new Intl.DateTimeFormat(["en-US", "en-GB"], { dateStyle: "medium" }).format(new Date("2026-01-01T12:00:00Z"));
  assert.equal(time(), expected);
  page.server.on("GET /images/a/card", card("a", { caption: "Other words" }));
  await page.streams[0].send("image", { id: "a" });
  assert.match(page.document.querySelector("#card-a").textContent, /Other words/);
  assert.equal(time(), expected);
});

test("a picture that was deleted during a gap says so", async () => {
  const page = await openImage();
  page.server.on("GET /images/a", 404);
  await reconnectAfterGap(page);
  assert.equal(shownNotice(page), "This picture was deleted.");
});

test("a replaced part keeps the focus, open details and ticked boxes", async () => {
  const page = await openImage({ state: "working" });
  page.document.getElementById("show-faces").checked = true;
  page.document.querySelector("details.history").open = true;
  page.document.querySelector(".stage-link").focus();
  page.server.on("GET /images/a", imagePage("a").replaceAll(">Copy<", ">New copy<").replaceAll("Interrupted", "Broken off"));
  await page.streams[0].send("image", { id: "a" });
  assert.match(page.document.querySelector(".strip").textContent, /New copy/, "it was replaced");
  assert.match(page.document.querySelector(".history").textContent, /Broken off/, "it was replaced");
  assert.equal(page.document.getElementById("show-faces").checked, true);
  assert.equal(page.document.querySelector("details.history").open, true);
  assert.equal(page.document.activeElement.className, "stage-link");
});

/* Trying a step again */

const retry = (page) => page.document.querySelector("#card-a form.retry");

function submit(page) {
  retry(page).dispatchEvent(new page.window.Event("submit", { bubbles: true, cancelable: true }));
  return settle();
}

test("a step is tried again without leaving the page, and only once on a double click", async () => {
  const page = await openGallery([card("a", { state: "failed" })]);
  page.server.on("POST /images/a/steps/annotate/retry", () => settle().then(() => 200));
  page.server.on("GET /images/a/card", card("a", { state: "working" }));
  await Promise.all([submit(page), submit(page)]);
  await settle();
  assert.equal(page.server.count("POST /images/a/steps/annotate/retry"), 1);
  assert.equal(stateOf(page, "a"), "working");
  await page.clock.advance(1000);
  assert.match(announced(page), /Trying again\./);
  assert.doesNotMatch(announced(page), /new picture/);
});

test("a retry that the server refuses shows the server's own page", async () => {
  const page = await openGallery([card("a", { state: "failed" })]);
  page.server.on("POST /images/a/steps/annotate/retry", 409);
  await submit(page);
  assert.deepEqual(page.submitted, ["/images/a/steps/annotate/retry"]);
});

test("a retry while the server cannot be reached stays on the page and can be repeated", async () => {
  const page = await openGallery([card("a", { state: "failed" })]);
  page.server.on("POST /images/a/steps/annotate/retry", "unreachable");
  await submit(page);
  assert.deepEqual(page.submitted, []);
  assert.equal(shownNotice(page), "The server could not be reached. Please try again.");
  await submit(page);
  assert.equal(page.server.count("POST /images/a/steps/annotate/retry"), 2);
});

test("a retry after the session ended leads to the login page", async () => {
  const page = await openGallery([card("a", { state: "failed" })]);
  page.server.on("POST /images/a/steps/annotate/retry", () => ({ redirected: true, url: "http://vitrine.test/login?next=%2Fimages%2Fa" }));
  await submit(page);
  await page.clock.advance(1000);
  assert.equal(page.navigations.length, 1);
  assert.equal(announced(page), "");
});
