/** Where a picture lies in its view: how large it is shown, and which part of it. */

/**
 * @typedef {{width: number, height: number}} Size
 * @typedef {{x: number, y: number}} Point
 * @typedef {Point & {scale: number}} Place how often it is enlarged, and where the view's corner then lies, in pixels of the view
 */

/** @type {Place} */
export const WHOLE = { scale: 1, x: 0, y: 0 };

/** @param {number} value @param {number} least @param {number} most */
export const within = (value, least, most) => Math.min(most, Math.max(least, value));

/**
 * Enlarged about a point of the view, which shows the same afterwards.
 * @param {Place} place
 * @param {number} factor
 * @param {Point} about
 * @param {number} most the largest scale
 * @returns {Place}
 */
export function enlarged(place, factor, about, most) {
  const scale = within(place.scale * factor, 1, most);
  const grown = scale / place.scale;
  return { scale, x: about.x - grown * (about.x - place.x), y: about.y - grown * (about.y - place.y) };
}

/**
 * The same scale, held so that the view is full: a side that is shorter than the view's is centred.
 * @param {Place} place
 * @param {Size} view
 * @param {Size} picture its shape
 * @returns {Place}
 */
export function held({ scale, x, y }, view, picture) {
  const fit = Math.min(view.width / picture.width, view.height / picture.height);
  const hold = (/** @type {number} */ offset, /** @type {number} */ length, /** @type {number} */ side) => {
    const drawn = scale * fit * side;
    const margin = (scale * (length - fit * side)) / 2;
    return drawn <= length ? (length - drawn) / 2 - margin : within(offset, length - drawn - margin, -margin);
  };
  return { scale, x: hold(x, view.width, picture.width), y: hold(y, view.height, picture.height) };
}

/**
 * What one finger or two do: where their middle is, and how far they are apart.
 * @param {Point[]} fingers
 */
export function grip(fingers) {
  const [one, other = one] = fingers;
  const spread = Math.hypot(one.x - other.x, one.y - other.y);
  return { middle: { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 }, spread: spread || 1 };
}
