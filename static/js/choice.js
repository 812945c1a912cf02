/** Says beside the button which paintings are chosen, and beside the gallery when none is. */

import { all, byId } from "./lib/elements.js";

/** The radio of the chosen card, if any. @param {HTMLFormElement} studio */
export const chosenCard = (studio) => /** @type {HTMLInputElement | null} */ (studio.querySelector(".card__radio:checked"));

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectChoice(studio, signal) {
  const choice = byId("choice", HTMLElement);
  const error = byId("style-error", HTMLElement);
  const others = all(studio, "select[name=style]", HTMLSelectElement);
  const cite = (/** @type {string} */ title) => Object.assign(document.createElement("cite"), { textContent: title });

  const tell = () => {
    const chosen = chosenCard(studio);
    choice.hidden = !chosen;
    if (!chosen) return;
    error.hidden = true;
    const titles = [chosen.dataset.title ?? "", ...others.filter((each) => each.value).map((each) => each.selectedOptions[0].text)];
    choice.replaceChildren("After ");
    titles.forEach((title, index) => choice.append(index === 0 ? "" : index < titles.length - 1 ? ", " : " and ", cite(title)));
  };
  studio.addEventListener("change", tell, { signal });
  studio.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction") || chosenCard(studio) || others.some((each) => each.value)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    error.textContent = "Choose a painting from the gallery to paint your photo after.";
    error.hidden = false;
    /** @type {HTMLInputElement | null} */ (studio.querySelector(".card:not([hidden]) .card__radio"))?.focus({ preventScroll: true });
    error.scrollIntoView({ block: "center" });
  }, { signal });
  window.addEventListener("pageshow", tell, { signal });
  tell();
}
