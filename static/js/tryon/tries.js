/** A photo's tries on the server: asked for, looked for as they come, and stopped when nobody looks any more. */
import { poll } from "../lib/poll.js";
import { at } from "../lib/root.js";

/**
 * @typedef {{style: string, strength: number, brush: number, picture: string}} Try
 * @typedef {{status: string, left: number, suits: string[], tries: Try[]}} Answer
 * @typedef {{styles: string[], strengths?: number[], brushes?: number[]}} Wish
 */

/** So many seconds without news, and what was asked for is asked for again: it may have been lost. */
const PATIENCE_S = 20;

/** What a try is called on this page. @param {string} style @param {number} strength @param {number} brush */
const nameOf = (style, strength = 1, brush = 1) => `${style} ${strength} ${brush}`;

/** Tells "news" when there are new pictures, and "suits" when it is known which paintings suit the photo. */
export class Tries extends EventTarget {
  /** Ids of paintings, the likeliest first. @type {string[]} */
  suits = [];
  #address = "";
  /** Addresses by names. @type {Map<string, string>} */
  #pictures = new Map();
  #asked = new AbortController();
  #isAsking = false;
  #newest = 0;

  /** From now on it is about this photo; about none, if the id is empty. @param {string} photoId */
  of(photoId) {
    this.stop();
    this.#pictures.clear();
    this.suits = [];
    this.#address = photoId && at(`/api/v1/photos/${photoId}/tries`);
  }

  /** Address of a picture; undefined while there is none. @param {string} style @param {number} [strength] @param {number} [brush] */
  picture(style, strength, brush) {
    return this.#pictures.get(nameOf(style, strength, brush));
  }

  /**
   * Asks for what is wished, and no more for what was before. Resolves once all has come, or nothing more will.
   * @param {Wish} wish
   */
  async ask(wish) {
    this.#asked.abort();
    const { signal } = (this.#asked = new AbortController());
    this.#isAsking = true;
    for (let times = 0; times < 3 && !this.#hasAll(wish) && !signal.aborted; times++) {
      if (!(await this.#start(wish, signal))) break;
      await this.#watch(signal);
    }
    if (!signal.aborted) this.#isAsking = false;
  }

  /** Nobody looks any more. */
  stop() {
    this.#asked.abort();
    if (this.#isAsking) void fetch(this.#address, { method: "DELETE", keepalive: true }).catch(() => null);
    this.#isAsking = false;
  }

  /** @param {Wish} wish */
  #hasAll({ styles, strengths = [1], brushes = [1] }) {
    return styles.every((style) => strengths.every((strength) => brushes.every((brush) => this.picture(style, strength, brush))));
  }

  /** Whether it was accepted. @param {Wish} wish @param {AbortSignal} signal */
  async #start(wish, signal) {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(this.#address, { method: "POST", headers, body: JSON.stringify(wish), signal }).catch(() => null);
    if (!response?.ok) return false;
    const answer = await response.json().catch(() => null);
    if (answer && !signal.aborted) this.#learn(answer);
    return !signal.aborted;
  }

  /** @param {AbortSignal} signal */
  async #watch(signal) {
    this.#newest = performance.now();
    const lost = new AbortController();
    const onAnswer = (/** @type {Answer} */ answer) => this.#learn(answer);
    const check = setInterval(() => performance.now() - this.#newest > PATIENCE_S * 1000 && lost.abort(), 1000);
    await poll(this.#address, { onAnswer, onConnection: () => {}, onGone: () => {}, signal: AbortSignal.any([signal, lost.signal]) });
    clearInterval(check);
  }

  /** @param {Answer} answer */
  #learn({ suits, tries }) {
    const before = this.#pictures.size;
    for (const { style, strength, brush, picture } of tries) this.#pictures.set(nameOf(style, strength, brush), picture);
    if (this.#pictures.size > before) {
      this.#newest = performance.now();
      this.dispatchEvent(new Event("news"));
    }
    if (this.suits.length > 0 || suits.length === 0) return;
    this.suits = suits;
    this.dispatchEvent(new Event("suits"));
  }
}
