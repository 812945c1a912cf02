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
for (const scale of all(studio, "[data-scale]", HTMLElement)) connectScale(scale, page.signal);
