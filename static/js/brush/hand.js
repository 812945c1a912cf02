/**
 * The hand over the photo: a pointer, or the arrow keys and the space bar, both told as down, move and up at a place. What they
 * do there is the tool's matter.
 */

/** @typedef {import("./marks.js").Place} Place */

/**
 * `drop` gives up what was begun and says whether there was something; `where` is told where the keys have led.
 * @typedef {{down(place: Place): void, move(place: Place): void, up(place: Place): void, where(place: Place): void,
 *   grow(steps: number): void, drop(): boolean}} Tool
 */

const ARROWS = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });
const GROW = /** @type {Record<string, number>} */ ({ "+": 1, "=": 1, "-": -1, "_": -1 });
/** One arrow's way, as a share of the longer side; with Shift it is five times as long. */
const STEP = 0.01;

const within = (/** @type {number} */ share) => Math.min(1, Math.max(0, share));

/** Where the hand is, and what holds the tool down, if anything does. */
class Hand {
  place = { x: 0.5, y: 0.5 };
  /** @type {"pointer" | "key" | null} */ held = null;
  #stage;
  #tool;

  /** @param {HTMLElement} stage @param {Tool} tool */
  constructor(stage, tool) {
    this.#stage = stage;
    this.#tool = tool;
    this.#go(this.place);
  }

  /** @param {Place} to */
  move(to) {
    this.#go(to);
    this.#tool.move(to);
  }

  /** @param {"pointer" | "key"} by @param {Place} place */
  down(by, place) {
    this.held = by;
    this.#go(place);
    this.#tool.down(place);
  }

  lift() {
    if (this.held) this.#tool.up(this.place);
    this.held = null;
  }

  /** @param {Place} to */
  #go(to) {
    this.place = to;
    this.#stage.style.setProperty("--x", String(to.x));
    this.#stage.style.setProperty("--y", String(to.y));
  }
}

/**
 * @param {HTMLElement} stage holds the photo edge to edge; receives --x and --y, where the hand is
 * @param {Tool} tool
 * @param {AbortSignal} signal
 */
export function connectHand(stage, tool, signal) {
  const hand = new Hand(stage, tool);
  connectPointer(stage, hand, tool, signal);
  connectKeys(stage, hand, tool, signal);
  stage.addEventListener("blur", () => hand.lift(), { signal });
}

/**
 * @param {HTMLElement} stage
 * @param {Hand} hand
 * @param {Tool} tool
 * @param {AbortSignal} signal
 */
function connectPointer(stage, hand, tool, signal) {
  const under = (/** @type {PointerEvent} */ event) => {
    const box = stage.getBoundingClientRect();
    return { x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
  };
  stage.addEventListener("pointerdown", (event) => {
    // A second finger or another button is no brush.
    if (!event.isPrimary || event.button !== 0 || hand.held) return;
    stage.setPointerCapture(event.pointerId);
    hand.down("pointer", under(event));
  }, { signal });
  stage.addEventListener("pointermove", (event) => {
    if (!event.isPrimary || hand.held === "key") return;
    for (const each of hand.held ? event.getCoalescedEvents?.() ?? [] : []) tool.move(under(each));
    hand.move(under(event));
  }, { signal });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, () => hand.held === "pointer" && hand.lift(), { signal });
  }
}

/**
 * @param {HTMLElement} stage
 * @param {Hand} hand
 * @param {Tool} tool
 * @param {AbortSignal} signal
 */
function connectKeys(stage, hand, tool, signal) {
  const presses = (/** @type {KeyboardEvent} */ event) => event.key === " " || event.key === "Enter";
  /** Where an arrow leads. @param {KeyboardEvent} event */
  const beyond = (event) => {
    const box = stage.getBoundingClientRect();
    const way = STEP * (event.shiftKey ? 5 : 1) * Math.max(box.width, box.height);
    const [right, down] = ARROWS[event.key];
    return { x: within(hand.place.x + (right * way) / box.width), y: within(hand.place.y + (down * way) / box.height) };
  };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      hand.move(beyond(event));
    } else if (presses(event)) {
      if (!event.repeat && !hand.held) hand.down("key", hand.place);
    } else if (event.key in GROW) {
      tool.grow(GROW[event.key]);
    } else if (!(event.key === "Escape" && tool.drop())) {
      return;
    }
    event.preventDefault();
  }, { signal });
  stage.addEventListener("keyup", (event) => {
    if (hand.held === "key" && presses(event)) hand.lift();
    else if (!hand.held && event.key in ARROWS) tool.where(hand.place);
  }, { signal });
}
