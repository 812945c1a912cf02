/** Photo and painting together: the divider between them, and the painting's strength over the photo. */

import { all, byId, first } from "./lib/elements.js";
import { within } from "./lib/lens.js";
import { _ } from "./lib/words.js";

/**
 * The divider: a rail below the picture, a line in the picture, and the three usual places.
 * @param {HTMLElement} compare
 * @param {AbortSignal} signal
 */
export function connectCompare(compare, signal) {
  const range = first(compare, ".compare__range", HTMLInputElement);
  const view = first(compare, ".compare__view", HTMLElement);
  const views = all(compare, "[name=view]", HTMLInputElement);

  const split = (/** @type {string} */ share) => {
    compare.style.setProperty("--split", `${share}%`);
    range.value = share;
    range.ariaValueText = _("{share} % photo", { share });
    for (const view of views) view.checked = view.value === share;
  };
  range.addEventListener("input", () => split(range.value), { signal });
  for (const view of views) view.addEventListener("change", () => split(view.value), { signal });
  connectLine(byId("line", HTMLElement), (x) => {
    const box = view.getBoundingClientRect();
    split(String(Math.round(within((100 * (x - box.x)) / box.width, 0, 100))));
  }, signal);
  split(views.find(({ checked }) => checked)?.value ?? range.value); // as chosen before this script came, or brought back
}

/**
 * @param {HTMLElement} line
 * @param {(x: number) => void} drag told where on the page it is drawn to
 * @param {AbortSignal} signal
 */
function connectLine(line, drag, signal) {
  line.addEventListener("pointerdown", (event) => {
    event.stopPropagation(); // The picture below is not meant.
    event.preventDefault();
    const end = new AbortController();
    const until = { signal: AbortSignal.any([signal, end.signal]) };
    // On the window, because the line is taken away at both ends.
    window.addEventListener("pointermove", (moved) => drag(moved.clientX), until);
    for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, () => end.abort(), until);
  }, { signal });
}

/**
 * The strength: the photo over the painting, the more transparent the stronger.
 * @param {HTMLElement} view
 * @param {AbortSignal} signal
 */
export function connectStrength(view, signal) {
  const range = byId("fade", HTMLInputElement);
  const share = byId("fade-share", HTMLElement);
  const show = () => {
    view.style.setProperty("--fade", String(1 - range.valueAsNumber / 100));
    share.textContent = range.ariaValueText = `${range.value} %`;
  };
  range.addEventListener("input", show, { signal });
  show(); // Browsers bring back where it was.
}
