/** Lets a row of stops be dragged like a slider; clicks and arrow keys work without. */

import { all, first } from "./lib/elements.js";

/**
 * @param {HTMLElement} scale
 * @param {AbortSignal} signal
 */
export function connectScale(scale, signal) {
  const track = first(scale, ".scale__track", HTMLElement);
  const stops = all(track, "input", HTMLInputElement);
  const middle = (/** @type {HTMLElement} */ stop) => {
    const box = stop.getBoundingClientRect();
    return box.x + box.width / 2;
  };

  /** @param {PointerEvent} event */
  const follow = (event) => {
    const nearest = stops.reduce((best, stop) =>
      Math.abs(middle(stop) - event.clientX) < Math.abs(middle(best) - event.clientX) ? stop : best);
    if (nearest.checked) return;
    nearest.checked = true;
    nearest.dispatchEvent(new Event("change", { bubbles: true }));
  };
  track.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    follow(event);
    const drag = new AbortController();
    const until = { signal: AbortSignal.any([signal, drag.signal]) };
    window.addEventListener("pointermove", follow, until);
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => drag.abort(), until);
  }, { signal });
}
