/** Paintings of one's own: sent as soon as they are chosen, and hung beside the others as the chosen one. */
import { whyNot } from "./lib/answers.js";
import { all, byId, copyOf, first } from "./lib/elements.js";
import { call, nameOf, titleOf } from "./lib/names.js";
import { at } from "./lib/root.js";
import { upload, whyFailed } from "./lib/upload.js";
import { _ } from "./lib/words.js";

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectOwn(studio, signal) {
  const [error, status] = ["own-painting-error", "status"].map((id) => byId(id, HTMLElement));
  const input = byId("own-painting", HTMLInputElement);
  const cards = new Cards(studio, signal);

  /** An empty sentence: nothing is wrong. @param {string} sentence */
  const refuse = (sentence) => {
    error.textContent = sentence;
    error.hidden = sentence === "";
    input.toggleAttribute("aria-invalid", sentence !== "");
  };
  /** @param {File} file */
  const send = async (file) => {
    const empty = first(studio, "[data-own]", HTMLElement);
    refuse("");
    empty.classList.add("is-busy");
    status.textContent = _("Sending your painting…");
    try {
      const { id } = await upload(file, signal, undefined, "painting");
      status.textContent = _("{title} is chosen.", { title: cards.hang(id, file) });
    } catch (reason) {
      if (!signal.aborted) refuse(whyFailed(reason));
    }
    input.value = "";
    empty.classList.remove("is-busy");
  };

  connectRemoval(studio, { input, status, cards, refuse }, signal);
  connectSending(studio, { input, error, send }, signal);
}

/**
 * @param {HTMLFormElement} studio
 * @param {{input: HTMLElement, status: HTMLElement, cards: Cards, refuse: (sentence: string) => void}} parts
 * @param {AbortSignal} signal
 */
function connectRemoval(studio, { input, status, cards, refuse }, signal) {
  studio.addEventListener("click", async (event) => {
    const button = event.target instanceof Element && event.target.closest(".card__remove");
    const card = button && /** @type {HTMLElement | null} */ (button.closest("[data-mine]"));
    if (!card) return;
    event.preventDefault();
    const response = await fetch(at(`/api/v1/paintings/${card.dataset.mine}`), { method: "DELETE", signal }).catch(() => null);
    if (!response?.ok && response?.status !== 404) {
      return refuse(`${whyNot(response?.status) || _("It could not be removed just now.")} ${_("Try again in a moment.")}`);
    }
    cards.remove(card);
    status.textContent = _("Your painting is removed.");
    input.focus({ preventScroll: true });
  }, { signal });
}

/**
 * Sends each painting that is chosen; the form waits for it.
 * @param {HTMLFormElement} studio
 * @param {{input: HTMLInputElement, error: HTMLElement, send: (file: File) => Promise<void>}} parts
 * @param {AbortSignal} signal
 */
function connectSending(studio, { input, error, send }, signal) {
  const paint = byId("paint", HTMLButtonElement);
  /** The upload under way. @type {Promise<void> | null} */
  let uploading = null;

  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (!file) return;
    uploading = send(file).finally(() => {
      uploading = null;
    });
  }, { signal });
  studio.addEventListener("submit", async (event) => {
    if (!uploading || event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    paint.disabled = true;
    await uploading;
    paint.disabled = false;
    if (error.hidden) studio.requestSubmit(paint);
  }, { signal });
}

/** The cards of these paintings, and their titles among those of the blend. */
class Cards {
  #studio;
  #signal;
  #selects;
  #made;

  /**
   * @param {HTMLFormElement} studio receives "change" with every card that comes or goes
   * @param {AbortSignal} signal
   */
  constructor(studio, signal) {
    this.#studio = studio;
    this.#signal = signal;
    this.#selects = all(studio, "select[name=style]", HTMLSelectElement);
    const mine = all(studio, "[data-mine]", HTMLElement);
    this.#made = mine.length;
    for (const card of mine) this.#rename(card, nameOf(card.dataset.mine ?? ""));
  }

  /** Hangs a painting as the chosen one; its title. @param {string} id @param {File} file */
  hang(id, file) {
    this.#made++;
    const title = titleOf(file.name) || _("Your painting {number}", { number: this.#made });
    call(id, title);
    const card = newCard(id, title);
    this.#show(file, first(card, "img", HTMLImageElement));
    first(this.#studio, "[data-own]", HTMLElement).before(card);
    for (const select of this.#selects) select.add(new Option(title, id));
    const radio = first(card, "input", HTMLInputElement);
    radio.checked = true;
    radio.focus({ preventScroll: true });
    this.#studio.dispatchEvent(new Event("change"));
    return title;
  }

  /** @param {HTMLElement} card */
  remove(card) {
    for (const select of this.#selects) select.querySelector(`[value="${card.dataset.mine}"]`)?.remove();
    card.remove();
    this.#studio.dispatchEvent(new Event("change"));
  }

  /** @param {HTMLElement} card @param {string} title */
  #rename(card, title) {
    if (!title) return;
    setTitle(card, first(card, "input", HTMLInputElement).dataset.title ?? "", title);
    for (const select of this.#selects) {
      const option = /** @type {HTMLOptionElement | null} */ (select.querySelector(`[value="${card.dataset.mine}"]`));
      if (option) option.text = title;
    }
  }

  /** @param {File} file @param {HTMLImageElement} picture */
  #show(file, picture) {
    picture.src = URL.createObjectURL(file);
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src), { once: true, signal: this.#signal });
  }
}

/** @param {string} id @param {string} title */
function newCard(id, title) {
  const card = copyOf("mine");
  const remove = first(card, ".card__remove", HTMLButtonElement);
  card.dataset.mine = first(card, "input", HTMLInputElement).value = remove.value = id;
  setTitle(card, "{title}", title);
  return card;
}

/** @param {HTMLElement} card @param {string} before what stands for the title @param {string} title */
function setTitle(card, before, title) {
  const remove = first(card, ".card__remove", HTMLButtonElement);
  const named = (/** @type {string | null} */ words) => (words ?? "").replace(before, title);
  first(card, "input", HTMLInputElement).dataset.title = title;
  remove.ariaLabel = named(remove.ariaLabel);
  for (const each of [first(card, "cite", HTMLElement), first(card, "[data-add] .unseen", HTMLElement)]) each.textContent = named(each.textContent);
}
