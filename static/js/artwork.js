/** The artwork's page: what one sees of it, how it is cropped, coloured and shared. */
import { connectCompare, connectStrength } from "./compare.js";
import { connectCrop } from "./crop.js";
import { all, byId } from "./lib/elements.js";
import { keepNew } from "./lib/kept.js";
import { remembered } from "./lib/memory.js";
import { localise } from "./lib/moments.js";
import { connectScale } from "./scale.js";
import { connectShare } from "./share.js";
import { connectFullScreen, connectZoom } from "./zoom.js";

const page = new AbortController();
const compare = document.getElementById("compare");
if (compare) {
  const view = byId("view", HTMLElement);
  connectCompare(compare, page.signal);
  connectStrength(view, page.signal);
  connectZoom(view, page.signal);
  connectFullScreen(compare, view, page.signal);
  connectCrop(page.signal);
}
for (const scale of all(document, "[data-scale]", HTMLElement)) connectScale(scale, page.signal);
connectShare(page.signal);
localise(document);
const id = location.pathname.split("/").at(-1) ?? "";
if (remembered().includes(id)) void keepNew(id);
