/** Above the cards: the way from photo to paintings and back, and a painting for those who cannot choose. */

import { _, many } from "../lib/words.js";

/** @typedef {import("./tries.js").Tries} Tries */
/** @typedef {import("./cards.js").Cards} Cards */

/** Among so many that suit the photo best, one is drawn. */
const DRAWN_FROM = 12;

export class Bar {
  /** Whether the cards are to show the photo. */
  showsPhoto = false;
  /** Called when that was changed by hand. @type {() => void} */
  onShow = () => {};
  #cards;
  #tries;
  #bar = document.createElement("div");
  #toggle = button(() => this.#show(!this.showsPhoto));
  #surprise = button(() => this.#draw());
  #status = document.createElement("p");
  /** Ids that were drawn for this photo. @type {Set<string>} */
  #drawn = new Set();

  /** @param {HTMLElement} gallery @param {Cards} cards @param {Tries} tries */
  constructor(gallery, cards, tries) {
    this.#cards = cards;
    this.#tries = tries;
    this.#bar.className = "tryon";
    this.#bar.hidden = true;
    this.#status.classList.add("tryon__status", "hint");
    this.#status.setAttribute("role", "status");
    this.#surprise.textContent = _("Surprise me");
    this.#bar.append(this.#toggle, this.#surprise, this.#status);
    gallery.querySelector(".gallery__head")?.after(this.#bar);
    tries.addEventListener("news", () => this.#label());
  }

  /** There is another photo, or none. @param {boolean} hasPhoto @param {boolean} showsPhoto whether the cards are to show it unasked */
  settle(hasPhoto, showsPhoto) {
    this.#bar.hidden = !hasPhoto;
    this.#status.textContent = "";
    this.#drawn.clear();
    this.showsPhoto = hasPhoto && showsPhoto;
    this.#cards.showPhoto(this.showsPhoto);
    this.#label();
  }

  /** All of them are there. @param {number} count */
  tell(count) {
    this.#status.textContent = many("Your photo after {count} painting is ready.", "Your photo after {count} paintings is ready.", count);
  }

  /** @param {boolean} shown */
  #show(shown) {
    this.showsPhoto = shown;
    this.#cards.showPhoto(shown);
    this.#label();
    this.onShow();
  }

  #label() {
    this.#toggle.textContent = this.showsPhoto ? _("Show the paintings") : _("Show my photo");
  }

  /** Chooses a painting that suits the photo, another each time. */
  #draw() {
    const radios = this.#cards.radios.filter((radio) => radio.closest(".card:not([hidden])"));
    const ids = new Set(radios.map(({ value }) => value));
    const order = [...this.#tries.suits.filter((style) => ids.has(style)), ...ids];
    if (order.every((style) => this.#drawn.has(style))) this.#drawn.clear();
    const left = [...new Set(order)].filter((style) => !this.#drawn.has(style)).slice(0, DRAWN_FROM);
    const unlike = left.filter((style) => radios.some(({ value, checked }) => value === style && !checked));
    const style = unlike[Math.floor(Math.random() * unlike.length)];
    const radio = radios.find(({ value }) => value === style);
    if (!radio) return;
    this.#drawn.add(radio.value);
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
    radio.closest(".card")?.scrollIntoView({ block: "nearest" });
    this.#status.textContent = _("{title} is chosen.", { title: radio.dataset.title ?? "" });
  }
}

/** @param {() => void} onPress */
function button(onPress) {
  const made = Object.assign(document.createElement("button"), { type: "button" });
  made.classList.add("button", "button--quiet");
  made.addEventListener("click", onPress);
  return made;
}
