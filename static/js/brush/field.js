/**
 * One part of the photo that can be marked: what the brush made goes with the form as a picture in the part's file field; a mask
 * that was chosen as a file, or was here before, is sent as it is unless the brush changes it. Nothing marked: nothing is sent.
 */
import { chosenCard } from "../choice.js";
import { Marks, opacityOf } from "./marks.js";
import { MASK_NAME } from "./sheet.js";
import { percent } from "./tools.js";
import { WORDS } from "./words.js";

/** @typedef {import("./sheet.js").Sheet} Sheet */
/** @typedef {import("./sheet.js").How} How */
/** @typedef {ReturnType<typeof connectField>} Field */

/**
 * @param {HTMLFormElement} root sends "marks" when a part has other marks than before
 * @param {HTMLElement} part one of _marks.html
 * @param {Sheet} sheet
 * @param {(field: Field) => Promise<void>} onOpen
 * @param {AbortSignal} signal
 */
export function connectField(root, part, sheet, onOpen, signal) {
  const find = (/** @type {string} */ selector) => /** @type {any} */ (part.querySelector(selector));
  const [input, opener, dropper, said, error] = ["[type=file]", "[data-open]", "[data-drop]", "[role=status]", "[role=alert]"].map(find);
  const before = /** @type {HTMLElement | null} */ (part.querySelector("[data-before]"));
  /** The fields of the mask that is here already: its id, and perhaps which of its colours counts. */
  const ids = /** @type {HTMLInputElement[]} */ ([...part.querySelectorAll("[type=hidden]")]);
  const kind = part.dataset.marks ?? "";
  const words = WORDS[kind];
  const marks = new Marks();
  /** How much the brush has marked, 0 to 1. */
  let share = 0;
  /** What the brush put into the file field. @type {File | null} */
  let printed = null;
  /** The mask from the file, or from before, on its way to be the first mark. @type {Promise<void> | null} */
  let beginning = null;
  /** What the sentence says of the marks, unless something happened to them. */
  let usual = "";

  const checked = (/** @type {string} */ name) => /** @type {HTMLInputElement | null} */ (root.querySelector(`[name=${name}]:checked`))?.value;
  const chosen = () => /** @type {How} */ (kind === "keep" ? checked("keep_how") : "keep");
  let how = chosen();
  const about = () => ({
    how,
    of: part.closest("[data-blend]")?.querySelector("select")?.selectedOptions[0].text ?? chosenCard(root)?.dataset.title ?? "the chosen painting",
    others: [...root.querySelectorAll("[data-marks=style]:not([data-has=''])")].some((each) => each !== part),
    colors: Number(checked("keep_colors")),
  });

  const put = (/** @type {File | null} */ file) => {
    const transfer = new DataTransfer();
    if (file) transfer.items.add(file);
    input.files = transfer.files;
  };
  const inWords = () => {
    const file = input.files[0];
    if (file && file !== printed) return `What is white in ${file.name} is marked.`;
    if (ids[0].value) return words.before;
    return share === 0 ? words.none(about()) : words.some(percent(share).replace(/^l/, "L"), about());
  };
  /** @param {string} [sentence] what has happened; without one, nothing is said anew unless it is about other marks */
  const tell = (sentence) => {
    const now = inWords();
    if (sentence || now !== usual) said.textContent = sentence ?? now;
    usual = now;
    const has = input.files[0] || share > 0 ? "marks" : ids[0].value ? "before" : "";
    dropper.hidden = has === "";
    find("[data-opener]").textContent = words.openers[has ? 1 : 0];
    if (before) before.hidden = has !== "before";
    if (part.dataset.has === has) return;
    part.dataset.has = has;
    root.dispatchEvent(new Event("marks"));
  };

  const release = () => {
    for (const each of ids) each.value = "";
  };
  const print = () => {
    sheet.show(marks.made);
    // A mask without white keeps nothing, which is what no mask does too.
    printed = share > 0 && (how === "keep" || share < 1) ? sheet.print(how) : null;
    put(printed);
    tell();
  };
  /** Begins anew, with a mask from a file or none. @param {File | null} file @param {string} [sentence] */
  const begin = (file, sentence) => {
    marks.forget();
    beginning = null;
    share = 0;
    printed = null;
    release();
    put(file);
    tell(sentence);
  };

  const takeMask = async () => {
    const file = input.files[0];
    const picture = before?.querySelector("img");
    // Of a map of colours, white is not what counts.
    const isHere = !file && picture && ids[0].value && !ids[1]?.value;
    if (isHere) await picture.decode().catch(() => null);
    const bitmap = file || isHere ? await createImageBitmap(file ?? picture).catch(() => null) : null;
    if (!bitmap) return;
    marks.add({ kind: "picture", picture: opacityOf(bitmap, sheet.width, sheet.height) });
    // What is here already was turned round if all but the marks stays.
    if (isHere && how === "paint") marks.add({ kind: "invert" });
  };

  const field = {
    marks,
    title: () => words.title(about()),
    refuse(/** @type {string} */ sentence) {
      error.textContent = sentence;
      error.hidden = sentence === "";
    },
    /** Makes the mask that is there the first mark; one that only the server can read stays as it is. */
    begin: () => (beginning ??= takeMask()),
    /** Told after each change how much is marked now. @param {number} now */
    onChange(now) {
      share = now;
      release();
      print();
    },
    /** Another photo has other parts. @param {boolean} hadOne a mask that was chosen before the first photo waits for it */
    onPhoto(hadOne) {
      const hadMarks = part.dataset.has !== "";
      if (hadOne) return begin(null, hadMarks ? "This is another photo: the marks are dropped." : undefined);
      release();
      tell();
    },
  };

  opener.addEventListener("click", () => onOpen(field), { signal });
  dropper.addEventListener("click", () => {
    begin(null, words.dropped);
    opener.focus();
  }, { signal });
  input.addEventListener("change", () => begin(input.files[0] ?? null), { signal });
  root.addEventListener("change", () => {
    const hasTurned = chosen() !== how;
    how = chosen();
    if (hasTurned && share > 0) print();
    else tell();
  }, { signal });
  root.addEventListener("marks", () => tell(), { signal });
  if (kind === "keep") {
    // The brush's mask is turned round already where only the marked part is painted.
    root.addEventListener("formdata", ({ formData }) => {
      if (printed && input.files[0] === printed) formData.set("keep_how", "keep");
    }, { signal });
  }

  // A browser that restores the form after "back" cannot bring the marks that belong to its mask.
  if (input.files[0]?.name === MASK_NAME) put(null);
  tell();
  return field;
}
