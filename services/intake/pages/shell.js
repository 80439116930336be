// What every page does: say how the signal and the queue are, send what waits, keep the pages
// for a time without signal, and ask before a log-out that leaves rows behind.

import { showHere } from "./here.js";
import { queue } from "./queue.js";
import { make, told, word } from "./told.js";

const PAGES = "motcua-pages";
const KEPT_FOR = "motcua-kept-for";

function showSignal(rows) {
  const strip = document.getElementById("signal");
  const waiting = rows.filter((row) => row.state === "waiting").length;
  const refused = rows.length - waiting;
  const parts = [
    waiting ? word("waiting", { n: waiting }) : word("nothing_waits"),
    refused ? word("refused", { n: refused }) : null,
    queue.state === "sending" ? word("sending") : null,
  ];
  strip.replaceChildren(
    make("strong", {}, navigator.onLine ? word("online") : word("offline")),
    ` · ${parts.filter(Boolean).join(" · ")}`,
  );
  strip.dataset.state = navigator.onLine ? "online" : "offline";
  if (queue.state === "login") {
    strip.append(make("br"), `${word("log_in_again")} `, logInLink());
  }
  if (queue.state === "forbidden") strip.append(make("br"), word("not_allowed_here"));
  if (!queue.durable && rows.length) strip.append(make("br"), word("no_store"));
}

function logInLink() {
  return make("a", { href: location.pathname + location.search }, word("log_in"));
}

async function show() {
  const { own, others } = await queue.list();
  showSignal(own);
  showHere(own, others);
}

/** Keep this key's pages, so that a reload without signal still opens them. */
async function keepPages() {
  if (!("serviceWorker" in navigator) || !("caches" in window)) return;
  try {
    await navigator.serviceWorker.register(told.worker, { scope: "/" });
    const mark = `${told.assets[0]} ${told.key.id}`;
    if (localStorage.getItem(KEPT_FOR) !== mark) {
      await caches.delete(PAGES); // another key's pages, or those of an older version
      localStorage.setItem(KEPT_FOR, mark);
    }
    const cache = await caches.open(PAGES);
    const kept = new Set((await cache.keys()).map(({ url }) => url.slice(location.origin.length)));
    const wanted = [...told.keep, ...told.data, ...told.assets].filter((each) => !kept.has(each));
    await Promise.all(wanted.map((address) => cache.add(address)));
  } catch {
    // without signal, or without room: what is kept already stays
  }
}

document.getElementById("logout").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { own } = await queue.list();
  if (own.length && !confirm(word("sure_log_out", { n: own.length }))) return;
  if ("caches" in window) await caches.delete(PAGES).catch(() => false);
  event.target.submit();
});

queue.addEventListener("change", show);
addEventListener("online", () => {
  queue.pause = 1000;
  queue.send();
});
addEventListener("offline", show);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") queue.send();
});
await show();
queue.send();
keepPages();
