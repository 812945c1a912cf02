/** The cards' buttons that add a painting to the blend beside the chosen one, and take it out again. */
import { all, byId, first } from "./lib/elements.js";

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectAdding(studio, signal) {
  const selects = all(studio, "select[name=style]", HTMLSelectElement);
  const status = byId("status", HTMLElement);
  const cardOf = (/** @type {Element} */ button) => first(/** @type {Element} */ (button.closest(".card")), ".card__radio", HTMLInputElement);
  const rowOf = (/** @type {string} */ id) => selects.find((select) => select.value === id);

  const tell = () => {
    for (const button of all(studio, "[data-add]", HTMLButtonElement)) {
      const isIn = rowOf(cardOf(button).value) !== undefined;
      button.ariaPressed = String(isIn);
      // Where the blend is full, there is nothing to press.
      button.hidden = !isIn && !rowOf("");
    }
  };

  studio.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("[data-add]");
    if (!button) return;
    const { value: id, dataset: { title } } = cardOf(button);
    const row = rowOf(id);
    const free = rowOf("");
    if (row) row.value = "";
    else if (free) free.value = id;
    status.textContent = `${title} is ${row ? "out of" : "in"} the blend.`;
    studio.dispatchEvent(new Event("change"));
  }, { signal });
  studio.addEventListener("change", (event) => {
    // What is chosen by its card is no second painting any more.
    const twice = event.target instanceof HTMLInputElement && event.target.matches(".card__radio") && rowOf(event.target.value);
    if (twice) twice.value = "";
    tell();
  }, { signal });
  window.addEventListener("pageshow", tell, { signal });
  tell();
}
