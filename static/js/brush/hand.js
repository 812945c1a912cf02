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

/**
 * @param {HTMLElement} stage holds the photo edge to edge; receives --x and --y, where the hand is
 * @param {Tool} tool
 * @param {AbortSignal} signal
 */
export function connectHand(stage, tool, signal) {
  let place = { x: 0.5, y: 0.5 };
  /** What holds the tool down, if anything does. @type {"pointer" | "key" | null} */
  let held = null;

  const go = (/** @type {Place} */ to) => {
    place = to;
    stage.style.setProperty("--x", String(to.x));
    stage.style.setProperty("--y", String(to.y));
  };
  go(place);

  const under = (/** @type {PointerEvent} */ event) => {
    const box = stage.getBoundingClientRect();
    return { x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
  };

  stage.addEventListener("pointerdown", (event) => {
    // A second finger or another button is no brush.
    if (!event.isPrimary || event.button !== 0 || held) return;
    held = "pointer";
    stage.setPointerCapture(event.pointerId);
    go(under(event));
    tool.down(place);
  }, { signal });
  stage.addEventListener("pointermove", (event) => {
    if (!event.isPrimary || held === "key") return;
    for (const each of held ? event.getCoalescedEvents?.() ?? [] : []) tool.move(under(each));
    go(under(event));
    tool.move(place);
  }, { signal });
  const lift = () => {
    if (held) tool.up(place);
    held = null;
  };
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, () => held === "pointer" && lift(), { signal });
  }

  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      const box = stage.getBoundingClientRect();
      const way = STEP * (event.shiftKey ? 5 : 1) * Math.max(box.width, box.height);
      const [right, down] = ARROWS[event.key];
      go({ x: within(place.x + (right * way) / box.width), y: within(place.y + (down * way) / box.height) });
      tool.move(place);
    } else if (event.key === " " || event.key === "Enter") {
      if (!event.repeat && !held) {
        held = "key";
        tool.down(place);
      }
    } else if (event.key in GROW) {
      tool.grow(GROW[event.key]);
    } else if (!(event.key === "Escape" && tool.drop())) {
      return;
    }
    event.preventDefault();
  }, { signal });
  stage.addEventListener("keyup", (event) => {
    if (held === "key" && (event.key === " " || event.key === "Enter")) lift();
    else if (!held && event.key in ARROWS) tool.where(place);
  }, { signal });
  stage.addEventListener("blur", lift, { signal });
}
