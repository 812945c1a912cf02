/** The tools of the dialog: brush, eraser, rectangle, the ready-made parts, and the way back. */
import { first } from "../lib/elements.js";
import { Editor } from "./editor.js";
import { connectHand } from "./hand.js";
import { connectChoice, connectSize, pen, rectangle } from "./pen.js";
import { _ } from "../lib/words.js";

/** @typedef {import("./marks.js").Mark} Mark */

const PARTS = /** @type {Record<string, Mark>} */ ({
  centre: { kind: "centre" },
  edges: { kind: "edges" },
  upper: { kind: "box", from: { x: 0, y: 0 }, to: { x: 1, y: 0.5 } },
  lower: { kind: "box", from: { x: 0, y: 0.5 }, to: { x: 1, y: 1 } },
  left: { kind: "box", from: { x: 0, y: 0 }, to: { x: 0.5, y: 1 } },
  right: { kind: "box", from: { x: 0.5, y: 0 }, to: { x: 1, y: 1 } },
});

/**
 * @param {HTMLDialogElement} dialog
 * @param {import("./sheet.js").Sheet} sheet
 * @param {import("./editor.js").Desk} desk
 * @param {AbortSignal} signal
 * @returns {() => void} shows the marks as they are, where something else changed them
 */
export function connectTools(dialog, sheet, desk, signal) {
  const stage = first(dialog, "[data-stage]", HTMLElement);
  const editor = new Editor(dialog, sheet, desk);
  const box = rectangle(first(dialog, "[data-box]", HTMLElement), (mark) => editor.add(mark));
  const size = connectSize(first(dialog, "[data-size]", HTMLInputElement), stage, signal);
  const tool = pen(stage, sheet, editor, { box, size });

  connectHand(stage, tool, signal);
  connectChoice(dialog, stage, tool, signal);
  connectDeeds(dialog, editor, tool.drop, signal);
  dialog.addEventListener("close", tool.drop, { signal });
  return () => editor.show();
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {Editor} editor
 * @param {() => boolean} drop gives up what was begun, which is undone before any mark is
 * @param {AbortSignal} signal
 */
function connectDeeds(dialog, editor, drop, signal) {
  const deeds = /** @type {Record<string, () => void>} */ ({
    undo: () => drop() || editor.undo(),
    redo: () => editor.redo(),
    invert: () => editor.add({ kind: "invert" }, _("Inverted.")),
    clear: () => editor.add({ kind: "clear" }, _("Cleared.")),
  });
  dialog.addEventListener("click", (event) => {
    const { do: deed = "", part = "" } = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset ?? {};
    deeds[deed]?.();
    if (part) editor.add(PARTS[part]);
  }, { signal });
  dialog.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    deeds[event.shiftKey ? "redo" : "undo"]();
  }, { signal });
}
