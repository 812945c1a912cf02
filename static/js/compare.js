/** The divider between photo and painting: an invisible native slider over the picture gives dragging, tapping and keys. */

import { all, first } from "./lib/elements.js";

/**
 * @param {HTMLElement} compare
 * @param {AbortSignal} signal
 */
export function connectCompare(compare, signal) {
  const range = first(compare, "input[type=range]", HTMLInputElement);
  const views = all(compare, "[name=view]", HTMLInputElement);

  const split = (/** @type {string} */ share) => {
    compare.style.setProperty("--split", `${share}%`);
    range.value = share;
    range.ariaValueText = `${share} % photo`;
    for (const view of views) view.checked = view.value === share;
  };
  range.addEventListener("input", () => split(range.value), { signal });
  for (const view of views) view.addEventListener("change", () => split(view.value), { signal });
  split("0");
}
