/**
 * The service worker: where a page can't be reached, it answers with the one that shows what this browser has kept.
 *
 * It keeps the files of that page and nothing else, under a name that changes with them; pictures of this browser's own
 * wall are kept and shown by pages (lib/kept.js), and go from here when they have to. The server puts `self.site` before
 * this text.
 */
const worker = /** @type {any} */ (self);
/** @type {{shell: string, cache: string, kept: string, offline: string, api: string, files: string[]}} */
const site = worker.site;
const ARTWORKS = /\/(jobs|photos|series)\/[0-9a-f]{32}$/;
const DELETED = /\/delete$/;
const FILE = /\.\w+$/; // a download, in whose place no page may be saved

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  // What a page sends while it is left would be lost on its way through here, and downloads have nothing to find here.
  const conditions = [{ requestMethod: "POST" }, { requestMethod: "DELETE" }, { urlPattern: site.api }];
  event.addRoutes?.(conditions.map((condition) => ({ condition, source: "network" })));
  event.waitUntil(caches.open(site.cache).then((cache) => cache.addAll([site.offline, ...site.files])));
});

worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(takeOver()));

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  /** @type {Request} */
  const request = event.request;
  const { pathname } = new URL(request.url);
  if (request.method !== "GET") {
    // Whoever deletes here deletes all copies at once; the wall keeps anew what is left when it is next seen.
    if (request.method === "DELETE" ? ARTWORKS.test(pathname) : DELETED.test(pathname)) event.waitUntil(caches.delete(site.kept));
  } else if (request.mode === "navigate") {
    if (!FILE.test(pathname)) event.respondWith(page(request));
    event.waitUntil(dropExpired());
  } else if (site.files.includes(pathname)) {
    event.respondWith(caches.match(request).then((found) => found ?? fetch(request)));
  }
});

/** Takes the place of earlier versions, in pages that are open too. */
async function takeOver() {
  const outdated = (await caches.keys()).filter((name) => name.startsWith(site.shell) && name !== site.cache);
  await Promise.all(outdated.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** The page that was asked for, or the one for whoever can't reach it. @param {Request} request */
async function page(request) {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(site.offline, { cacheName: site.cache })) ?? Response.error();
  }
}

/** Deletes what would by now be deleted on the server as well. */
async function dropExpired() {
  const kept = await caches.open(site.kept);
  for (const request of await kept.keys()) {
    const until = (await kept.match(request))?.headers.get("expires") ?? "";
    if (!(Date.parse(until) > Date.now())) await kept.delete(request);
  }
}
