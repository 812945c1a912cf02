/**
 * Marking parts of the photo with a brush. The marks go with the form as a picture in its file field, where white stays the
 * photo; a mask that was chosen as a file is sent as it is, unless the brush changes it. Nothing marked: nothing is sent.
 */
import { connectBoard } from "./brush/board.js";
import { Marks } from "./brush/marks.js";
import { MASK_NAME, Sheet } from "./brush/sheet.js";
import { connectTools, percent } from "./brush/tools.js";

/** @typedef {import("./brush/sheet.js").How} How */

/**
 * @param {HTMLFormElement} root the form with the photo and _brush.html; sends "photo" when the server has a new photo
 * @param {AbortSignal} signal
 */
export function connectBrush(root, signal) {
  const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
  const [input, opener, dropper, said, error] = ["keep-mask", "marks-open", "marks-drop", "marks-said", "marks-error"].map(by);
  const [dialog, view, photoId, feather, featherSaid] = ["brush-dialog", "photo-view", "photo-id", "feather", "feather-said"].map(by);
  const marks = new Marks();
  const sheet = new Sheet(by("brush-canvas"));
  /** How much the brush has marked, 0 to 1. */
  let share = 0;
  /** What the brush put into the field. @type {File | null} */
  let printed = null;

  const chosen = () => /** @type {How} */ (/** @type {HTMLInputElement} */ (root.querySelector("[name=keep_how]:checked")).value);
  let how = chosen();

  const put = (/** @type {File | null} */ file) => {
    const transfer = new DataTransfer();
    if (file) transfer.items.add(file);
    input.files = transfer.files;
  };

  const inWords = () => {
    const file = input.files[0];
    if (file && file !== printed) return `What is white in ${file.name} is marked.`;
    if (share === 0) return "Nothing is marked: the whole photo is painted.";
    const part = percent(share).replace(/^l/, "L");
    return how === "keep" ? `${part} of the photo stays as it is.` : `${part} of the photo is painted, the rest stays.`;
  };
  const tell = (sentence = inWords()) => {
    said.textContent = sentence;
    dropper.hidden = input.files.length === 0 && share === 0;
    opener.textContent = dropper.hidden ? "Mark on the photo" : "Change the marks";
    by("brush-title").textContent = how === "keep" ? "Mark what stays the photo" : "Mark what is painted";
  };

  const print = () => {
    // A mask without white keeps nothing, which is what no mask does too.
    printed = share > 0 && (how === "keep" || share < 1) ? sheet.print(how) : null;
    put(printed);
    tell();
  };
  const show = connectTools(dialog, sheet, marks, (now) => {
    share = now;
    print();
  }, signal);
  const board = connectBoard(dialog, sheet, marks, show, signal);

  /** Begins anew, with a mask from a file or none. @param {File | null} file @param {string} [sentence] */
  const begin = (file, sentence) => {
    board.clear();
    share = 0;
    printed = null;
    put(file);
    tell(sentence);
  };

  /** The photo whose marks these are: its picture, and its id once the server has it. */
  let shown = view.hidden ? "" : view.src;
  let id = photoId.value;
  /** Another photo has other parts. @param {string} newId empty while the server does not have it */
  const onPhoto = (newId) => {
    const isSame = view.src === shown && (!newId || !id || newId === id);
    const hadOne = shown !== "";
    const hadMarks = !dropper.hidden;
    id = newId || (isSame ? id : "");
    shown = view.src;
    error.hidden = true;
    // A mask that was chosen before the first photo waits for it.
    if (!isSame && hadOne) begin(null, hadMarks ? "This is another photo: the marks are dropped." : undefined);
  };
  view.addEventListener("load", () => onPhoto(""), { signal });
  root.addEventListener("photo", (event) => onPhoto(/** @type {CustomEvent} */ (event).detail.id), { signal });

  opener.addEventListener("click", async () => {
    error.textContent = view.hidden ? "Choose a photo first, then mark its parts." : "";
    if (!view.hidden) {
      await board.open(view, photoId.value, input.files[0]).catch(() => {
        error.textContent = "The photo cannot be shown here yet. Wait until it has been sent, then try again.";
      });
    }
    error.hidden = error.textContent === "";
  }, { signal });
  by("brush-done").addEventListener("click", () => dialog.close(), { signal });
  dropper.addEventListener("click", () => {
    begin(null, "The marks are dropped: the whole photo is painted.");
    opener.focus();
  }, { signal });

  input.addEventListener("change", () => begin(input.files[0] ?? null), { signal });
  root.addEventListener("change", () => {
    if (chosen() === how) return;
    how = chosen();
    if (share > 0) print();
    else tell();
  }, { signal });
  // The brush's mask is turned round already where only the marked part is painted.
  root.addEventListener("formdata", ({ formData }) => {
    if (printed && input.files[0] === printed) formData.set("keep_how", "keep");
  }, { signal });

  const sayFeather = () => {
    const words = feather.value > 0 ? `${Number((feather.value * 100).toFixed(1))} % of the longer side` : "sharp";
    featherSaid.textContent = feather.ariaValueText = words;
  };
  feather.addEventListener("input", sayFeather, { signal });
  sayFeather();

  // A browser that restores the form after "back" cannot bring the marks that belong to its mask.
  if (input.files[0]?.name === MASK_NAME) put(null);
  tell();
}
