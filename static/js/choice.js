/** Says beside the button which painting is chosen, and beside the gallery when none is. */

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectChoice(studio, signal) {
  const choice = /** @type {HTMLElement} */ (document.getElementById("choice"));
  const error = /** @type {HTMLElement} */ (document.getElementById("style-error"));
  const second = /** @type {HTMLSelectElement} */ (document.getElementById("second"));
  const cite = (/** @type {string} */ title) => Object.assign(document.createElement("cite"), { textContent: title });

  const tell = () => {
    const chosen = /** @type {HTMLInputElement | null} */ (studio.querySelector("[name=style]:checked"));
    choice.hidden = !chosen;
    if (!chosen) return;
    error.hidden = true;
    choice.replaceChildren("After ", cite(chosen.dataset.title ?? ""));
    if (second.value && second.value !== chosen.value) choice.append(" and ", cite(second.selectedOptions[0].text));
  };
  studio.addEventListener("change", tell, { signal });
  studio.addEventListener("submit", (event) => {
    if (studio.querySelector("[name=style]:checked")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    error.textContent = "Choose a painting from the gallery to paint your photo after.";
    error.hidden = false;
    /** @type {HTMLInputElement | null} */ (studio.querySelector(".card:not([hidden]) [name=style]"))?.focus({ preventScroll: true });
    error.scrollIntoView({ block: "center" });
  }, { signal });
  window.addEventListener("pageshow", tell, { signal });
  tell();
}
