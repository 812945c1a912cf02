/** Keeps the shares of a blend true while its sliders move, and names the painting that is chosen in the gallery. */
import { chosenCard } from "./choice.js";
import { all, byId, first } from "./lib/elements.js";

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
  const unnamed = "The painting you choose";

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
