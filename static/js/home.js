/** The home page: the photo at once in its frame, the gallery filtered as one types, the options while they change. */
import { connectAdding, connectBlend } from "./blend.js";
import { connectBrush } from "./brush.js";
import { connectChoice, connectFilter } from "./gallery.js";
import { all, byId } from "./lib/elements.js";
import { connectOwn } from "./own.js";
import { connectPhoto } from "./photo.js";
import { connectScale } from "./scale.js";
import { connectShown } from "./shown.js";
import { connectTimes } from "./times.js";

const studio = byId("studio", HTMLFormElement);
const page = new AbortController();
connectOwn(studio, page.signal);
connectAdding(studio, page.signal);
connectChoice(studio, page.signal);
connectPhoto(studio, page.signal);
connectShown(studio, page.signal);
connectFilter(page.signal);
connectBlend(studio, page.signal);
connectBrush(studio, page.signal);
connectTimes(studio, page.signal);
connectTries();
for (const scale of all(studio, "[data-scale]", HTMLElement)) connectScale(scale, page.signal);

/** Cards that turn into the photo are loaded with the first photo, where there are any. */
function connectTries() {
  if (!studio.dataset.tries) return;
  const load = () => void import("./tryon.js").then(({ connectTryOn }) => connectTryOn(studio, page.signal), () => null);
  if (byId("photo-id", HTMLInputElement).value) window.addEventListener("load", load, { once: true });
  else studio.addEventListener("photo", load, { once: true });
}
