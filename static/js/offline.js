/** The page without a network: what this browser has kept of its wall; first and large what was asked for. */
import { byId, copyOf, first } from "./lib/elements.js";
import { kept } from "./lib/kept.js";
import { localise } from "./lib/moments.js";
import { LOST_PAUSE_S, rest } from "./lib/rest.js";

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

/** Whether the page that was asked for would be answered now: a proxy alone may be there before its server is. */
async function isReached() {
  try {
    return (await fetch(location.href, { method: "HEAD", cache: "no-store" })).status < 500;
  } catch {
    return false;
  }
}

/** The page that was asked for comes back as soon as it can: browsers tell of a network, but not of a server. */
async function comeBack() {
  do await rest(LOST_PAUSE_S);
  while (!(await isReached()));
  location.reload();
}

void comeBack();
for (const piece of await kept()) hang(piece);
byId("kept", HTMLElement).hidden = wall.childElementCount === 0;
localise(document);
