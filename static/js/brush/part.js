/** What stands on the page for one part, _marks.html: the fields of its mask, and what is read beside them. */
import { all, first } from "../lib/elements.js";
import { WORDS } from "./words.js";

/** What a part has: marks that are sent as a file, a mask from before, or nothing. @typedef {"marks" | "before" | ""} Has */

/** What is sent with the form: the mask as a file, or the id of the one that is here already. Nothing marked: nothing. */
export class Mask {
  #input;
  #ids;
  #before;
  /** What the brush put into the file field. @type {File | null} */
  #printed = null;

  /** @param {HTMLElement} part one of _marks.html */
  constructor(part) {
    this.#input = first(part, "[type=file]", HTMLInputElement);
    /** The fields of the mask that is here already: its id, and perhaps which of its colours counts. */
    this.#ids = all(part, "[type=hidden]", HTMLInputElement);
    this.#before = part.querySelector("[data-before] img");
  }

  get file() { return this.#input.files?.[0] ?? null; }
  /** Whether the file is the brush's. */
  get isPrinted() { return this.file !== null && this.file === this.#printed; }
  /** Whether a mask is sent that was here before. */
  get isBefore() { return this.#ids[0].value !== ""; }

  /** Sends a file that is not the brush's, or nothing. @param {File | null} file */
  take(file) {
    this.release();
    this.#printed = null;
    this.#put(file);
  }

  /** Sends the brush's mask, or no file. @param {File | null} file */
  print(file) {
    this.#printed = file;
    this.#put(file);
  }

  /** The mask that was here before is not sent. */
  release() {
    for (const each of this.#ids) each.value = "";
  }

  /** The mask to look at, or null where there is none or only the server can read it. */
  async picture() {
    const source = this.file ?? (await this.#shown());
    return source && createImageBitmap(source).catch(() => null);
  }

  /** @param {File | null} file */
  #put(file) {
    const transfer = new DataTransfer();
    if (file) transfer.items.add(file);
    this.#input.files = transfer.files;
  }

  /** The picture of the mask from before. Of a map of colours, white is not what counts. */
  async #shown() {
    if (!(this.#before instanceof HTMLImageElement) || !this.isBefore || this.#ids[1]?.value) return null;
    await this.#before.decode().catch(() => null);
    return this.#before;
  }
}

/** A sentence on the marks, a refusal, and the buttons that fit. */
export class Notice {
  #part;
  #said;
  #error;
  #dropper;
  #opener;
  #before;
  /** What the sentence says of the marks, unless something happened to them. */
  #usual = "";

  /** @param {HTMLElement} part one of _marks.html */
  constructor(part) {
    this.#part = part;
    this.#said = first(part, "[role=status]", HTMLElement);
    this.#error = first(part, "[role=alert]", HTMLElement);
    this.#dropper = first(part, "[data-drop]", HTMLElement);
    this.#opener = first(part, "[data-opener]", HTMLElement);
    this.#before = /** @type {HTMLElement | null} */ (part.querySelector("[data-before]"));
  }

  get words() { return WORDS[this.#part.dataset.marks ?? ""]; }

  /** An empty sentence: nothing is wrong. @param {string} sentence */
  refuse(sentence) {
    this.#error.textContent = sentence;
    this.#error.hidden = sentence === "";
  }

  /**
   * @param {string} usual what is to be said of the marks
   * @param {string} [sentence] what has happened; without one, nothing is said anew unless it is about other marks
   */
  say(usual, sentence) {
    if (sentence || usual !== this.#usual) this.#said.textContent = sentence ?? usual;
    this.#usual = usual;
  }

  /** Whether that is another than before. @param {Has} has */
  show(has) {
    this.#dropper.hidden = has === "";
    this.#opener.textContent = this.words.openers[has ? 1 : 0];
    if (this.#before) this.#before.hidden = has !== "before";
    const isOther = this.#part.dataset.has !== has;
    this.#part.dataset.has = has;
    return isOther;
  }
}
