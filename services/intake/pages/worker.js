// Opens the forms without signal: the network first, what was kept of a page where it is silent.

const PAGES = "motcua-pages";
const PATIENCE = 4000;
const KEPT = /^\/(lists|forms\/[a-z]+|offers\/(units|plans|difficulties))?$/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  if (address.pathname.startsWith("/assets/")) event.respondWith(fromAssets(request));
  else if (KEPT.test(address.pathname)) event.respondWith(fromNetwork(request, address));
});

async function find(request) {
  const cache = await caches.open(PAGES);
  const same = await cache.match(request, { ignoreVary: true });
  return same ?? (await cache.match(request, { ignoreVary: true, ignoreSearch: true }));
}

/** Assets bear their version in the address: what is kept is right. */
async function fromAssets(request) {
  const kept = await (await caches.open(PAGES)).match(request, { ignoreVary: true });
  return kept ?? fetch(request);
}

async function fromNetwork(request, address) {
  const asked = ask(request, address);
  const answer = await Promise.race([
    asked.catch(() => null),
    new Promise((resolve) => setTimeout(resolve, PATIENCE, null)),
  ]);
  if (answer && answer.status < 500) return answer;
  return (await find(request)) ?? answer ?? asked;
}

/** Ask the service, and keep what a logged-in person may open again. */
async function ask(request, address) {
  const answer = await fetch(request);
  const page = address.pathname.startsWith("/offers/") || answer.headers.has("X-Motcua-Page");
  if (answer.ok && page && !answer.redirected && !address.searchParams.has("row")) {
    const cache = await caches.open(PAGES);
    await cache.put(request, answer.clone());
  }
  return answer;
}
