/** The sheet that tells which keys the picture knows; the question mark shows it. */
import { byId } from "./lib/elements.js";

/** @param {AbortSignal} signal */
export function connectKeys(signal) {
  const sheet = byId("keys", HTMLDialogElement);
  byId("keys-open", HTMLButtonElement).addEventListener("click", () => sheet.showModal(), { signal });
  document.addEventListener("keydown", (event) => {
    const isWriting = event.target instanceof HTMLInputElement && !["radio", "checkbox", "range"].includes(event.target.type);
    if (event.key !== "?" || isWriting || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    sheet.showModal();
  }, { signal });
}
