/** The transparent sheet over the photo: shows the marks hatched, measures them, and prints them as a mask. */
import { draw } from "./marks.js";

/** @typedef {import("./marks.js").Mark} Mark */
/** @typedef {"keep" | "paint"} How what is marked stays the photo, or is all that is painted */

/** Longest side of the mask in pixels: finer than a finger, and a few kilobytes to send. */
const LONGEST = 1024;
/** Distance of the hatching's lines on the screen, in CSS pixels. */
const HATCH = 9;
export const MASK_NAME = "brushed-mask.png";

/**
 * A canvas as a PNG. Made at once, not by a promise, so that no form is sent without it.
 * @param {HTMLCanvasElement} canvas
 * @param {string} name of the file
 */
export function printed(canvas, name) {
  const bytes = Uint8Array.from(atob(canvas.toDataURL("image/png").split(",")[1]), (letter) => letter.charCodeAt(0));
  return new File([bytes], name, { type: "image/png" });
}

export class Sheet {
  #canvas;
  #context;
  /** @type {string | CanvasPattern} */ #ink = "#000";

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    // Read after every stroke, so it is kept where reading is cheap.
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  }

  get width() { return this.#canvas.width; }
  get height() { return this.#canvas.height; }

  /** Takes the shape of a photo and is empty afterwards. @param {number} width @param {number} height */
  fit(width, height) {
    const scale = LONGEST / Math.max(width, height);
    this.#canvas.width = Math.max(1, Math.round(width * scale));
    this.#canvas.height = Math.max(1, Math.round(height * scale));
  }

  /** Draws one mark on top. @param {Mark} mark */
  add(mark) {
    draw(this.#context, mark, this.#ink);
  }

  /** Draws all marks anew, hatched for the size that the sheet has on the screen now. @param {readonly Mark[]} marks */
  show(marks) {
    this.#ink = this.#hatching();
    this.#context.clearRect(0, 0, this.width, this.height);
    for (const mark of marks) this.add(mark);
  }

  /** The share of the photo that is marked, 0 to 1. */
  share() {
    const { data } = this.#context.getImageData(0, 0, this.width, this.height);
    let sum = 0;
    for (let at = 3; at < data.length; at += 4) sum += data[at];
    return sum / (255 * this.width * this.height);
  }

  /**
   * The marks as a grey PNG in which white stays the photo.
   * @param {How} how
   */
  print(how) {
    const { width, height } = this;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    context.drawImage(this.#canvas, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = how === "keep" ? "#fff" : "#000";
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = "destination-over";
    context.fillStyle = how === "keep" ? "#000" : "#fff";
    context.fillRect(0, 0, width, height);
    return printed(canvas, MASK_NAME);
  }

  /** Lines across a wash, as an engraver shades: one of the two stands out on any photo, dark, light or coloured. */
  #hatching() {
    const style = getComputedStyle(this.#canvas);
    const shown = this.#canvas.clientWidth || this.width;
    const side = Math.max(2, Math.round((HATCH * this.width) / shown));
    const tile = Object.assign(document.createElement("canvas"), { width: side, height: side });
    const context = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
    context.fillStyle = style.getPropertyValue("--hatch-wash");
    context.fillRect(0, 0, side, side);
    context.strokeStyle = style.getPropertyValue("--hatch-line");
    context.lineWidth = side * 0.32;
    // The line through the middle, and its two neighbours for the corners, so that tiles join.
    for (const shift of [-side, 0, side]) {
      context.moveTo(shift - side, side * 2);
      context.lineTo(shift + side * 2, -side);
    }
    context.stroke();
    return context.createPattern(tile, "repeat") ?? "#000";
  }
}
