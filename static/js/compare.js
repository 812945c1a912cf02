/** The divider between photo and painting: an invisible native slider over the picture gives dragging, tapping and keys. */

/**
 * @param {HTMLElement} compare
 * @param {AbortSignal} signal
 */
export function connectCompare(compare, signal) {
  const range = /** @type {HTMLInputElement} */ (compare.querySelector("input[type=range]"));
  const views = /** @type {HTMLInputElement[]} */ ([...compare.querySelectorAll("[name=view]")]);

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
