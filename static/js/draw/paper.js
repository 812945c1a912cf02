/** The canvas that shows a drawing in its parts' colours and prints it; and the way back from a picture to a drawing. */
import { printed } from "../brush/sheet.js";
import { Labels } from "./labels.js";

/** @typedef {{name: string, color: string}} Part */

/** How far around a pixel is looked for what most are. */
const REACH = 2;

/** Red, green and blue, 0 to 255. @param {string} color #rrggbb */
const rgb = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

/** @param {HTMLCanvasElement} canvas */
const contextOf = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));

export class Paper {
  #canvas;
  #frame = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Shows a drawing with the screen's next frame. @param {Labels} labels @param {Part[]} parts @param {number} [clear] a part through which is seen what lies below */
  show(labels, parts, clear) {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => put(this.#canvas, labels, parts, clear));
  }

}

/** A drawing as a PNG with the parts' colours and no others. @param {Labels} labels @param {Part[]} parts @param {string} [name] */
export function printedMap(labels, parts, name = "drawing.png") {
  const canvas = document.createElement("canvas");
  put(canvas, labels, parts);
  return printed(canvas, name);
}

/** @param {HTMLCanvasElement} canvas @param {Labels} labels @param {Part[]} parts @param {number} [clear] a part that is not shown */
function put(canvas, { width, height, data }, parts, clear) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pixels = new ImageData(width, height);
  const whole = new Uint32Array(pixels.data.buffer);
  // In memory the first channel comes first, whatever the order of the processor's bytes.
  const inks = parts.map(({ color }, part) => new Uint32Array(Uint8Array.of(...rgb(color), part === clear ? 0 : 255).buffer)[0]);
  for (let at = 0; at < data.length; at++) whole[at] = inks[data[at]];
  contextOf(canvas).putImageData(pixels, 0, 0);
}

/**
 * The drawing in a picture: at each pixel the part whose colour is the nearest.
 * @param {CanvasImageSource} picture
 * @param {Part[]} parts
 * @param {[number, number]} sides
 */
export function readDrawing(picture, parts, [width, height]) {
  const context = contextOf(Object.assign(document.createElement("canvas"), { width, height }));
  // Smoothed edges would have colours in between, which may be those of a third part.
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, 0, 0, width, height);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const colors = parts.map(({ color }) => rgb(color));
  const known = /** @type {Map<number, number>} */ (new Map());
  const labels = new Labels(width, height);
  pixels.forEach((pixel, at) => {
    let part = known.get(pixel);
    if (part === undefined) {
      part = nearest(colors, new Uint8Array(Uint32Array.of(pixel).buffer));
      known.set(pixel, part);
    }
    labels.data[at] = part;
  });
  return labels;
}

/** The drawing with rounder edges, as one in fewer pixels has when it is enlarged: each pixel is as most around it. @param {Labels} labels */
export function smoothed(labels) {
  const { width, height, data } = labels;
  const found = new Labels(width, height);
  const counts = new Uint8Array(256);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let most = data[row * width + column];
      counts.fill(0);
      for (let y = Math.max(0, row - REACH); y <= Math.min(height - 1, row + REACH); y++) {
        for (let x = Math.max(0, column - REACH); x <= Math.min(width - 1, column + REACH); x++) {
          const part = data[y * width + x];
          if (++counts[part] > counts[most]) most = part;
        }
      }
      found.data[row * width + column] = most;
    }
  }
  return found;
}

/** @param {number[][]} colors @param {Uint8Array} pixel */
function nearest(colors, pixel) {
  const far = colors.map((color) => color.reduce((sum, level, channel) => sum + (level - pixel[channel]) ** 2, 0));
  return far.indexOf(Math.min(...far));
}
