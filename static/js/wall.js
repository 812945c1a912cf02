/** The wall also shows what only the browser remembers, when the cookie is gone or full. */
import { all, byId } from "./lib/elements.js";
import { keepWall } from "./lib/kept.js";
import { forget, remember, remembered } from "./lib/memory.js";
import { localise } from "./lib/moments.js";
import { at } from "./lib/root.js";
import { connectUndo } from "./undo.js";
import { _ } from "./lib/words.js";

const wall = byId("wall", HTMLElement);
const empty = byId("wall-empty", HTMLElement);
const hung = all(wall, ":scope > *", HTMLElement).map((piece) => piece.dataset.job ?? "");

localise(document);
connectUndo(wall, () => {
  empty.hidden = all(wall, ":scope > :not([hidden])", HTMLElement).length > 0;
});
for (const id of hung.toReversed()) remember(id);
void keepWall(document);
for (const id of remembered().filter((each) => !hung.includes(each))) {
  const response = await fetch(at(`/api/v1/jobs/${id}`)).catch(() => null);
  if (!response) break; // The connection broke; the rest hangs there next time.
  if ([404, 410].includes(response.status)) forget(id);
  if (!response.ok) continue;
  const job = await response.json();
  if (!job.artwork) continue;
  wall.append(piece(id));
  empty.hidden = true;
}

/** @param {string} id */
function piece(id) {
  const item = Object.assign(document.createElement("li"), { className: "piece" });
  const link = Object.assign(document.createElement("a"), { className: "piece__link", href: at(`/jobs/${id}`) });
  const picture = Object.assign(document.createElement("img"), { src: at(`/api/v1/jobs/${id}/preview`), alt: _("An earlier artwork"), loading: "lazy" });
  link.append(picture);
  item.append(link);
  return item;
}
