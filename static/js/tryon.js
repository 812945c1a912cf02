/**
 * Trying on: as soon as there is a photo, the cards turn into it, painted in small after each of the paintings. Loaded with the
 * first photo. What fails, fails in silence: the cards stay paintings.
 */
import { all, byId, first } from "./lib/elements.js";
import { Bar } from "./tryon/bar.js";
import { Cards } from "./tryon/cards.js";
import { Proofs } from "./tryon/proofs.js";
import { Round } from "./tryon/round.js";
import { isSaving } from "./tryon/saving.js";
import { Tries } from "./tryon/tries.js";

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectTryOn(studio, signal) {
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: studio.dataset.tries ?? "" }));
  const photoId = byId("photo-id", HTMLInputElement);
  const gallery = byId("gallery", HTMLElement);
  const tries = new Tries();
  const cards = new Cards(gallery, tries);
  const bar = new Bar(gallery, cards, tries);
  const round = new Round(cards, tries);
  const proofs = new Proofs(studio, tries, () => begin());

  const begin = () => {
    if (!photoId.value || document.hidden || !bar.showsPhoto || proofs.isOpen) return;
    void round.paint().then((count) => count > 0 && bar.tell(count));
  };
  /** Another photo, or none: what was painted of the one before is no longer shown. */
  const onPhoto = async () => {
    tries.of(photoId.value);
    cards.clear();
    bar.settle(photoId.value !== "", !(await isSaving()));
    begin();
  };
  const onVisibility = () => (document.hidden ? tries.stop() : proofs.isOpen || begin());

  bar.onShow = () => (bar.showsPhoto ? begin() : tries.stop());
  studio.addEventListener("photo", () => void onPhoto(), { signal });
  studio.addEventListener("nophoto", () => void onPhoto(), { signal });
  document.addEventListener("visibilitychange", onVisibility, { signal });
  window.addEventListener("pagehide", () => tries.stop(), { signal });
  window.addEventListener("pageshow", (event) => event.persisted && begin(), { signal });
  window.addEventListener("scroll", () => round.follow(begin), { signal, passive: true });
  // Own paintings are hung, and removed, while the page is open.
  new MutationObserver(() => begin()).observe(first(gallery, ".cards", HTMLElement), { childList: true });
  for (const fold of all(studio, "#options", HTMLDetailsElement)) proofs.connect(fold, signal);
  void onPhoto();
}
