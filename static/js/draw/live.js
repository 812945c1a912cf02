/**
 * The drawing as a painting while it is drawn: each time the hand rests, a draft is asked for, and what was asked for before is
 * stopped. Nothing of that is kept when the page is left.
 */
import { develop } from "../lib/canvas.js";
import { byId } from "../lib/elements.js";
import { poll } from "../lib/poll.js";
import { RefusedError } from "./send.js";
import { _ } from "../lib/words.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./drafts.js").Drafts} Drafts */

const REST_MS = 1000;

export class Live {
  #desk;
  #drafts;
  #print;
  #signal;
  #switch = byId("live-switch", HTMLInputElement);
  #hint = byId("live-hint", HTMLElement);
  #status = byId("live-status", HTMLElement);
  #frame = byId("live-frame", HTMLElement);
  #timer = 0;
  #asked = new AbortController();
  /** Address of the newest preview. */
  #newest = "";

  /**
   * @param {Desk} desk
   * @param {Drafts} drafts
   * @param {() => File} print the drawing as it is
   * @param {AbortSignal} signal
   */
  constructor(desk, drafts, print, signal) {
    this.#desk = desk;
    this.#drafts = drafts;
    this.#print = print;
    this.#signal = signal;
    // Who saves data, or pays for it, asks for each picture.
    const connection = /** @type {{saveData?: boolean} | undefined} */ (Reflect.get(navigator, "connection"));
    if (connection?.saveData) this.#switch.checked = false;
    this.#switch.addEventListener("change", () => this.#onSwitch(), { signal });
    window.addEventListener("pagehide", () => this.#leave(), { signal });
  }

  /** From now on each deed is painted: what is there when the page opens is nobody's yet. */
  begin() {
    this.#desk.addEventListener("stroke", () => this.#onStroke(), { signal: this.#signal });
    this.#desk.addEventListener("drawing", () => this.#wait(REST_MS), { signal: this.#signal });
    for (const name of ["variety", "fidelity"]) {
      byId(name, HTMLSelectElement).addEventListener("change", () => this.#wait(0), { signal: this.#signal });
    }
  }

  /** Another photo, or none, is painted with the parts. */
  forget() {
    this.#leave();
    if (this.#desk.isReady) this.#wait(REST_MS);
  }

  /** Stops what is being painted. */
  stop() {
    clearTimeout(this.#timer);
    this.#asked.abort();
    this.#frame.classList.remove("is-painting");
  }

  #onSwitch() {
    if (this.#switch.checked) this.#wait(0);
    else this.stop();
    this.#status.textContent = this.#switch.checked ? "" : _("Off. Your drawing becomes a painting when you paint it large.");
  }

  /** What is sent once for many drafts is sent while the hand draws. */
  #onStroke() {
    this.stop();
    if (this.#switch.checked) void this.#drafts.prepare(this.#desk.drawing.labels).catch(() => null);
  }

  /** @param {number} pause in milliseconds */
  #wait(pause) {
    this.stop();
    if (this.#switch.checked) this.#timer = setTimeout(() => void this.#paint(), pause);
  }

  async #paint() {
    const asked = (this.#asked = new AbortController());
    this.#frame.classList.add("is-painting");
    try {
      const address = await this.#drafts.start(this.#desk, this.#print(), asked.signal);
      if (address) await this.#watch(address, asked.signal);
    } catch (error) {
      if (!asked.signal.aborted) this.#onRefusal(error);
    }
    if (this.#asked === asked) this.#frame.classList.remove("is-painting");
  }

  /** @param {unknown} error */
  #onRefusal(error) {
    this.#status.textContent = error instanceof Error ? error.message : String(error);
    if (!(error instanceof RefusedError)) return;
    if (error.isGone) this.#drafts.drop();
    if (error.wait > 0) this.#wait(error.wait * 1000);
  }

  /** @param {string} address @param {AbortSignal} signal aborted when something else is drawn */
  async #watch(address, signal) {
    await poll(address, {
      onAnswer: (/** @type {import("../lib/poll.js").Job} */ { status, doing, preview }) => {
        this.#status.textContent = ["queued", "failed"].includes(status) ? doing : "";
        if (preview > 0) void this.#show(`${address}/preview?v=${preview}`, signal);
      },
      onConnection: (trouble) => void (this.#status.textContent = trouble),
      onGone: () => {},
      signal,
    });
  }

  /** @param {string} address @param {AbortSignal} signal */
  async #show(address, signal) {
    this.#newest = address;
    await develop(byId("live-picture", HTMLImageElement), address, () => !signal.aborted && address === this.#newest);
    this.#hint.hidden = !byId("live-picture", HTMLImageElement).hidden;
  }

  #leave() {
    this.stop();
    this.#drafts.drop();
  }
}
