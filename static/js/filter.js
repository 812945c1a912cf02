/** Filters the cards as one types; the same fields, sent as a form, do it without a script. */

import { all, byId, first } from "./lib/elements.js";

/** Letters without accents, lower case, so that "hebuterne" finds "Hébuterne". @param {string} text */
export const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** @param {AbortSignal} signal */
export function connectFilter(signal) {
  const text = byId("filter-text", HTMLInputElement);
  const movement = byId("filter-movement", HTMLSelectElement);
  const count = byId("filter-count", HTMLElement);
  const none = byId("gallery-none", HTMLElement);
  const cards = all(document, ".card[data-words]", HTMLElement);
  const own = first(document, "[data-own]", HTMLElement);

  const apply = () => {
    const words = plain(text.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const fits = (!movement.value || card.dataset.movement === movement.value) && words.every((word) => card.dataset.words?.includes(word));
      card.hidden = !fits;
      shown += Number(fits);
    }
    own.hidden = words.length > 0 || movement.value !== "";
    none.hidden = shown > 0;
    count.textContent = `${shown} painting${shown === 1 ? "" : "s"}`;
  };
  text.addEventListener("input", apply, { signal });
  movement.addEventListener("change", apply, { signal });
  // Enter filters, which has happened already; it must not leave the page and the photo on it.
  document.getElementById("filter")?.addEventListener("submit", (event) => event.preventDefault(), { signal });
  none.querySelector("a")?.addEventListener("click", (event) => {
    if (cards.length === 0) return;
    event.preventDefault();
    text.value = movement.value = "";
    apply();
    text.focus();
  }, { signal });
  if (text.value || movement.value) apply();
}
