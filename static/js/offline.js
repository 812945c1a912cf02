/** The page without a network: what this browser has kept of its wall; first and large what was asked for. */
import { byId, copyOf, first } from "./lib/elements.js";
import { kept } from "./lib/kept.js";
import { localise } from "./lib/moments.js";

const wall = byId("wall", HTMLElement);

/** @param {Awaited<ReturnType<typeof kept>>[number]} piece */
function hang(piece) {
  const item = copyOf("piece");
  const isAskedFor = piece.address === location.pathname;
  item.classList.toggle("is-asked-for", isAskedFor);
  first(item, "a", HTMLAnchorElement).href = piece.address;
  first(item, "img", HTMLImageElement).src = URL.createObjectURL(piece.blob);
  first(item, ".label__title", HTMLElement).textContent = piece.title;
  first(item, ".label__year", HTMLElement).textContent = piece.words;
  first(item, "time", HTMLTimeElement).dateTime = piece.until;
  if (isAskedFor) wall.prepend(item);
  else wall.append(item);
}

for (const piece of await kept()) hang(piece);
byId("kept", HTMLElement).hidden = wall.childElementCount === 0;
localise(document);
// Where the connection comes back, so does the page that was asked for.
window.addEventListener("online", () => location.reload());
