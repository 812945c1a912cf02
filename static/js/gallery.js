/** The gallery: its cards filtered as one types (the same fields, sent as a form, do it without a script), and which paintings are chosen. */

import { all, byId, first } from "./lib/elements.js";
import { holds, wanted } from "./lib/search.js";
import { _, manner, many } from "./lib/words.js";

/** @param {AbortSignal} signal */
export function connectFilter(signal) {
  const text = byId("filter-text", HTMLInputElement);
  const moods = all(document, "[name=mood]", HTMLInputElement);
  const count = byId("filter-count", HTMLElement);
  const none = byId("gallery-none", HTMLElement);
  const cards = all(document, ".card[data-words]", HTMLElement);
  const labels = cards.map((card) => card.dataset.words ?? "");
  const own = first(document, "[data-own]", HTMLElement);

  const apply = () => {
    const mood = moods.find((each) => each.checked)?.value ?? "";
    const { words, isMended } = wanted(text.value, labels);
    let shown = 0;
    for (const card of cards) {
      const fits = (!mood || card.dataset.moods?.split(" ").includes(mood)) && holds(card.dataset.words ?? "", words);
      card.hidden = !fits;
      shown += Number(fits);
    }
    own.hidden = words.length > 0 || mood !== "";
    none.hidden = shown > 0;
    const instead = isMended && shown > 0 ? _("Nothing is called “{typed}”. These are for “{meant}”.", { typed: text.value.trim(), meant: words.join(" ") }) : "";
    count.textContent = `${instead} ${many("{count} painting", "{count} paintings", shown)}`.trim();
  };
  const search = (/** @type {string} */ words) => {
    text.value = words;
    for (const each of moods) each.checked = each.value === "";
    apply();
    text.focus();
  };
  text.addEventListener("input", apply, { signal });
  for (const each of moods) each.addEventListener("change", apply, { signal });
  // Enter filters, which has happened already; it must not leave the page and the photo on it.
  document.getElementById("filter")?.addEventListener("submit", (event) => event.preventDefault(), { signal });
  none.addEventListener("click", (event) => {
    const link = event.target instanceof Element && /** @type {HTMLElement | null} */ (event.target.closest("a"));
    if (!link || cards.length === 0) return;
    event.preventDefault();
    search(link.dataset.search ?? "");
  }, { signal });
  if (text.value || moods.some((each) => each.checked && each.value)) apply();
}

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
  const list = new Intl.ListFormat(manner);
  const cite = (/** @type {string} */ title) => Object.assign(document.createElement("cite"), { textContent: title });

  const tell = () => {
    const chosen = chosenCard(studio);
    choice.hidden = !chosen;
    if (!chosen) return;
    error.hidden = true;
    const titles = [chosen.dataset.title ?? "", ...others.filter((each) => each.value).map((each) => each.selectedOptions[0].text)];
    const [before, behind] = _("After {paintings}", { paintings: "\0" }).split("\0");
    const named = list.formatToParts(titles).map(({ type, value }) => (type === "element" ? cite(value) : value));
    choice.replaceChildren(before, ...named, behind);
  };
  studio.addEventListener("change", tell, { signal });
  studio.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction") || chosenCard(studio) || others.some((each) => each.value)) return;
    event.preventDefault();
    error.textContent = _("Choose a painting from the gallery to paint your photo after.");
    error.hidden = false;
    /** @type {HTMLInputElement | null} */ (studio.querySelector(".card:not([hidden]) .card__radio"))?.focus({ preventScroll: true });
    error.scrollIntoView({ block: "center" });
  }, { signal });
  window.addEventListener("pageshow", tell, { signal });
  tell();
}
