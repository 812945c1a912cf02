/** The tools beside the drawing: its parts as brushes, bucket, eraser, the mirror, and the way back. */
import { connectHand } from "../brush/hand.js";
import { connectChoice, connectSize } from "../brush/pen.js";
import { percent } from "../brush/words.js";
import { byId, first } from "../lib/elements.js";
import { connectHues } from "./hues.js";
import { _ } from "../lib/words.js";

/** @typedef {import("../brush/marks.js").Place} Place */
/** @typedef {import("./desk.js").Desk} Desk */

/**
 * @param {HTMLFormElement} form
 * @param {Desk} desk
 * @param {(sentence: string) => void} say
 * @param {AbortSignal} signal
 */
export function connectTools(form, desk, say, signal) {
  const stage = byId("stage", HTMLElement);
  const size = connectSize(byId("size", HTMLInputElement), stage, signal);
  const mirror = byId("mirror", HTMLInputElement);
  const tool = brush(stage, desk, { say, size, mirror, pressure: connectPressure(stage, signal) });
  connectHand(stage, tool, signal);
  connectChoice(form, stage, tool, signal);
  connectHues(form, stage, desk, say, signal);
  connectDeeds(form, desk, say, signal);
  mirror.addEventListener("change", () => stage.toggleAttribute("data-mirror", mirror.checked), { signal });
  stage.toggleAttribute("data-mirror", mirror.checked);
}

/**
 * How much wider a pen that tells its pressure draws than the size says; what tells none draws as the size says.
 * @param {HTMLElement} stage
 * @param {AbortSignal} signal
 */
function connectPressure(stage, signal) {
  let wider = 1;
  for (const event of /** @type {const} */ (["pointerdown", "pointermove"])) {
    stage.addEventListener(event, ({ pointerType, pressure }) => {
      wider = pointerType === "pen" && pressure > 0 ? 0.4 + 1.2 * pressure : 1;
    }, { capture: true, signal });
  }
  return () => wider;
}

/**
 * What the hand holds over the drawing.
 * @param {HTMLElement} stage
 * @param {Desk} desk
 * @param {{say: (sentence: string) => void, size: import("../brush/pen.js").Size, mirror: HTMLInputElement,
 *   pressure: () => number}} parts
 * @returns {import("../brush/hand.js").Tool}
 */
function brush(stage, desk, { say, size, mirror, pressure }) {
  /** Where the stroke that is being drawn has come to. @type {Place | null} */
  let last = null;

  /** A deed at places, and at those across the middle. @param {Place[]} places @param {(...places: Place[]) => void} deed */
  const twice = (places, deed) => {
    deed(...places);
    if (mirror.checked) deed(...places.map(({ x, y }) => ({ x: 1 - x, y })));
  };
  const stroke = (/** @type {Place} */ to) => {
    const { labels } = desk.drawing;
    const part = stage.dataset.with === "eraser" ? desk.ground : desk.part;
    const radius = size.radius() * pressure();
    twice([last ?? to, to], (from, until) => labels.stroke(from, until, radius, part));
    last = to;
    desk.dispatchEvent(new Event("stroke"));
  };
  return {
    down(place) {
      if (!desk.isReady) return;
      if (stage.dataset.with !== "fill") return stroke(place);
      desk.do((labels) => twice([place], (at) => labels.fill(at, desk.part)));
      say(_("Filled with {part}.", { part: desk.parts[desk.part].name }));
    },
    move: (place) => void (last && stroke(place)),
    up() {
      if (!last) return;
      last = null;
      desk.do(() => {});
    },
    drop: () => false,
    grow: (steps) => say(size.grow(steps)),
    where: ({ x, y }) => say(_("{x} across, {y} down: {part}.", { x: percent(x), y: percent(y), part: under(desk, { x, y }) })),
  };
}

/** The name of the part at a place. @param {Desk} desk @param {Place} place */
function under({ drawing: { labels }, parts }, { x, y }) {
  const row = Math.min(labels.height - 1, Math.floor(y * labels.height));
  return parts[labels.data[row * labels.width + Math.min(labels.width - 1, Math.floor(x * labels.width))]].name;
}

/**
 * @param {HTMLFormElement} form
 * @param {Desk} desk
 * @param {(sentence: string) => void} say
 * @param {AbortSignal} signal
 */
function connectDeeds(form, desk, say, signal) {
  const [undo, redo, clear, begin] = ["undo", "redo", "clear", "begin"].map((deed) => first(form, `[data-do=${deed}]`, HTMLElement));
  const back = (/** @type {"undo" | "redo"} */ way) => {
    const can = way === "undo" ? desk.drawing.canUndo : desk.drawing.canRedo;
    if (can) {
      desk.drawing[way]();
      desk.changed();
    }
    if (way === "undo") say(can ? _("Undone.") : _("Nothing to undo."));
    else say(can ? _("Done again.") : _("Nothing to redo."));
  };
  const deeds = /** @type {Record<string, () => void>} */ ({
    undo: () => back("undo"),
    redo: () => back("redo"),
    clear: () => {
      desk.clear();
      say(_("Nothing but {part}. Undo brings your drawing back.", { part: desk.parts[desk.ground].name }));
    },
    begin: () => void desk.begin().then(() => {
      say(desk.own ? _("Its map. Undo brings your drawing back.") : _("The example. Undo brings your drawing back."));
    }),
  });
  form.addEventListener("click", (event) => {
    const deed = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset.do ?? "";
    if (desk.isReady) deeds[deed]?.();
  }, { signal });
  form.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    // In a text field these keys take back letters.
    if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(key) || !desk.isReady || /** @type {HTMLElement} */ (event.target).matches("[type=text]")) return;
    event.preventDefault();
    deeds[event.shiftKey || key === "y" ? "redo" : "undo"]();
  }, { signal });
  desk.addEventListener("drawing", () => {
    undo.ariaDisabled = String(!desk.drawing.canUndo);
    redo.ariaDisabled = String(!desk.drawing.canRedo);
  }, { signal });
  desk.addEventListener("painting", () => {
    clear.textContent = _("Start from blank {part}", { part: desk.parts[desk.ground].name });
    begin.textContent = desk.own ? _("Start from its map") : _("Start from the example");
  }, { signal });
}
