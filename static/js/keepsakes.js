/** The artwork taken along as a picture: copied, handed to another program of this device, dragged out of the page. */
import { byId } from "./lib/elements.js";
import { confirm } from "./lib/confirm.js";
import { _ } from "./lib/words.js";

/** @param {HTMLElement} view @param {AbortSignal} signal */
export function connectKeepsakes(view, signal) {
  const { artwork = "", name = "artwork", title = "" } = byId("keepsakes", HTMLElement).dataset;
  const status = byId("keepsakes-status", HTMLElement);
  const say = (/** @type {string} */ words) => {
    status.textContent = words;
  };
  connectCopyPicture(`${artwork}.png`, say, signal);
  connectSend(`${artwork}.jpg`, { name: `${name}.jpg`, title }, say, signal);
  // Dropped on a desktop, it becomes the file and not what the page shows of it.
  view.addEventListener("dragstart", (event) => {
    const address = new URL(`${artwork}.jpg`, location.href).href;
    event.dataTransfer?.setData("DownloadURL", `image/jpeg:${name}.jpg:${address}`);
  }, { signal });
}

/** @param {string} address @param {(words: string) => void} say @param {AbortSignal} signal */
function connectCopyPicture(address, say, signal) {
  const button = byId("copy-picture", HTMLButtonElement);
  button.hidden = !(navigator.clipboard && "ClipboardItem" in globalThis);
  button.addEventListener("click", async () => {
    button.disabled = true;
    say(_("Copying the picture…"));
    try {
      // Safari takes it only from within the click, so it is given what is yet to come.
      await navigator.clipboard.write([new ClipboardItem({ "image/png": fetched(address) })]);
      say(_("The picture is copied. Paste it where you like."));
      confirm(button, _("Copied ✓"));
    } catch {
      say(_("This browser could not copy it. Download it as PNG instead."));
    } finally {
      button.disabled = false;
    }
  }, { signal });
}

/**
 * @param {string} address
 * @param {{ name: string, title: string }} words what the file and the message are called
 * @param {(words: string) => void} say
 * @param {AbortSignal} signal
 */
function connectSend(address, { name, title }, say, signal) {
  const button = byId("send-picture", HTMLButtonElement);
  const file = (/** @type {Blob[]} */ ...parts) => new File(parts, name, { type: "image/jpeg" });
  button.hidden = !navigator.canShare?.({ files: [file()] });
  /** @type {Promise<Blob> | undefined} */
  let picture;
  button.addEventListener("click", async () => {
    say("");
    picture ??= fetched(address);
    try {
      await navigator.share({ title, files: [file(await picture)] });
    } catch (error) {
      const reason = error instanceof DOMException ? error.name : "";
      if (reason === "AbortError") return; // Somebody thought better of it.
      // It took so long that the browser no longer sees whom the press came from; now the picture is here.
      if (reason === "NotAllowedError") return say(_("The picture is ready. Press once more to send it."));
      picture = undefined;
      say(_("The picture could not be sent from here. Download it instead."));
    }
  }, { signal });
}

/** @param {string} address */
async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} answers ${answer.status}`);
  return answer.blob();
}
