/**
 * One part of the photo that can be marked: what the brush made goes with the form as a picture in the part's file field; a mask
 * that was chosen as a file, or was here before, is sent as it is unless the brush changes it. Nothing marked: nothing is sent.
 */
import { Marks, opacityOf } from "./marks.js";
import { Mask, Notice } from "./part.js";
import { MASK_NAME } from "./sheet.js";
import { aboutOf, howOf } from "./words.js";
import { _ } from "../lib/words.js";

/** @typedef {import("./sheet.js").Sheet} Sheet */

export class Field {
  marks = new Marks();
  #root;
  #part;
  #sheet;
  #mask;
  #notice;
  #how;
  /** How much the brush has marked, 0 to 1. */
  #share = 0;
  /** The mask from the file, or from before, on its way to be the first mark. @type {Promise<void> | null} */
  #beginning = null;

  /**
   * @param {HTMLFormElement} root sends "marks" when a part has other marks than before
   * @param {HTMLElement} part one of _marks.html
   * @param {Sheet} sheet
   */
  constructor(root, part, sheet) {
    this.#root = root;
    this.#part = part;
    this.#sheet = sheet;
    this.#mask = new Mask(part);
    this.#notice = new Notice(part);
    this.#how = howOf(root, part);
  }

  get title() { return this.#notice.words.title(this.#about); }
  get isPrinted() { return this.#mask.isPrinted; }
  get #about() { return aboutOf(this.#root, this.#part, this.#how); }

  /** @param {string} sentence */
  refuse(sentence) {
    this.#notice.refuse(sentence);
  }

  /** @param {string} [sentence] what has happened to the marks */
  tell(sentence) {
    this.#notice.say(this.#inWords(), sentence);
    const has = this.#mask.file || this.#share > 0 ? "marks" : this.#mask.isBefore ? "before" : "";
    if (this.#notice.show(has)) this.#root.dispatchEvent(new Event("marks"));
  }

  /** Told once, when the page is there. */
  onStart() {
    // A browser that restores the form after "back" cannot bring the marks that belong to its mask.
    if (this.#mask.file?.name === MASK_NAME) this.#mask.print(null);
    this.tell();
  }

  /** Told when a mask was chosen as a file, or none. */
  onFile() {
    this.#restart(this.#mask.file);
  }

  drop() {
    this.#restart(null, this.#notice.words.dropped);
  }

  /** Makes the mask that is there the first mark; one that only the server can read stays as it is. */
  begin() {
    return (this.#beginning ??= this.#takeMask());
  }

  /** Told after each change how much is marked now. @param {number} share */
  onChange(share) {
    this.#share = share;
    this.#mask.release();
    this.#print();
  }

  /** Told when the form says something else. */
  onForm() {
    const how = howOf(this.#root, this.#part);
    const hasTurned = how !== this.#how;
    this.#how = how;
    if (hasTurned && this.#share > 0) this.#print();
    else this.tell();
  }

  /** Another photo has other parts. @param {boolean} hadOne a mask that was chosen before the first photo waits for it */
  onPhoto(hadOne) {
    const hadMarks = this.#part.dataset.has !== "";
    if (hadOne) return this.#restart(null, hadMarks ? _("This is another photo: the marks are dropped.") : undefined);
    this.#mask.release();
    this.tell();
  }

  /** Begins anew. @param {File | null} file @param {string} [sentence] what has happened */
  #restart(file, sentence) {
    this.marks.forget();
    this.#beginning = null;
    this.#share = 0;
    this.#mask.take(file);
    this.tell(sentence);
  }

  #inWords() {
    const { words } = this.#notice;
    const { file, isPrinted, isBefore } = this.#mask;
    if (file && !isPrinted) return _("What is white in {file} is marked.", { file: file.name });
    if (isBefore) return words.before;
    return this.#share === 0 ? words.none(this.#about) : words.some(this.#share, this.#about);
  }

  #print() {
    this.#sheet.show(this.marks.made);
    // A mask without white keeps nothing, which is what no mask does too.
    const isSome = this.#share > 0 && (this.#how === "keep" || this.#share < 1);
    this.#mask.print(isSome ? this.#sheet.print(this.#how) : null);
    this.tell();
  }

  async #takeMask() {
    const isBefore = !this.#mask.file;
    const picture = await this.#mask.picture();
    if (!picture) return;
    this.marks.add({ kind: "picture", picture: opacityOf(picture, this.#sheet.width, this.#sheet.height) });
    // What is here already was turned round if all but the marks stays.
    if (isBefore && this.#how === "paint") this.marks.add({ kind: "invert" });
  }
}
