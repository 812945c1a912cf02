/** Marking parts of the photo: one brush in one dialog, for whichever part it was opened. */
import { connectBoard } from "./brush/board.js";
import { Field } from "./brush/field.js";
import { Sheet } from "./brush/sheet.js";
import { connectTools } from "./brush/tools.js";
import { all, byId, first } from "./lib/elements.js";
import { _ } from "./lib/words.js";

/**
 * @param {HTMLFormElement} root the form with the photo and _brush.html; sends "photo" when the server has a new photo
 * @param {AbortSignal} signal
 */
export function connectBrush(root, signal) {
  const dialog = byId("brush-dialog", HTMLDialogElement);
  const view = byId("photo-view", HTMLImageElement);
  const photoId = byId("photo-id", HTMLInputElement);
  const sheet = new Sheet(byId("brush-canvas", HTMLCanvasElement));

  /** @param {Field} field */
  const open = async (field) => {
    field.refuse(view.hidden ? _("Choose a photo first, then mark its parts.") : "");
    if (view.hidden) return;
    await board.open(view, photoId.value, field).catch(() => {
      field.refuse(_("The photo cannot be shown here yet. Wait until it has been sent, then try again."));
    });
  };
  const fields = all(root, "[data-marks]", HTMLElement).map((part) => connectPart(root, part, sheet, open, signal));
  const desk = { field: fields[0] };
  const show = connectTools(dialog, sheet, desk, signal);
  const board = connectBoard(dialog, sheet, desk, show, signal);
  byId("brush-done", HTMLElement).addEventListener("click", () => dialog.close(), { signal });

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
  connectFeather(signal);
}

/** Says how soft the edges of all parts are. @param {AbortSignal} signal */
function connectFeather(signal) {
  const feather = byId("feather", HTMLInputElement);
  const said = byId("feather-said", HTMLElement);
  const tell = () => {
    const share = Number(feather.value);
    said.textContent = feather.ariaValueText = share > 0 ? _("{share} % of the longer side", { share: Number((share * 100).toFixed(1)) }) : _("sharp");
  };
  feather.addEventListener("input", tell, { signal });
  tell();
}

/**
 * @param {HTMLFormElement} root
 * @param {HTMLElement} part one of _marks.html
 * @param {Sheet} sheet
 * @param {(field: Field) => Promise<void>} onOpen
 * @param {AbortSignal} signal
 */
function connectPart(root, part, sheet, onOpen, signal) {
  const [opener, dropper, input] = ["[data-open]", "[data-drop]", "[type=file]"].map((selector) => first(part, selector, HTMLElement));
  const field = new Field(root, part, sheet);

  opener.addEventListener("click", () => onOpen(field), { signal });
  dropper.addEventListener("click", () => {
    field.drop();
    opener.focus();
  }, { signal });
  input.addEventListener("change", () => field.onFile(), { signal });
  root.addEventListener("change", () => field.onForm(), { signal });
  root.addEventListener("marks", () => field.tell(), { signal });
  if (part.dataset.marks === "keep") {
    // The brush's mask is turned round already where only the marked part is painted.
    root.addEventListener("formdata", ({ formData }) => field.isPrinted && formData.set("keep_how", "keep"), { signal });
  }
  field.onStart();
  return field;
}
