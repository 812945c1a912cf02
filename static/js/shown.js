/** What the empty frame shows: one painting after another as the divider sweeps, and "Paint mine like this", which chooses its card. */
import { chosenCard } from "./gallery.js";
import { all, byId, first } from "./lib/elements.js";
import { _ } from "./lib/words.js";

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectShown(studio, signal) {
  const shown = document.getElementById("shown-all");
  if (!shown) return; // there is a photo
  const status = byId("status", HTMLElement);
  const each = all(shown, ".shown__one", HTMLElement);
  const pickOf = (/** @type {HTMLElement} */ one) => first(one, "input", HTMLInputElement);
  const links = all(shown, "[data-style]", HTMLAnchorElement);
  const tell = () => {
    const chosen = chosenCard(studio)?.value;
    for (const link of links) link.ariaCurrent = link.dataset.style === chosen ? "true" : null;
  };

  // The divider is at the painting's end and at the photo's in turn: the next picture is fetched at one, and shown at the other.
  let isAtPainting = false;
  shown.addEventListener("animationiteration", () => {
    isAtPainting = !isAtPainting;
    const next = each[(each.findIndex((one) => pickOf(one).checked) + 1) % each.length];
    const pictures = all(next, "img", HTMLImageElement);
    if (isAtPainting) for (const picture of pictures) picture.loading = "eager";
    else if (pictures.every((picture) => picture.complete && picture.naturalWidth)) pickOf(next).checked = true;
  }, { signal });
  shown.addEventListener("click", (event) => {
    const link = event.target instanceof Element && /** @type {HTMLElement | null} */ (event.target.closest("[data-style]"));
    const card = link && studio.querySelector(`.card__radio[value="${link.dataset.style}"]`);
    if (!(card instanceof HTMLInputElement)) return;
    event.preventDefault();
    card.checked = true;
    card.dispatchEvent(new Event("change", { bubbles: true }));
    status.textContent = _("{title} is chosen. Now choose your photo.", { title: card.dataset.title ?? "" });
  }, { signal });
  studio.addEventListener("change", tell, { signal });
  tell();
}
