/** The drawing after one painting: what it is now, what it was after each deed, and what of it survives a reload. */
import { Marks } from "../brush/marks.js";
import { Labels } from "./labels.js";

/** @typedef {import("./labels.js").Runs} Runs */

/** The longer side in pixels: finer than a finger, and a few kilobytes to send. */
const LONGEST = 640;
const KEY = "atelier.draw.";

/** Width and height of a drawing. @param {number} ratio of width to height @returns {[number, number]} */
export const sides = (ratio) => [Math.round(LONGEST * Math.min(1, ratio)), Math.round(LONGEST * Math.min(1, 1 / ratio))];

export class Drawing {
  labels;
  /** @type {Marks<Runs>} */ #deeds = new Marks();
  #start;
  #key;

  /**
   * @param {string} painting its id
   * @param {Labels} start what it begins with, unless one was kept
   * @param {number} parts how many the painting has
   */
  constructor(painting, start, parts) {
    this.#key = KEY + painting;
    this.#start = kept(this.#key, parts) ?? start.runs();
    this.labels = Labels.of(this.#start);
  }

  get canUndo() { return this.#deeds.canUndo; }
  get canRedo() { return this.#deeds.canRedo; }

  /** To be called after each deed. */
  commit() {
    this.#deeds.add(this.labels.runs());
    this.#keep();
  }

  undo() {
    this.#deeds.undo();
    this.#restore();
  }

  redo() {
    this.#deeds.redo();
    this.#restore();
  }

  /** Takes another shape. @param {number} ratio of width to height */
  reshape(ratio) {
    const [width, height] = sides(ratio);
    if (this.labels.width === width && this.labels.height === height) return;
    this.labels = this.labels.reshaped(width, height);
    this.commit();
  }

  get #last() { return this.#deeds.made.at(-1) ?? this.#start; }

  #restore() {
    this.labels = Labels.of(this.#last);
    this.#keep();
  }

  #keep() {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.#last));
    } catch {
      // Without storage, or room in it, the drawing lives as long as the page.
    }
  }
}

/** @param {string} key @param {number} parts @returns {Runs | null} */
function kept(key, parts) {
  try {
    const { width, height, runs } = JSON.parse(sessionStorage.getItem(key) ?? "");
    const pixels = runs.reduce((/** @type {number} */ sum, /** @type {number} */ each, /** @type {number} */ index) => sum + (index % 2 ? each : 0), 0);
    const isWhole = pixels === width * height && pixels > 0;
    return isWhole && runs.every((/** @type {number} */ each, /** @type {number} */ index) => index % 2 || each < parts) ? { width, height, runs } : null;
  } catch {
    return null; // Nothing was kept, storage is switched off, or it holds something else.
  }
}
