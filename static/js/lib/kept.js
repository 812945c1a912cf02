/**
 * Small pictures of what hangs on this browser's wall, kept in the browser to be shown without a network.
 *
 * Each is kept under its job's address, with what its label says, until the moment at which the server deletes it. What
 * the wall does not show any more is not kept any more.
 */
import { all, first } from "./elements.js";
import { at } from "./root.js";

const CACHE = at("/kept");
const LABEL = "x-label";

/**
 * What is kept of one artwork; `picture` is its address on the server.
 * @typedef {{address: string, picture: string, title: string, words: string, made: string, until: string}} Piece
 */

/** Whether this browser may keep anything: browsers allow it to sites by https and on their own machine, and owners may not. */
const mayKeep = () => "serviceWorker" in navigator && "caches" in globalThis && !("noOffline" in document.documentElement.dataset);

/**
 * Keeps what a wall shows, and nothing else; where the browser has no room for that, or lets no site keep anything, nothing.
 * @param {ParentNode} wall the page itself, or one that was fetched
 */
export const keepWall = (wall) => keepAll(wall).catch(unlessAllowed);

/** The same from a page that is no wall, if what it shows hangs there and is not kept yet. @param {string} id of the job */
export const keepNew = (id) => keepUnlessKept(at(`/jobs/${id}`)).catch(unlessAllowed);

/** Keeps nothing any more, before something is deleted; the wall keeps anew what is left. */
export const dropKept = () => ("caches" in globalThis ? caches.delete(CACHE) : Promise.resolve(false)).catch(unlessAllowed);

/** @param {unknown} reason */
function unlessAllowed(reason) {
  if (!(reason instanceof DOMException || reason instanceof TypeError)) throw reason;
}

/** @param {ParentNode} wall */
async function keepAll(wall) {
  if (!mayKeep()) return;
  await navigator.serviceWorker.register(at("/service-worker.js"), { scope: at("/"), updateViaCache: "none" });
  const cache = await caches.open(CACHE);
  const pieces = all(wall, ".piece[data-until]:not([hidden])", HTMLElement).map(pieceOf);
  const addresses = pieces.map((piece) => new URL(piece.address, location.origin).href);
  for (const request of await cache.keys()) if (!addresses.includes(request.url)) await cache.delete(request);
  for (const piece of pieces) await keep(cache, piece);
}

/** @param {string} address of the job's page */
async function keepUnlessKept(address) {
  if (!mayKeep() || (await caches.match(address, { cacheName: CACHE }))) return;
  const response = await fetch(at("/artworks"));
  if (response.ok) await keepAll(new DOMParser().parseFromString(await response.text(), "text/html"));
}

/** What is kept, newest first, each with its picture. @returns {Promise<(Piece & {blob: Blob})[]>} */
export async function kept() {
  const cache = await caches.open(CACHE);
  const found = [];
  for (const request of await cache.keys()) {
    const response = await cache.match(request);
    if (!response) continue;
    const piece = labelOf(response);
    if (Date.parse(piece.until) > Date.now()) found.push({ ...piece, blob: await response.blob() });
  }
  return found.toSorted((one, other) => other.made.localeCompare(one.made));
}

/** @param {Cache} cache @param {Piece} piece */
async function keep(cache, piece) {
  const before = await cache.match(piece.address);
  if (before && JSON.stringify(labelOf(before)) === JSON.stringify(piece)) return;
  const response = await fetch(piece.picture).catch(() => null);
  if (!response?.ok) return;
  const headers = {
    "content-type": response.headers.get("content-type") ?? "",
    expires: new Date(piece.until).toUTCString(),
    [LABEL]: encodeURIComponent(JSON.stringify(piece)),
  };
  await cache.put(piece.address, new Response(await response.blob(), { headers }));
}

/** @param {HTMLElement} piece @returns {Piece} */
function pieceOf(piece) {
  const text = (/** @type {string} */ selector) => first(piece, selector, HTMLElement).textContent ?? "";
  return {
    address: first(piece, ".piece__link", HTMLAnchorElement).getAttribute("href") ?? "",
    picture: first(piece, "img", HTMLImageElement).getAttribute("src") ?? "",
    title: text(".label__title"),
    words: text(".label__year"),
    made: first(piece, "time", HTMLTimeElement).dateTime,
    until: piece.dataset.until ?? "",
  };
}

/** @param {Response} response @returns {Piece} */
const labelOf = (response) => JSON.parse(decodeURIComponent(response.headers.get(LABEL) ?? ""));
