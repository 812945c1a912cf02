/** The gallery's cards: paintings, or the photo after each of them, with the painting in a corner. */
import { all } from "../lib/elements.js";
import { _ } from "../lib/words.js";

/** @typedef {import("./tries.js").Tries} Tries */

/** What a card is of; not the one for a painting that is yet to come. */
const STYLE = /^[a-z0-9_]+$/;

export class Cards {
  #gallery;
  #tries;

  /** @param {HTMLElement} gallery @param {Tries} tries */
  constructor(gallery, tries) {
    this.#gallery = gallery;
    this.#tries = tries;
    tries.addEventListener("news", () => this.#paint());
  }

  /** The radio of each card, in the order of the page. */
  get radios() {
    return all(this.#gallery, ".card__radio", HTMLInputElement).filter(({ value }) => STYLE.test(value));
  }

  /** Ids of those that the window shows, or nearly. */
  get inView() {
    return this.radios.filter((radio) => {
      const { top = 0, bottom = 0, height = 0 } = radio.closest(".card")?.getBoundingClientRect() ?? {};
      return height > 0 && bottom > 0 && top < innerHeight;
    }).map(({ value }) => value);
  }

  /** Whether they show the photo. @param {boolean} shown */
  showPhoto(shown) {
    this.#gallery.classList.toggle("shows-photo", shown);
  }

  /** They are paintings again: the photo is another one, or gone. */
  clear() {
    for (const picture of all(this.#gallery, ".card__tried", HTMLImageElement)) picture.remove();
    for (const card of all(this.#gallery, ".is-tried", HTMLElement)) card.classList.remove("is-tried");
  }

  #paint() {
    for (const radio of this.radios) {
      const address = this.#tries.picture(radio.value);
      const card = radio.closest(".card");
      if (address && card && !card.querySelector(".card__tried")) hang(card, address, radio.dataset.title ?? "");
    }
  }
}

/** @param {Element} card @param {string} address @param {string} title */
function hang(card, address, title) {
  const picture = Object.assign(new Image(), { className: "card__tried", alt: _("Your photo after {title}", { title }), loading: "lazy", decoding: "async" });
  picture.addEventListener("load", () => card.classList.add("is-tried"));
  picture.addEventListener("error", () => picture.remove());
  picture.src = address;
  card.querySelector(".card__picture")?.append(picture);
}
