/** Sends the photos of a series, two at a time. */
import { UploadError, upload, whyFailed } from "../lib/upload.js";

const AT_ONCE = 2;

/** @typedef {import("../lib/upload.js").Photo} Photo */
/**
 * Told of each print; `onEnd` after either of the two before it.
 * @typedef {{onProgress(print: HTMLElement, share: number): void, onSent(print: HTMLElement, photo: Photo): void,
 *   onRefused(print: HTMLElement, name: string, sentence: string): void, onEnd(): void}} Listener
 */

export class Queue {
  #listener;
  /** Prints that wait to be sent, or are on their way. @type {Set<HTMLElement>} */
  #unsent = new Set();
  /** @type {{print: HTMLElement, file: File}[]} */
  #queue = [];
  /** @type {Map<HTMLElement, AbortController>} */
  #sending = new Map();
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  /** How many prints wait to be sent, or are on their way. */
  get size() { return this.#unsent.size; }

  /** Resolves once all are sent or refused. @returns {Promise<void>} */
  get sent() {
    return new Promise((resolve) => (this.size === 0 ? resolve() : this.#waiting.push(resolve)));
  }

  /** @param {HTMLElement} print @param {File} file */
  add(print, file) {
    this.#unsent.add(print);
    this.#queue.push({ print, file });
  }

  /** @param {HTMLElement} print */
  drop(print) {
    this.#sending.get(print)?.abort();
    this.#settle(print);
  }

  /** Begins to send what waits, as far as there is room. */
  next() {
    while (this.#sending.size < AT_ONCE) {
      const waiting = this.#queue.shift();
      if (!waiting) return;
      if (this.#unsent.has(waiting.print)) void this.#send(waiting.print, waiting.file);
    }
  }

  /** @param {HTMLElement} print @param {File} file */
  async #send(print, file) {
    const { onProgress, onSent, onRefused, onEnd } = this.#listener;
    const mine = new AbortController();
    this.#sending.set(print, mine);
    try {
      const photo = await patient(() => upload(file, mine.signal, (share) => onProgress(print, share)), mine.signal);
      this.#settle(print);
      onSent(print, photo);
    } catch (reason) {
      this.#settle(print);
      if (!mine.signal.aborted) onRefused(print, file.name, whyFailed(reason));
    }
    this.#sending.delete(print);
    onEnd();
    this.next();
  }

  /** @param {HTMLElement} print */
  #settle(print) {
    this.#unsent.delete(print);
    if (this.size > 0) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }
}

/**
 * Does it again after a pause while the answer is that too much was asked for at once: fifty photos may be.
 * @template Result
 * @param {() => Promise<Result>} send
 * @param {AbortSignal} signal
 * @returns {Promise<Result>}
 */
async function patient(send, signal) {
  for (;;) {
    try {
      return await send();
    } catch (reason) {
      if (!(reason instanceof UploadError) || reason.wait === 0) throw reason;
      await new Promise((resolve) => setTimeout(resolve, reason.wait * 1000));
      if (signal.aborted) throw reason;
    }
  }
}
