/** What lies on the table: the painting that is drawn after, its parts, and the drawing; whoever wants to is told of changes. */
import { all } from "../lib/elements.js";
import { Drawing, sides } from "./drawing.js";
import { Labels } from "./labels.js";
import { readDrawing, smoothed } from "./paper.js";

/** @typedef {import("./paper.js").Part} Part */

const USUAL_RATIO = 4 / 3;
const KEY = "atelier.draw";

export class Desk extends EventTarget {
  id = "";
  title = "";
  /** @type {Part[]} */ parts = [];
  /** The part that is drawn with. */
  part = 0;
  /** Width to height: a photo's, or the usual one. */
  ratio = USUAL_RATIO;
  #doodle = "";
  /** @type {Map<string, Drawing>} */ #drawings = new Map();

  get drawing() { return /** @type {Drawing} */ (this.#drawings.get(this.id)); }
  get isReady() { return this.#drawings.has(this.id); }
  get ground() { return this.parts[0].name; }

  /** Goes on with the drawing after a painting, or begins one. @param {HTMLInputElement} card */
  async choose(card) {
    const { title = "", doodle = "" } = card.dataset;
    const parts = partsOf(card.value);
    const start = this.#drawings.has(card.value) ? null : await startOf(doodle, parts);
    if (!card.checked) return; // Another one was chosen meanwhile.
    if (start) this.#drawings.set(card.value, new Drawing(card.value, start, parts.length));
    Object.assign(this, { id: card.value, title, parts, part: Math.min(1, parts.length - 1) });
    this.#doodle = doodle;
    this.drawing.reshape(this.ratio);
    remember(card.value);
    this.dispatchEvent(new Event("painting"));
    this.changed();
  }

  /** @param {number} part */
  take(part) {
    if (part >= this.parts.length) return;
    this.part = part;
    this.dispatchEvent(new Event("part"));
  }

  /** Draws a part of something, which is one deed. @param {(labels: Labels) => void} draw */
  do(draw) {
    draw(this.drawing.labels);
    this.drawing.commit();
    this.changed();
  }

  /** Puts another drawing in the place of this one. @param {Labels} labels */
  put(labels) {
    const [width, height] = sides(this.ratio);
    this.drawing.labels = labels.width === width && labels.height === height ? labels : labels.reshaped(width, height);
    this.drawing.commit();
    this.changed();
  }

  /** A photo has its own shape. @param {number | null} ratio */
  reshape(ratio) {
    this.ratio = ratio ?? USUAL_RATIO;
    if (!this.isReady) return;
    this.drawing.reshape(this.ratio);
    this.changed();
  }

  clear() {
    this.put(new Labels(...sides(this.ratio)));
  }

  async begin() {
    this.put(await startOf(this.#doodle, this.parts));
  }

  /** Told after each deed. */
  changed() {
    this.dispatchEvent(new Event("drawing"));
  }
}

/** @param {string} painting @returns {Part[]} */
const partsOf = (painting) =>
  all(document, `[data-parts-of="${painting}"] > [data-color]`, HTMLElement).map(({ dataset }) => ({ name: dataset.name ?? "", color: dataset.color ?? "" }));

/** The start drawing of a painting, or only its ground where that cannot be had. @param {string} address @param {Part[]} parts */
async function startOf(address, parts) {
  const picture = new Image();
  picture.src = address;
  try {
    await picture.decode();
    return smoothed(readDrawing(picture, parts, sides(USUAL_RATIO)));
  } catch {
    return new Labels(...sides(USUAL_RATIO));
  }
}

/** The card of the painting that was drawn after last, if it hangs here. @param {HTMLInputElement[]} cards */
export function lastCard(cards) {
  try {
    const id = sessionStorage.getItem(KEY);
    return cards.find((card) => card.value === id);
  } catch {
    return undefined; // Storage is switched off.
  }
}

/** @param {string} painting */
function remember(painting) {
  try {
    sessionStorage.setItem(KEY, painting);
  } catch {
    // The page then begins with its first painting.
  }
}
