/** Marking parts of the photo: one brush in one dialog, for whichever part it was opened. */
import { connectBoard } from "./brush/board.js";
import { connectField } from "./brush/field.js";
import { Sheet } from "./brush/sheet.js";
import { connectTools } from "./brush/tools.js";

/**
 * @param {HTMLFormElement} root the form with the photo and _brush.html; sends "photo" when the server has a new photo
 * @param {AbortSignal} signal
 */
export function connectBrush(root, signal) {
  const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
  const [dialog, view, photoId, feather, featherSaid] = ["brush-dialog", "photo-view", "photo-id", "feather", "feather-said"].map(by);
  const sheet = new Sheet(by("brush-canvas"));

  /** @param {import("./brush/field.js").Field} field */
  const open = async (field) => {
    field.refuse(view.hidden ? "Choose a photo first, then mark its parts." : "");
    if (view.hidden) return;
    await board.open(view, photoId.value, field).catch(() => {
      field.refuse("The photo cannot be shown here yet. Wait until it has been sent, then try again.");
    });
  };
  const parts = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[data-marks]")]);
  const fields = parts.map((part) => connectField(root, part, sheet, open, signal));
  /** What lies on the table: the part whose marks are made. */
  const desk = { field: fields[0] };
  const show = connectTools(dialog, sheet, desk, signal);
  const board = connectBoard(dialog, sheet, desk, show, signal);
  by("brush-done").addEventListener("click", () => dialog.close(), { signal });

  /** The photo whose marks these are: its picture, and its id once the server has it. */
  let shown = view.hidden ? "" : view.src;
  let id = photoId.value;
  /** @param {string} newId empty while the server does not have it */
  const onPhoto = (newId) => {
    const isSame = view.src === shown && (!newId || !id || newId === id);
    const hadOne = shown !== "";
    id = newId || (isSame ? id : "");
    shown = view.src;
    for (const field of fields) {
      field.refuse("");
      if (!isSame) field.onPhoto(hadOne);
    }
  };
  view.addEventListener("load", () => onPhoto(""), { signal });
  root.addEventListener("photo", (event) => onPhoto(/** @type {CustomEvent} */ (event).detail.id), { signal });

  const sayFeather = () => {
    const words = feather.value > 0 ? `${Number((feather.value * 100).toFixed(1))} % of the longer side` : "sharp";
    featherSaid.textContent = feather.ariaValueText = words;
  };
  feather.addEventListener("input", sayFeather, { signal });
  sayFeather();
}
