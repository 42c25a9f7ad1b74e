// Shows times in the reader's time zone. The server writes them in UTC, which is what a page without
// scripts shows. A time of which only the day is known stays as it is: it has no zone.

// The pages are in English; of the reader's languages only a variant of that is taken.
const LANGUAGES = [...navigator.languages.filter((language) => /^en\b/.test(language)), "en-GB"];

/** @type {Record<string, Intl.DateTimeFormat>} */
const FORMATS = {
  day: new Intl.DateTimeFormat(LANGUAGES, { dateStyle: "medium" }),
  minute: new Intl.DateTimeFormat(LANGUAGES, { dateStyle: "medium", timeStyle: "short" }),
};

/** @param {ParentNode} root */
export function showLocalTimes(root) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    if (!(time instanceof HTMLTimeElement) || !time.dateTime.includes("T")) continue;
    const instant = new Date(time.dateTime);
    const format = FORMATS[time.dataset.local ?? ""];
    if (!format || Number.isNaN(instant.getTime())) continue;
    time.textContent = format.format(instant);
    time.title = time.dateTime;
  }
}

export function start() {
  showLocalTimes(document);
}
