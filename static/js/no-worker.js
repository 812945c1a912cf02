/** What takes the place of the service worker where there is to be none: it takes all that was kept with it. */
const worker = /** @type {any} */ (self);
/** @type {{shell: string, kept: string}} */
const site = worker.site;

worker.addEventListener("install", () => worker.skipWaiting());

worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(leave()));

async function leave() {
  const ours = (await caches.keys()).filter((name) => name.startsWith(site.shell) || name === site.kept);
  await Promise.all(ours.map((name) => caches.delete(name)));
  await worker.registration.unregister();
}
