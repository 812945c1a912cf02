/** The blend: its shares kept true while sliders move, the chosen painting named in it, and the cards' buttons that add another or take it out. */
import { chosenCard } from "./gallery.js";
import { all, byId, first } from "./lib/elements.js";
import { _ } from "./lib/words.js";

/**
 * @param {HTMLFormElement} studio sends "marks" when a painting has got a part of its own, or lost it
 * @param {AbortSignal} signal
 */
export function connectBlend(studio, signal) {
  const rows = all(studio, "[data-blend]", HTMLElement).map((row) => ({
    row,
    part: first(row, "[data-marks]", HTMLElement),
    select: row.querySelector("select"),
    slider: first(row, "input[type=range]", HTMLInputElement),
    share: first(row, "output", HTMLOutputElement),
  }));
  const chosenTitle = byId("blend-first", HTMLElement);
  const unnamed = _("The painting you choose");

  /** Where each is painted: those of one place share it. @param {HTMLElement} part @param {number} index */
  const placeOf = (part, index) => {
    if (part.dataset.has === "marks") return `row ${index}`;
    return all(part, "input[type=hidden]", HTMLInputElement).map((each) => each.value).join(" ");
  };

  const tell = () => {
    chosenTitle.textContent = chosenCard(studio)?.dataset.title ?? unnamed;
    const chosen = rows.flatMap(({ part, select, slider }, index) =>
      select?.value === "" ? [] : [{ place: placeOf(part, index), weight: Number(slider.value) }]);
    const places = new Set(chosen.map(({ place }) => place));
    rows.forEach(({ row, part, slider, share }, index) => {
      const here = chosen.filter(({ place }) => place === placeOf(part, index));
      const whole = here.reduce((sum, { weight }) => sum + weight, 0) || 1;
      share.value = slider.ariaValueText = `${Math.round((100 * Number(slider.value)) / whole)} %`;
      // Whoever has a place alone shares it with nobody.
      const isAlone = places.size > 1 && here.length === 1;
      row.classList.toggle("is-alone", isAlone);
      if (isAlone && Number(slider.value) === 0) slider.value = "1";
    });
  };
  for (const event of ["input", "change", "marks"]) studio.addEventListener(event, tell, { signal });
  window.addEventListener("pageshow", tell, { signal });
  tell();
}

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
    const { value: id, dataset: { title = "" } } = cardOf(button);
    const row = rowOf(id);
    const free = rowOf("");
    if (row) row.value = "";
    else if (free) free.value = id;
    status.textContent = row ? _("{title} is out of the blend.", { title }) : _("{title} is in the blend.", { title });
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
