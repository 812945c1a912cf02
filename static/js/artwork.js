/** The artwork's page: what one sees of it, the slider of its colours, the copy button. */
import { connectCompare, connectStrength } from "./compare.js";
import { connectCrop } from "./crop.js";
import { all, byId } from "./lib/elements.js";
import { connectScale } from "./scale.js";
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

const copy = document.getElementById("copy");
const address = /** @type {HTMLInputElement | null} */ (document.getElementById("address"));
// The server knows the site's name only if every proxy on the way passed it on; the browser does know it.
if (address) address.value = new URL(new URL(address.value).pathname, location.origin).href;
copy?.addEventListener("click", async () => {
  const status = byId("status", HTMLElement);
  address?.select();
  const isCopied = await copied(address?.value ?? "");
  if (isCopied) copy.textContent = "Copied";
  status.textContent = isCopied ? "The address is copied." : "The address is selected: copy it from there.";
  status.className = isCopied ? "unseen" : "hint";
}, { signal: page.signal });

/** Copies a text, that of the selection where the browser gives no clipboard: it does not over plain http. @param {string} text */
function copied(text) {
  if (!navigator.clipboard) return document.execCommand("copy");
  return navigator.clipboard.writeText(text).then(() => true, () => false);
}
