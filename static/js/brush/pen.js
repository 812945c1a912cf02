/** What the hand holds over the photo: brush, eraser or rectangle, whichever was chosen, and how wide it is. */
import { all } from "../lib/elements.js";
import { percent } from "./words.js";
import { _ } from "../lib/words.js";

/** @typedef {import("./marks.js").Mark} Mark */
/** @typedef {import("./marks.js").Place} Place */
/** @typedef {Extract<Mark, {kind: "stroke"}>} Stroke */
/** @typedef {ReturnType<typeof connectSize>} Size */

/** Corners nearer than this are one click, and the second is still to come; a share of each side. */
const CLICK = 0.015;

/**
 * Two opposite corners, by two clicks or by one drawn line.
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

/**
 * @param {HTMLElement} stage
 * @param {import("./sheet.js").Sheet} sheet
 * @param {import("./editor.js").Editor} editor
 * @param {{box: ReturnType<typeof rectangle>, size: Size}} parts
 * @returns {import("./hand.js").Tool}
 */
export function pen(stage, sheet, editor, { box, size }) {
  /** The stroke being drawn. @type {Stroke | null} */
  let stroke = null;

  return {
    down(place) {
      if (stage.dataset.with === "box") {
        if (box.down(place)) editor.say(_("One corner is set. Now the opposite one."));
        return;
      }
      stroke = { kind: "stroke", erases: stage.dataset.with === "eraser", radius: size.radius(), places: [place] };
      sheet.add(stroke);
    },
    move(place) {
      box.move(place);
      if (!stroke) return;
      stroke.places.push(place);
      sheet.add({ ...stroke, places: stroke.places.slice(-2) });
    },
    up(place) {
      box.up(place);
      if (stroke) editor.add(stroke);
      stroke = null;
    },
    drop() {
      const had = box.drop();
      if (had) editor.say(_("The corner is dropped."));
      return had;
    },
    grow: (steps) => editor.say(size.grow(steps)),
    where: ({ x, y }) => editor.say(_("{x} across, {y} down.", { x: percent(x), y: percent(y) })),
  };
}

/**
 * @param {HTMLElement} root
 * @param {HTMLElement} stage receives data-with, the tool that is chosen
 * @param {import("./hand.js").Tool} tool
 * @param {AbortSignal} signal
 */
export function connectChoice(root, stage, tool, signal) {
  const buttons = all(root, "[data-tool]", HTMLButtonElement);
  for (const each of buttons) {
    each.addEventListener("click", () => {
      tool.drop();
      stage.dataset.with = each.dataset.tool;
      for (const other of buttons) other.ariaPressed = String(other === each);
    }, { signal });
  }
}

/**
 * @param {HTMLInputElement} slider
 * @param {HTMLElement} stage receives --size, a share of the photo's longer side
 * @param {AbortSignal} signal
 */
export function connectSize(slider, stage, signal) {
  const resize = () => {
    stage.style.setProperty("--size", String(Number(slider.value) / 100));
    slider.ariaValueText = _("{share} % of the longer side", { share: slider.value });
  };
  slider.addEventListener("input", resize, { signal });
  // Enter in a field of a form sends the form, which nobody means here.
  slider.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault(), { signal });
  resize();

  return {
    /** Half the width, a share of the longer side. */
    radius: () => Number(slider.value) / 200,
    /** Makes it wider or narrower; what there is to say of that. @param {number} steps */
    grow(steps) {
      slider.value = String(Number(slider.value) + steps);
      resize();
      return _("The brush is {share} % wide.", { share: slider.value });
    },
  };
}
