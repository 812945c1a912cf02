/**
 * The parts of a painting of one's own: their names and colours, and the map that shows where they are, all of which this
 * browser alone keeps.
 */
import { Drawing, sides } from "./drawing.js";
import { Labels } from "./labels.js";
import { printedMap, readDrawing } from "./paper.js";
import { _ } from "../lib/words.js";

/** @typedef {import("./paper.js").Part} Part */

const MOST = 24;
const KEY = "atelier.draw.parts.";
/** The first is the ground's; each is far enough from the others that no program takes it for one of them. */
const COLORS = ["#6b6b6b", "#e23b2e", "#2f6fd0", "#f5c518", "#2f9e4f", "#fbf4e2", "#8b3fb0", "#f0801c", "#1f2a33", "#7fd0e8", "#f29ac0", "#7a4a1e", "#b8d84a", "#0f6a78", "#b09cf8", "#a01848"];
/** As the server tells colours apart (Euclid in RGB). */
const NEAR = 64;
/** A part of less than this share of the map is a slip of the hand. */
const LEAST_SHARE = 1e-3;

export class OwnParts {
  /** @type {Part[]} */ list;
  map;
  #key;

  /** @param {string} painting its id @param {number} ratio of its width to its height */
  constructor(painting, ratio) {
    this.#key = KEY + painting;
    this.list = kept(this.#key) ?? [{ name: _("background"), color: COLORS[0] }, { name: nameOf(1), color: COLORS[1] }];
    this.map = new Drawing(`${painting}.map`, new Labels(...sides(ratio)), this.list.length);
  }

  /** Of each part, whether the map shows it. */
  get used() {
    const counts = this.list.map(() => 0);
    for (const part of this.map.labels.data) counts[part] += 1;
    return counts.map((count) => count >= LEAST_SHARE * this.map.labels.data.length);
  }

  /** Why nothing can be drawn with these parts yet; empty if something can. */
  get fault() {
    const marked = this.used.filter(Boolean).length;
    return marked > 1 ? "" : _("Only one part is marked yet. Brush over at least one more, so that there is something to draw with.");
  }

  /** The map as a PNG. */
  print() {
    return printedMap(this.map.labels, this.list, "map.png");
  }

  /** Adds a part; its number, or null where there are enough. */
  add() {
    const color = COLORS.find((each) => !this.#nearTo(each, -1));
    if (this.list.length >= MOST || !color) return null;
    this.list.push({ name: nameOf(this.list.length), color });
    this.#keep();
    return this.list.length - 1;
  }

  /** @param {number} part @param {string} name */
  rename(part, name) {
    this.list[part].name = name.trim() || nameOf(part);
    this.#keep();
  }

  /** Gives a part another colour; the name of the part that has nearly this one and is in the way, or nothing. @param {number} part @param {string} color */
  recolor(part, color) {
    const rival = this.#nearTo(color, part);
    if (rival) return rival.name;
    this.list[part].color = color;
    this.#keep();
    return "";
  }

  /** Takes a map that another program made. @param {CanvasImageSource} picture @param {string[]} colors its main ones, which are the parts */
  read(picture, colors) {
    const before = new Map(this.list.map(({ name, color }) => [color, name]));
    this.list = colors.slice(0, MOST).map((color, part) => ({ name: before.get(color) ?? nameOf(part), color }));
    this.#keep();
    const { width, height } = this.map.labels;
    this.map.labels = readDrawing(picture, this.list, [width, height]);
    this.map.commit();
  }

  /** @param {string} color @param {number} part which may have it */
  #nearTo(color, part) {
    return this.list.find((other, index) => index !== part && distance(other.color, color) < NEAR);
  }

  #keep() {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.list));
    } catch {
      // Without storage the names live as long as the page.
    }
  }
}

/** What a part is called that nobody has named. @param {number} part counted from 0 */
const nameOf = (part) => _("part {number}", { number: part + 1 });

/** @param {string} key @returns {Part[] | null} */
function kept(key) {
  try {
    const list = JSON.parse(sessionStorage.getItem(key) ?? "");
    const isWhole = list.length > 0 && list.every((/** @type {Part} */ { name, color }) => typeof name === "string" && /^#[0-9a-f]{6}$/.test(color));
    return isWhole ? list : null;
  } catch {
    return null; // Nothing was kept, storage is switched off, or it holds something else.
  }
}

/** @param {string} color @param {string} other */
function distance(color, other) {
  return Math.hypot(...[1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) - parseInt(other.slice(at, at + 2), 16)));
}
