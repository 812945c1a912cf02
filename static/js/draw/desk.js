/** What lies on the table: the painting that is drawn after, its parts, and the drawing; whoever wants to is told of changes. */
import { all } from "../lib/elements.js";
import { at } from "../lib/root.js";
import { Drawing, sides } from "./drawing.js";
import { Labels } from "./labels.js";
import { OwnParts } from "./ownparts.js";
import { readDrawing, smoothed } from "./paper.js";

/** @typedef {import("./paper.js").Part} Part */
/** What is drawn: the map of an own painting's parts, or a drawing with them. @typedef {"map" | "drawing"} Turn */

const USUAL_RATIO = 4 / 3;
const KEY = "atelier.draw";

export class Desk extends EventTarget {
  id = "";
  title = "";
  /** @type {Part[]} */ parts = [];
  /** The part that is drawn with. */
  part = 0;
  /** @type {Turn} */ turn = "drawing";
  /** Of a painting of one's own. @type {OwnParts | null} */ own = null;
  /** Width to height of a photo, where there is one, which the drawing then has. @type {number | null} */ #photo = null;
  #doodle = "";
  /** @type {Map<string, Drawing>} */ #drawings = new Map();
  /** @type {Map<string, OwnParts>} */ #owns = new Map();

  get isReady() { return this.id !== ""; }
  /** What is drawn on. */
  get drawing() { return this.turn === "map" && this.own ? this.own.map : /** @type {Drawing} */ (this.#drawings.get(this.id)); }
  /** Of what is drawn on, in pixels. @returns {[number, number]} */
  get sides() { return [this.drawing.labels.width, this.drawing.labels.height]; }
  /** Of each part, whether there is anything of it to draw with. */
  get offered() { return this.own && this.turn === "drawing" ? this.own.used : this.parts.map(() => true); }
  /** The part that is everywhere before anything is drawn. */
  get ground() { return Math.max(0, this.offered.indexOf(true)); }

  /** Goes on with the drawing after a painting, or begins one. @param {HTMLInputElement} card */
  async choose(card) {
    const { title = "", doodle = "" } = card.dataset;
    const id = card.value;
    const own = "own" in card.dataset ? this.#owns.get(id) ?? new OwnParts(id, await ratioOf(id)) : null;
    const parts = own ? own.list : partsOf(id);
    const start = own || this.#drawings.has(id) ? null : await startOf(doodle, parts);
    if (!card.checked) return; // Another one was chosen meanwhile.
    if (own) this.#owns.set(id, own);
    if (start) this.#drawings.set(id, new Drawing(id, start, parts.length));
    Object.assign(this, { id, title, own, parts, turn: "drawing" });
    this.#doodle = doodle;
    remember(id);
    this.turnTo(own?.fault ? "map" : "drawing");
  }

  /** Draws the map of an own painting's parts, or with them. @param {Turn} turn */
  turnTo(turn) {
    this.turn = this.own ? turn : "drawing";
    if (this.own && turn === "drawing") {
      // The map itself is a drawing to begin with.
      if (!this.#drawings.has(this.id)) this.#drawings.set(this.id, new Drawing(this.id, this.#mapped(this.own), this.parts.length));
    }
    if (this.turn === "drawing" && this.#photo) this.drawing.reshape(this.#photo);
    const next = this.offered.indexOf(true, this.ground + 1);
    this.part = next > 0 ? next : this.ground;
    this.renew();
    this.changed();
  }

  /** Told when other brushes are there, or the same under other names. */
  renew() {
    if (this.own) this.parts = this.own.list;
    this.dispatchEvent(new Event("painting"));
  }

  /** @param {number} part */
  take(part) {
    if (!this.offered[part]) return;
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
    const [width, height] = this.sides;
    this.drawing.labels = labels.width === width && labels.height === height ? labels : labels.reshaped(width, height);
    this.drawing.commit();
    this.changed();
  }

  /** Opens a picture of a drawing, which has its own shape unless a photo has one. @param {CanvasImageSource} picture @param {number} ratio of its width to its height */
  open(picture, ratio) {
    this.drawing.labels = readDrawing(picture, this.parts, this.#photo ? this.sides : sides(ratio));
    this.drawing.commit();
    this.changed();
  }

  /** A photo has its own shape; without one, the drawing gets back the usual one. @param {number | null} ratio */
  reshape(ratio) {
    this.#photo = ratio;
    const drawing = this.#drawings.get(this.id);
    if (!drawing) return;
    const map = this.own?.map.labels;
    drawing.reshape(ratio ?? (map ? map.width / map.height : USUAL_RATIO));
    this.changed();
  }

  clear() {
    const blank = new Labels(...this.sides);
    blank.data.fill(this.ground);
    this.put(blank);
  }

  async begin() {
    this.put(this.own ? this.#mapped(this.own) : await startOf(this.#doodle, this.parts));
  }

  /** Told after each deed. */
  changed() {
    this.dispatchEvent(new Event("drawing"));
  }

  /** @param {OwnParts} own */
  #mapped({ map }) {
    return Labels.of(map.labels.runs());
  }
}

/** @param {string} painting @returns {Part[]} */
const partsOf = (painting) =>
  all(document, `[data-parts-of="${painting}"] > [data-color]`, HTMLElement).map(({ dataset }) => ({ name: dataset.name ?? "", color: dataset.color ?? "" }));

/** Width to height of a painting of one's own. @param {string} id */
async function ratioOf(id) {
  const picture = new Image();
  picture.src = at(`/paintings/${id}/thumb.webp`);
  await picture.decode().catch(() => null);
  return picture.naturalWidth / picture.naturalHeight || USUAL_RATIO;
}

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
