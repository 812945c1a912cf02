/** The artwork's page: the divider, the slider of its colours, the copy button. */
import { connectCompare } from "./compare.js";
import { connectScale } from "./scale.js";

const page = new AbortController();
const compare = document.getElementById("compare");
if (compare) connectCompare(compare, page.signal);
for (const scale of document.querySelectorAll("[data-scale]")) connectScale(/** @type {HTMLElement} */ (scale), page.signal);

const copy = document.getElementById("copy");
const address = /** @type {HTMLInputElement | null} */ (document.getElementById("address"));
// The server knows the site's name only if every proxy on the way passed it on; the browser does know it.
if (address) address.value = new URL(new URL(address.value).pathname, location.origin).href;
copy?.addEventListener("click", async () => {
  const status = /** @type {HTMLElement} */ (document.getElementById("status"));
  address?.select();
  try {
    await navigator.clipboard.writeText(address?.value ?? "");
    copy.textContent = "Copied";
    status.textContent = "The address is copied.";
  } catch {
    status.textContent = "The address is selected: copy it with your keyboard.";
  }
}, { signal: page.signal });
