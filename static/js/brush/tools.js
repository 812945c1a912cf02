/** The tools of the dialog: brush, eraser, rectangle, the ready-made parts, and the way back. */
import { connectHand } from "./hand.js";
import { rectangle } from "./rectangle.js";

/** @typedef {import("./marks.js").Mark} Mark */
/** @typedef {import("./field.js").Field} Field */
/** @typedef {import("./sheet.js").Sheet} Sheet */

const PARTS = /** @type {Record<string, Mark>} */ ({
  centre: { kind: "centre" },
  edges: { kind: "edges" },
  upper: { kind: "box", from: { x: 0, y: 0 }, to: { x: 1, y: 0.5 } },
  lower: { kind: "box", from: { x: 0, y: 0.5 }, to: { x: 1, y: 1 } },
  left: { kind: "box", from: { x: 0, y: 0 }, to: { x: 0.5, y: 1 } },
  right: { kind: "box", from: { x: 0.5, y: 0 }, to: { x: 1, y: 1 } },
});

/** A share as "12 %", and "less than 1 %" where rounding would deny it. @param {number} share */
export function percent(share) {
  return share > 0 && share < 0.01 ? "less than 1 %" : `${Math.round(share * 100)} %`;
}

/** @param {number} share */
function inWords(share) {
  const words = share === 0 ? "nothing" : share === 1 ? "all" : percent(share);
  return `${words[0].toUpperCase()}${words.slice(1)}${share === 0 ? "" : " of the photo"} is marked.`;
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {Sheet} sheet
 * @param {{field: Field}} desk whose marks they are; told after each change how much is marked, 0 to 1
 * @param {AbortSignal} signal
 * @returns {() => void} shows the marks as they are, where something else changed them
 */
export function connectTools(dialog, sheet, desk, signal) {
  const find = (/** @type {string} */ selector) => /** @type {any} */ (dialog.querySelector(selector));
  const [stage, size, status, undo, redo] = ["[data-stage]", "[data-size]", "[role=status]", "[data-do=undo]", "[data-do=redo]"].map(find);
  const tools = /** @type {HTMLButtonElement[]} */ ([...dialog.querySelectorAll("[data-tool]")]);
  /** The stroke being drawn. @type {Extract<Mark, {kind: "stroke"}> | null} */
  let stroke = null;

  const show = (said = "") => {
    const { marks } = desk.field;
    sheet.show(marks.made);
    const share = sheet.share();
    undo.ariaDisabled = String(!marks.canUndo);
    redo.ariaDisabled = String(!marks.canRedo);
    status.textContent = `${said} ${inWords(share)}`.trim();
    return share;
  };
  const add = (/** @type {Mark} */ mark, said = "") => {
    desk.field.marks.add(mark);
    desk.field.onChange(show(said));
  };
  const box = rectangle(find("[data-box]"), add);
  const drop = () => {
    const had = box.drop();
    if (had) status.textContent = "The corner is dropped.";
    return had;
  };

  connectHand(stage, {
    down(place) {
      if (stage.dataset.with === "box") {
        if (box.down(place)) status.textContent = "One corner is set. Now the opposite one.";
        return;
      }
      stroke = { kind: "stroke", erases: stage.dataset.with === "eraser", radius: size.value / 200, places: [place] };
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
      if (stroke) add(stroke);
      stroke = null;
    },
    drop,
    grow(steps) {
      size.value = String(Number(size.value) + steps);
      resize();
      status.textContent = `The brush is ${size.value} % wide.`;
    },
    where({ x, y }) {
      status.textContent = `${percent(x)} across, ${percent(y)} down.`;
    },
  }, signal);

  const resize = () => {
    stage.style.setProperty("--size", String(size.value / 100));
    size.ariaValueText = `${size.value} % of the longer side`;
  };
  size.addEventListener("input", resize, { signal });
  // Enter in a field of a form sends the form, which nobody means here.
  size.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && event.preventDefault(), { signal });
  resize();

  for (const each of tools) {
    each.addEventListener("click", () => {
      drop();
      stage.dataset.with = each.dataset.tool;
      for (const other of tools) other.ariaPressed = String(other === each);
    }, { signal });
  }

  const deeds = /** @type {Record<string, () => void>} */ ({
    undo() {
      if (drop()) return;
      if (!desk.field.marks.canUndo) return void show("Nothing to undo.");
      desk.field.marks.undo();
      desk.field.onChange(show("Undone."));
    },
    redo() {
      if (!desk.field.marks.canRedo) return void show("Nothing to redo.");
      desk.field.marks.redo();
      desk.field.onChange(show("Redone."));
    },
    invert: () => add({ kind: "invert" }, "Inverted."),
    clear: () => add({ kind: "clear" }, "Cleared."),
  });
  dialog.addEventListener("click", (event) => {
    const { do: deed = "", part = "" } = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset ?? {};
    deeds[deed]?.();
    if (part) add(PARTS[part]);
  }, { signal });
  dialog.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    deeds[event.shiftKey ? "redo" : "undo"]();
  }, { signal });
  dialog.addEventListener("close", drop, { signal });
  return show;
}
