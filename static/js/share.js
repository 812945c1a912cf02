/** The address under which others see the artwork: copied, or handed to another program of this device. */
import { byId } from "./lib/elements.js";
import { _ } from "./lib/words.js";

const SAID_MS = 4000;

/** @param {AbortSignal} signal */
export function connectShare(signal) {
  const address = /** @type {HTMLInputElement | null} */ (document.getElementById("address"));
  if (!address) return; // It is not shared.
  // The server knows the site's name only if every proxy on the way passed it on; the browser does know it.
  address.value = new URL(new URL(address.value).pathname, location.origin).href;
  connectCopy(address, signal);
  const send = byId("send", HTMLButtonElement);
  send.hidden = !("share" in navigator);
  // It is refused where somebody thinks better of it, which is no fault.
  send.addEventListener("click", () => navigator.share({ title: send.dataset.title, url: address.value }).catch(() => {}), { signal });
}

/** @param {HTMLInputElement} address @param {AbortSignal} signal */
function connectCopy(address, signal) {
  const copy = byId("copy", HTMLButtonElement);
  const status = byId("status", HTMLElement);
  const words = copy.textContent;
  copy.addEventListener("click", async () => {
    address.select();
    const isCopied = await copied(address.value);
    status.textContent = isCopied ? _("The address is copied.") : _("The address is selected: copy it from there.");
    if (!isCopied) return;
    copy.textContent = _("Copied ✓");
    setTimeout(() => {
      copy.textContent = words;
    }, SAID_MS);
  }, { signal });
}

/** Copies a text, that of the selection where the browser gives no clipboard: it does not over plain http. @param {string} text */
function copied(text) {
  if (!navigator.clipboard) return document.execCommand("copy");
  return navigator.clipboard.writeText(text).then(() => true, () => false);
}
