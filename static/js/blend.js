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
  const bar = byId("blend-bar", HTMLElement);
  const unnamed = _("The painting you choose");

  /** Where each is painted: those of one place share it. @param {HTMLElement} part @param {number} index */
  const placeOf = (part, index) => {
    if (part.dataset.has === "marks") return `row ${index}`;
    return all(part, "input[type=hidden]", HTMLInputElement).map((each) => each.value).join(" ");
  };

  const groups = () => {
    /** Rows with a painting, by place. @type {Map<string, typeof rows>} */
    const places = new Map();
    rows.forEach((each, index) => {
      if (each.select?.value === "") return;
      const place = placeOf(each.part, index);
      places.set(place, [...(places.get(place) ?? []), each]);
    });
    return [...places.values()];
  };
  const valueOf = (/** @type {typeof rows[number]} */ row) => Number(row.slider.value);

  /** What is left of a place, divided as it was before. @param {typeof rows} among @param {number} rest */
  const divide = (among, rest) => {
    const whole = among.reduce((sum, row) => sum + valueOf(row), 0);
    for (const row of among) row.slider.value = String(whole > 0 ? (valueOf(row) * rest) / whole : rest / among.length);
  };

  /** @type {Set<typeof rows[number]>} */
  let before = new Set(groups().flat());
  /** Sliders stand where their shares are: all of one place make a whole. @param {EventTarget | null} moved */
  const settle = (moved) => {
    for (const here of groups()) {
      const held = here.filter((row) => row.slider === moved);
      const come = held.length ? held : here.filter((row) => !before.has(row));
      const others = here.filter((row) => !come.includes(row));
      if (others.length === 0) divide(here, 1);
      else {
        if (!held.length) for (const row of come) row.slider.value = String(1 / here.length);
        divide(others, 1 - come.reduce((sum, row) => sum + valueOf(row), 0));
      }
    }
    before = new Set(groups().flat());
  };

  const tell = (/** @type {Event | undefined} */ event) => {
    settle(event?.type === "input" ? event.target : null);
    chosenTitle.textContent = chosenCard(studio)?.dataset.title ?? unnamed;
    const places = groups();
    rows.forEach(({ row, slider, share }, index) => {
      const here = places.find((place) => place.some((each) => each.row === row)) ?? [];
      share.value = slider.ariaValueText = `${Math.round(100 * Number(slider.value))} %`;
      row.classList.toggle("is-alone", places.length > 1 && here.length === 1);
      const part = /** @type {HTMLElement} */ (bar.children[index]);
      part.style.setProperty("--share", here.length ? slider.value : "0");
    });
    bar.hidden = places.length !== 1 || places[0].length < 2;
  };
  for (const event of ["input", "change", "marks"]) studio.addEventListener(event, tell, { signal });
  window.addEventListener("pageshow", () => tell(undefined), { signal });
  tell(undefined);
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
