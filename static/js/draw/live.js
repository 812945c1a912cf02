/**
 * The drawing as a painting while it is drawn: each time the hand rests, a small draft is asked for, and what was asked for before is
 * stopped. What was sent for that is deleted when the page is left.
 */
import { develop } from "../lib/canvas.js";
import { byId } from "../lib/elements.js";
import { poll } from "../lib/poll.js";
import { at } from "../lib/root.js";
import { RefusedError, send } from "./send.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./send.js").Sheet} Sheet */

const REST_MS = 1000;
const SIZE = 256;
/** Parts of a smaller share are too little to be found in the drawing. */
const LEAST_SHARE = 0.003;
/** A photo has no more masks than twenty. */
const MOST_DRAWINGS = 18;

export class Live {
  #desk;
  #switch = byId("live-switch", HTMLInputElement);
  #hint = byId("live-hint", HTMLElement);
  #status = byId("live-status", HTMLElement);
  #frame = byId("live-frame", HTMLElement);
  #print;
  #photoOf;
  #signal;
  #timer = 0;
  #asked = new AbortController();
  /** What the drawings are masks of, while its shape and its photo stay. @type {Promise<Sheet> | null} */ #sheet = null;
  #shape = "";
  #drawings = 0;

  /**
   * @param {Desk} desk
   * @param {() => File} print the drawing as it is
   * @param {() => Promise<{blob: Blob, isContent: boolean}>} photoOf what the drawing is sent with
   * @param {AbortSignal} signal
   */
  constructor(desk, print, photoOf, signal) {
    this.#desk = desk;
    this.#print = print;
    this.#photoOf = photoOf;
    // Who saves data, or pays for it, asks for each picture.
    const connection = /** @type {{saveData?: boolean} | undefined} */ (Reflect.get(navigator, "connection"));
    if (connection?.saveData) this.#switch.checked = false;
    this.#switch.addEventListener("change", () => this.#onSwitch(), { signal });
    this.#signal = signal;
    window.addEventListener("pagehide", () => this.#leave(), { signal });
  }

  /** From now on each deed is painted: what is there when the page opens is nobody's yet. */
  begin() {
    this.#desk.addEventListener("stroke", () => this.#onStroke(), { signal: this.#signal });
    this.#desk.addEventListener("drawing", () => this.#wait(REST_MS), { signal: this.#signal });
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
    this.#status.textContent = this.#switch.checked ? "" : "Off. Your drawing becomes a painting when you paint it large.";
  }

  /** What the drawing is sent with is sent while it is drawn. */
  #onStroke() {
    this.stop();
    if (this.#switch.checked) void this.#sheetFor(this.#desk.drawing.labels).catch(() => null);
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
      await this.#develop(asked.signal);
    } catch (error) {
      if (asked.signal.aborted) return;
      this.#status.textContent = error instanceof Error ? error.message : String(error);
      if (error instanceof RefusedError && error.isGone) this.#leave();
      if (error instanceof RefusedError && error.wait > 0) this.#timer = setTimeout(() => void this.#paint(), error.wait * 1000);
    }
    if (this.#asked === asked) this.#frame.classList.remove("is-painting");
  }

  /** @param {AbortSignal} signal aborted when something else is drawn */
  async #develop(signal) {
    const { id: painting, parts, drawing: { labels } } = this.#desk;
    const shares = labels.shares(parts.length);
    const file = this.#print();
    const sheet = await this.#sheetFor(labels);
    if (signal.aborted) return;
    const mask = await send(at(`/api/v1/photos/${sheet.id}/masks`), { mask: file }, signal);
    this.#drawings += 1;
    const styles = parts.filter((_, part) => shares[part] >= LEAST_SHARE)
      .map(({ name, color }) => ({ id: painting, part: name, mask: mask.id, color }));
    const preset = sheet.isContent ? "studio" : "doodle";
    // Not with the signal: what was started has to be known, to be stopped.
    const job = await send(at("/api/v1/jobs"), JSON.stringify({ photo: sheet.id, preset, size: SIZE, quality: "draft", styles }));
    const address = at(`/api/v1/jobs/${job.id}`);
    let isEnded = false;
    signal.addEventListener("abort", () => void (isEnded || fetch(`${address}/cancel`, { method: "POST", keepalive: true }).catch(() => null)));
    if (signal.aborted) return void fetch(`${address}/cancel`, { method: "POST" }).catch(() => null);
    await poll(address, {
      onAnswer: (/** @type {import("../lib/poll.js").Job} */ answer) => {
        isEnded = !["queued", "running"].includes(answer.status);
        if (answer.preview > 0) void this.#show(`${address}/preview?v=${answer.preview}`, signal);
        this.#status.textContent = ["queued", "failed"].includes(answer.status) ? answer.doing : "";
      },
      onConnection: (trouble) => void (this.#status.textContent = trouble),
      onGone: () => void (isEnded = true),
      signal,
    });
  }

  /** @param {string} address @param {AbortSignal} signal */
  async #show(address, signal) {
    this.#newest = address;
    await develop(byId("live-picture", HTMLImageElement), address, () => !signal.aborted && address === this.#newest);
    this.#hint.hidden = !byId("live-picture", HTMLImageElement).hidden;
  }

  #newest = "";

  /** What the next drawing is a mask of. @param {import("./labels.js").Labels} labels */
  #sheetFor({ width, height }) {
    const shape = `${width}×${height}`;
    if (shape !== this.#shape || this.#drawings >= MOST_DRAWINGS) this.#drop();
    if (this.#sheet) return this.#sheet;
    this.#shape = shape;
    const sheet = this.#send();
    sheet.catch(() => this.#sheet === sheet && (this.#sheet = null));
    return (this.#sheet = sheet);
  }

  /** @returns {Promise<Sheet>} */
  async #send() {
    const { blob, isContent } = await this.#photoOf();
    return { id: (await send(at("/api/v1/photos"), { photo: blob })).id, isContent };
  }

  #leave() {
    this.stop();
    this.#drop();
  }

  /** Deletes what was sent, with all that was painted from it. */
  #drop() {
    const drop = ({ id = "" }) => fetch(at(`/api/v1/photos/${id}`), { method: "DELETE", keepalive: true });
    this.#sheet?.then(drop).catch(() => null);
    this.#sheet = null;
    this.#drawings = 0;
  }
}
