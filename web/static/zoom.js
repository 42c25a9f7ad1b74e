// A close look at a rendition without leaving the page: whole, full size with a click, and from
// one rendition to the next at the same spot. Without scripts the same links open the file.
// Also: the links above the phone's strip, and copying the description.

import { announce } from "./announce.js";

export function start() {
  const dialog = document.getElementById("zoom");
  const stage = dialog.querySelector(".zoom-stage");
  const picture = stage.querySelector("img");
  const label = dialog.querySelector("[data-zoom-label]");
  const choices = dialog.querySelector("[data-zoom-switch]");
  let opener = null;

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("a[data-zoom]");
    if (!link) return;
    event.preventDefault();
    opener = link;
    stage.classList.remove("is-full");
    show(link);
    dialog.showModal();
    stage.focus();
  });
  stage.addEventListener("click", (event) => toggle(event));
  dialog.addEventListener("keydown", (event) => {
    if (event.target === stage && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      toggle();
    }
    if (stage.classList.contains("is-full")) return;
    if (event.key === "ArrowRight") other(1);
    if (event.key === "ArrowLeft") other(-1);
  });
  dialog.addEventListener("close", () => {
    picture.removeAttribute("src");
    const link = opener && document.querySelector(`a[data-zoom="${CSS.escape(opener.dataset.zoom)}"]`);
    link?.focus({ preventScroll: true });
  });

  function show(link) {
    picture.src = link.href;
    picture.alt = link.querySelector("img.full")?.alt ?? "";
    const all = links();
    label.textContent = all.includes(link) && all.length > 1 ? "" : link.dataset.zoom;
    choices.replaceChildren(
      ...all.map((one) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "button small quiet";
        button.textContent = one.dataset.zoom;
        button.setAttribute("aria-pressed", String(one === link));
        button.addEventListener("click", () => keepingPlace(() => show(one)));
        return button;
      }),
    );
    opener = link;
  }

  function links() {
    return [...document.querySelectorAll("a[data-zoom]:not([data-small])")];
  }

  function other(by) {
    const all = links();
    show(all[(all.indexOf(opener) + by + all.length) % all.length]);
  }

  function keepingPlace(change) {
    const { scrollLeft, scrollTop } = stage;
    picture.addEventListener("load", () => stage.scrollTo(scrollLeft, scrollTop), { once: true });
    change();
  }

  // Full size opens at the spot that was pressed.
  function toggle(event) {
    const box = picture.getBoundingClientRect();
    const x = event ? (event.clientX - box.left) / box.width : 0.5;
    const y = event ? (event.clientY - box.top) / box.height : 0.5;
    if (stage.classList.toggle("is-full")) {
      stage.scrollTo(x * picture.offsetWidth - stage.clientWidth / 2, y * picture.offsetHeight - stage.clientHeight / 2);
    }
  }

  tabs();
  copying();
  document.addEventListener("vitrine:swapped", () => {
    tabs();
    copying();
  });
}

let watcher = null;

function tabs() {
  const strip = document.querySelector(".strip");
  const links = [...document.querySelectorAll(".rendition-tabs a")];
  const mark = (id) => {
    for (const link of links) {
      if (link.hash === `#${id}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  for (const link of links) {
    link.addEventListener("click", (event) => {
      const figure = document.querySelector(link.hash);
      if (!figure) return;
      event.preventDefault();
      strip.scrollTo({ left: figure.offsetLeft - strip.firstElementChild.offsetLeft });
    });
  }
  watcher?.disconnect();
  watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) if (entry.isIntersecting) mark(entry.target.id);
    },
    { root: strip, threshold: 0.6 },
  );
  for (const figure of strip.querySelectorAll(".rendition")) watcher.observe(figure);
}

function copying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.onclick = async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.lastElementChild.textContent = "Copied";
      announce("Description copied.");
    };
  }
}
