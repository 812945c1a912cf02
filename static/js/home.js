/** The home page: the photo at once in its frame, the gallery filtered as one types, the options while they change. */
import { connectAdding } from "./adding.js";
import { connectBlend } from "./blend.js";
import { connectBrush } from "./brush.js";
import { connectChoice } from "./choice.js";
import { connectFilter } from "./filter.js";
import { connectOwn } from "./own.js";
import { connectPhoto } from "./photo.js";
import { connectScale } from "./scale.js";
import { connectTimes } from "./times.js";

const studio = /** @type {HTMLFormElement} */ (document.getElementById("studio"));
const page = new AbortController();
connectOwn(studio, page.signal);
connectAdding(studio, page.signal);
connectChoice(studio, page.signal);
connectPhoto(studio, page.signal);
connectFilter(page.signal);
connectBlend(studio, page.signal);
connectBrush(studio, page.signal);
connectTimes(studio, page.signal);
for (const scale of studio.querySelectorAll("[data-scale]")) connectScale(/** @type {HTMLElement} */ (scale), page.signal);
