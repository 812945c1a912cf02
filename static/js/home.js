/** The home page: the photo at once in its frame, the gallery filtered as one types, the two choices in words. */
import { connectBrush } from "./brush.js";
import { connectChoice } from "./choice.js";
import { connectFilter } from "./filter.js";
import { connectPhoto } from "./photo.js";
import { connectTimes } from "./times.js";

const studio = /** @type {HTMLFormElement} */ (document.getElementById("studio"));
const page = new AbortController();
connectPhoto(studio, page.signal);
connectFilter(page.signal);
connectChoice(studio, page.signal);
connectTimes(studio, page.signal);
connectBrush(studio, page.signal);
