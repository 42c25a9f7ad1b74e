// One polite voice for everything that changes by itself, so that a screen reader hears of it
// without losing its place. Several changes at once are said together.

let waiting = [];
let timer = 0;

export function announce(text) {
  if (!waiting.includes(text)) waiting.push(text);
  clearTimeout(timer);
  timer = setTimeout(() => {
    const voice = document.getElementById("announcer");
    const more = waiting.length - 3;
    const said = waiting.slice(0, 3).join(" ");
    voice.textContent = more > 0 ? `${said} And ${more} more.` : said;
    waiting = [];
  }, 800);
}
