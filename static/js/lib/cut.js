/** A rectangle of a wanted shape within a picture. */
import { within } from "./lens.js";

/** @typedef {import("./lens.js").Size} Size */

/**
 * In whole pixels of the picture, none of them beyond its edges.
 * @param {Size} picture
 * @param {number} ratio of width to height
 * @param {number} share of the largest one of that shape
 * @param {import("./lens.js").Point} centre where its middle is wished for, in pixels
 */
export function cut(picture, ratio, share, centre) {
  const width = Math.max(1, Math.round(share * Math.min(picture.width, picture.height * ratio)));
  const height = Math.max(1, Math.round(share * Math.min(picture.height, picture.width / ratio)));
  const x = Math.round(within(centre.x - width / 2, 0, picture.width - width));
  const y = Math.round(within(centre.y - height / 2, 0, picture.height - height));
  return { x, y, width, height };
}
