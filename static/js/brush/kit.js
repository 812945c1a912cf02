/** What lies beside the stage: the tools, one of which is chosen, and how wide it is. */
import { all } from "../lib/elements.js";

/** @typedef {ReturnType<typeof connectSize>} Size */

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
    slider.ariaValueText = `${slider.value} % of the longer side`;
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
      return `The brush is ${slider.value} % wide.`;
    },
  };
}
