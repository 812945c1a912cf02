/** The marks as they are edited: shown on the sheet, counted in words, undone and done again. */
import { first } from "../lib/elements.js";
import { marked } from "./words.js";
import { _ } from "../lib/words.js";

/** @typedef {import("./marks.js").Mark} Mark */
/** @typedef {import("./sheet.js").Sheet} Sheet */
/** What lies on the table: the part whose marks are made. @typedef {{field: import("./field.js").Field}} Desk */

export class Editor {
  #sheet;
  #desk;
  #status;
  #undo;
  #redo;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {Sheet} sheet
   * @param {Desk} desk its field is told after each change how much is marked, 0 to 1
   */
  constructor(dialog, sheet, desk) {
    this.#sheet = sheet;
    this.#desk = desk;
    this.#status = first(dialog, "[role=status]", HTMLElement);
    this.#undo = first(dialog, "[data-do=undo]", HTMLElement);
    this.#redo = first(dialog, "[data-do=redo]", HTMLElement);
  }

  get #marks() { return this.#desk.field.marks; }

  /** @param {string} sentence */
  say(sentence) {
    this.#status.textContent = sentence;
  }

  /** Shows the marks as they are; the share of the photo that is marked. @param {string} [said] */
  show(said = "") {
    this.#sheet.show(this.#marks.made);
    const share = this.#sheet.share();
    this.#undo.ariaDisabled = String(!this.#marks.canUndo);
    this.#redo.ariaDisabled = String(!this.#marks.canRedo);
    this.say(`${said} ${marked(share)}`.trim());
    return share;
  }

  /** @param {Mark} mark @param {string} [said] */
  add(mark, said) {
    this.#marks.add(mark);
    this.#changed(said);
  }

  undo() {
    if (!this.#marks.canUndo) return void this.show(_("Nothing to undo."));
    this.#marks.undo();
    this.#changed(_("Undone."));
  }

  redo() {
    if (!this.#marks.canRedo) return void this.show(_("Nothing to redo."));
    this.#marks.redo();
    this.#changed(_("Redone."));
  }

  /** @param {string} [said] */
  #changed(said) {
    this.#desk.field.onChange(this.show(said));
  }
}
