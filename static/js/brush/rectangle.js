/** The rectangle tool: two opposite corners, by two clicks or by one drawn line. */

/** @typedef {import("./marks.js").Mark} Mark */
/** @typedef {import("./marks.js").Place} Place */

/** Corners nearer than this are one click, and the second is still to come; a share of each side. */
const CLICK = 0.015;

/**
 * @param {HTMLElement} frame shows the rectangle to come; receives --left, --top, --width and --height, shares of the photo
 * @param {(mark: Mark) => void} onDone
 */
export function rectangle(frame, onDone) {
  /** @type {Place | null} */
  let corner = null;

  const stretch = (/** @type {Place} */ to) => {
    frame.hidden = !corner;
    if (!corner) return;
    const [left, top] = [Math.min(corner.x, to.x), Math.min(corner.y, to.y)];
    const sides = { left, top, width: Math.abs(corner.x - to.x), height: Math.abs(corner.y - to.y) };
    for (const [side, share] of Object.entries(sides)) frame.style.setProperty(`--${side}`, String(share));
  };
  /** Gives the first corner up; whether there was one. */
  const drop = () => {
    const had = corner !== null;
    corner = null;
    frame.hidden = true;
    return had;
  };
  /** Done where the place is far enough from the first corner. @param {Place} to */
  const close = (to) => {
    const from = corner;
    if (!from || Math.abs(from.x - to.x) < CLICK || Math.abs(from.y - to.y) < CLICK) return;
    drop();
    onDone({ kind: "box", from, to });
  };
  /** Begins a rectangle, or ends the one that was begun; whether one is begun now. @param {Place} place */
  const down = (place) => {
    if (corner) close(place);
    else {
      corner = place;
      stretch(place);
    }
    return corner !== null;
  };
  return { down, move: stretch, up: close, drop };
}
