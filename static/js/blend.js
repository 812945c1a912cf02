/** Keeps the shares of a blend true while its sliders move, and names the painting that is chosen in the gallery. */
import { chosenCard } from "./choice.js";

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectBlend(studio, signal) {
  const rows = [...studio.querySelectorAll("[data-blend]")].map((row) => ({
    select: row.querySelector("select"),
    slider: /** @type {HTMLInputElement} */ (row.querySelector("input[type=range]")),
    share: /** @type {HTMLOutputElement} */ (row.querySelector("output")),
  }));
  const first = /** @type {HTMLElement} */ (document.getElementById("blend-first"));
  const unnamed = "The painting you choose";

  const tell = () => {
    first.textContent = chosenCard(studio)?.dataset.title ?? unnamed;
    const weights = rows.map(({ select, slider }) => (select?.value === "" ? 0 : Number(slider.value)));
    const whole = weights.reduce((sum, weight) => sum + weight, 0) || 1;
    rows.forEach(({ slider, share }, index) => {
      share.value = slider.ariaValueText = `${Math.round((100 * weights[index]) / whole)} %`;
    });
  };
  studio.addEventListener("input", tell, { signal });
  studio.addEventListener("change", tell, { signal });
  window.addEventListener("pageshow", tell, { signal });
  tell();
}
