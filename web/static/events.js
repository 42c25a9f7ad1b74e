// The connection that tells of changes, and the discreet notice while it is broken. The browser
// reconnects by itself and names the last event it has, so nothing is lost; where it gives up, or
// the page let go, we connect again and report a gap, after which the page is compared afresh.

const LONGEST_PAUSE = 30_000;

let source = null;
let pause = 0;
let retry = 0;
let timer = 0;
let handlers = {};

export function listen(given) {
  handlers = given;
  if (!document.hidden) connect();
  // A hidden page lets go of its connection: browsers allow six to a server, for all tabs together.
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : reconnect()));
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => event.persisted && reconnect());
  window.addEventListener("online", reconnect);
  window.addEventListener("offline", () => notice("You are offline."));
}

function connect() {
  source = new EventSource("/api/events");
  source.addEventListener("open", () => {
    pause = 0;
    notice(null);
  });
  source.addEventListener("error", () => {
    notice("Reconnecting…", 2000);
    if (source?.readyState !== EventSource.CLOSED) return;
    pause = Math.min(LONGEST_PAUSE, (pause || 1000) * 2);
    clearTimeout(retry);
    retry = setTimeout(reconnect, pause * (0.75 + Math.random() / 2));
  });
  for (const name of ["image", "deleted"]) {
    source.addEventListener(name, (event) => {
      const image = parse(event.data);
      if (image?.id) handlers[name](image);
    });
  }
}

function disconnect() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function reconnect() {
  disconnect();
  connect();
  handlers.gap();
}

// Waits a moment before it speaks, so that a blink is not worth a word.
export function notice(text, after = 0) {
  if (text && after && timer) return;
  clearTimeout(timer);
  timer = 0;
  const place = document.getElementById("connection");
  if (!text) place.hidden = true;
  else
    timer = setTimeout(() => {
      place.querySelector("[data-text]").textContent = text;
      place.hidden = false;
    }, after);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
