/** All cards, one after the other: those in view first, and the likeliest of them and of the others before the rest. */

/** @typedef {import("./tries.js").Tries} Tries */
/** @typedef {import("./cards.js").Cards} Cards */

/** So long a hand has to rest before the order is changed, and so much is between two changes, in milliseconds. */
const REST_MS = 600;
const BETWEEN_MS = 5000;

export class Round {
  #cards;
  #tries;
  #rests = 0;
  #asked = 0;

  /** @param {Cards} cards @param {Tries} tries */
  constructor(cards, tries) {
    this.#cards = cards;
    this.#tries = tries;
  }

  /** Has those painted that are not yet. How many there are when all are; 0 when something came between, or is missing. */
  async paint() {
    const styles = this.#missing();
    if (styles.length === 0) return 0;
    const isSorted = this.#tries.suits.length > 0;
    const sort = new AbortController();
    this.#asked = performance.now();
    if (!isSorted) this.#tries.addEventListener("suits", () => void again(), { once: true, signal: sort.signal });
    /** The order is known by now. @type {Promise<number> | null} */
    let sorted = null;
    const again = () => (sorted = this.paint());
    await this.#tries.ask({ styles });
    sort.abort();
    return sorted ?? (this.#missing().length === 0 ? this.#cards.radios.length : 0);
  }

  /** What has come into view goes before the others. @param {() => void} paint */
  follow(paint) {
    clearTimeout(this.#rests);
    this.#rests = setTimeout(() => {
      const waits = this.#cards.inView.some((style) => !this.#tries.picture(style));
      const isDue = this.#asked > 0 && performance.now() - this.#asked > BETWEEN_MS;
      if (waits && isDue) paint();
    }, REST_MS);
  }

  #missing() {
    const { suits } = this.#tries;
    const place = (/** @type {string} */ style) => (suits.includes(style) ? suits.indexOf(style) : suits.length);
    const styles = this.#cards.radios.map(({ value }) => value).sort((one, other) => place(one) - place(other));
    const seen = new Set(this.#cards.inView);
    return [...styles.filter((style) => seen.has(style)), ...styles.filter((style) => !seen.has(style))]
      .filter((style) => !this.#tries.picture(style));
  }
}
