/**
 * The marks on a photo, as a list that can be undone, and how each is drawn. A list rather than copies of the canvas: hundreds
 * of strokes fit where one copy would, and they can be drawn anew at any size and in any ink.
 */

/** A place on the photo: shares of its width and height. @typedef {{x: number, y: number}} Place */

/**
 * Radii are shares of the longer side.
 * @typedef {{kind: "stroke", erases: boolean, radius: number, places: Place[]}
 *   | {kind: "box", from: Place, to: Place}
 *   | {kind: "centre"} | {kind: "edges"}
 *   | {kind: "picture", picture: CanvasImageSource}
 *   | {kind: "clear"} | {kind: "invert"}} Mark
 */

/** The centre reaches this far from the middle, as shares of width and height. */
const CENTRE = 0.32;

/**
 * What was made, one after another.
 * @template [Made=Mark]
 */
export class Marks {
  /** @type {Made[]} */ #made = [];
  /** @type {Made[]} */ #undone = [];

  get made() { return /** @type {readonly Made[]} */ (this.#made); }
  get canUndo() { return this.#made.length > 0; }
  get canRedo() { return this.#undone.length > 0; }

  /** @param {Made} mark */
  add(mark) {
    this.#made.push(mark);
    this.#undone = [];
  }

  undo() {
    const last = this.#made.pop();
    if (last) this.#undone.push(last);
  }

  redo() {
    const next = this.#undone.pop();
    if (next) this.#made.push(next);
  }

  forget() {
    this.#made = [];
    this.#undone = [];
  }
}

/** The part that a closed mark covers. @param {Mark} mark @param {number} width @param {number} height */
function area(mark, width, height) {
  const path = new Path2D();
  if (mark.kind === "box") {
    path.rect(mark.from.x * width, mark.from.y * height, (mark.to.x - mark.from.x) * width, (mark.to.y - mark.from.y) * height);
  } else if (mark.kind === "centre" || mark.kind === "edges") {
    path.ellipse(width / 2, height / 2, CENTRE * width, CENTRE * height, 0, 0, 2 * Math.PI);
    if (mark.kind === "edges") path.rect(0, 0, width, height);
  } else if (mark.kind === "stroke") {
    const { x, y } = mark.places[0];
    path.arc(x * width, y * height, mark.radius * Math.max(width, height), 0, 2 * Math.PI);
  } else {
    path.rect(0, 0, width, height);
  }
  return path;
}

/**
 * Draws one mark over those before it. What is marked is opaque and what is not is transparent, whatever the ink.
 * @param {CanvasRenderingContext2D} context
 * @param {Mark} mark
 * @param {string | CanvasPattern} ink
 */
export function draw(context, mark, ink) {
  const { width, height } = context.canvas;
  context.save();
  context.fillStyle = context.strokeStyle = ink;
  if (mark.kind === "clear") {
    context.clearRect(0, 0, width, height);
  } else if (mark.kind === "picture") {
    context.drawImage(mark.picture, 0, 0, width, height);
    context.globalCompositeOperation = "source-in";
    context.fillRect(0, 0, width, height);
  } else {
    // "xor" with a full sheet leaves one minus the opacity that was there: the inverse, soft edges included.
    if (mark.kind === "invert") context.globalCompositeOperation = "xor";
    if (mark.kind === "stroke" && mark.erases) context.globalCompositeOperation = "destination-out";
    if (mark.kind === "stroke" && mark.places.length > 1) {
      context.lineWidth = 2 * mark.radius * Math.max(width, height);
      context.lineCap = context.lineJoin = "round";
      context.beginPath();
      for (const { x, y } of mark.places) context.lineTo(x * width, y * height);
      context.stroke();
    } else {
      context.fill(area(mark, width, height), "evenodd");
    }
  }
  context.restore();
}

/**
 * A picture whose white is marked, as one whose opacity is the mark: lightness times its own opacity.
 * @param {CanvasImageSource} picture
 * @param {number} width
 * @param {number} height
 */
export function opacityOf(picture, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(picture, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  const data = pixels.data;
  for (let at = 0; at < data.length; at += 4) {
    // Rec. 601 weights, as Pillow's conversion to grey uses on the server.
    const lightness = (299 * data[at] + 587 * data[at + 1] + 114 * data[at + 2]) / 1000;
    data[at + 3] = (lightness * data[at + 3]) / 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
