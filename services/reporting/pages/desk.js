// The pages work without this: it folds the list of pages, and keeps what is shown up to date.
const menu = document.getElementById("menu");
const side = document.getElementById("side");
const narrow = matchMedia("(max-width: 62rem)");

function fold(folded) {
  side.toggleAttribute("data-folded", folded);
  menu.setAttribute("aria-expanded", String(!folded));
}

if (menu && side) {
  fold(narrow.matches);
  narrow.addEventListener("change", () => fold(narrow.matches));
  menu.addEventListener("click", () => {
    fold(menu.getAttribute("aria-expanded") === "true");
    if (!side.hasAttribute("data-folded")) side.querySelector("a")?.focus();
  });
  side.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && narrow.matches) { fold(true); menu.focus(); }
  });
}

// Live: the server says that figures have changed, never more than about once a second; the page
// then asks for itself anew and only what differs is exchanged. Nothing is asked while nobody looks.
const signal = document.getElementById("signal");
const PAUSE = 1000;
let stream = null;
let waiting = false;
let busy = false;
let known = Number(document.getElementById("live")?.dataset.version ?? NaN);

function show(state) {
  if (signal && signal.dataset.state !== state) signal.dataset.state = state;
}

function figures(root) {
  return new Map([...root.querySelectorAll("[data-figure]")].map((each) => [each.dataset.figure, each.textContent]));
}

async function refresh() {
  if (busy) { waiting = true; return; }
  busy = true;
  waiting = false;
  const region = document.getElementById("live");
  const before = figures(region);
  try {
    await htmx.ajax("GET", location.pathname + location.search, {
      source: region, target: "#live", select: "#live > *", swap: "innerMorph",
    });
    for (const each of document.querySelectorAll("[data-figure]")) {
      if (before.get(each.dataset.figure) === each.textContent) continue;
      each.classList.remove("changed");
      void each.offsetWidth;
      each.classList.add("changed");
    }
  } finally {
    setTimeout(() => { busy = false; if (waiting) refresh(); }, PAUSE);
  }
}

function open() {
  if (stream || document.hidden) return;
  stream = new EventSource(signal.dataset.live);
  stream.addEventListener("changed", (event) => {
    const told = JSON.parse(event.data).version;
    const fresh = told !== known;
    known = told;
    show("live");
    if (fresh && document.getElementById("live")) refresh();
  });
  stream.addEventListener("error", () => {
    show("lost");
    if (stream.readyState === EventSource.CLOSED) {  // refused: the browser does not try again
      close();
      setTimeout(open, 15000);
    }
  });
}

function close() {
  stream?.close();
  stream = null;
}

if (signal && window.EventSource && window.htmx) {
  open();
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
}
