/**
 * Small drafts of a drawing. Each is a mask; what they are masks of, a copy of the photo or an empty sheet, is sent once for
 * many of them, and deleted with all of them.
 */
import { byId } from "../lib/elements.js";
import { at } from "../lib/root.js";
import { send } from "./send.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./labels.js").Labels} Labels */
/** @typedef {{id: string, isContent: boolean}} Sheet */

const SIZE = 256;
/** The server keeps twenty masks of a photo. */
const MOST = 18;

export class Drafts {
  #photoOf;
  /** @type {Promise<Sheet> | null} */ #sheet = null;
  #shape = "";
  #count = 0;

  /** @param {() => Promise<{blob: Blob, isContent: boolean}>} photoOf what drawings are masks of */
  constructor(photoOf) {
    this.#photoOf = photoOf;
  }

  /** Sends what the next drawing is a mask of, if that is not there. @param {Labels} labels @returns {Promise<Sheet>} */
  prepare({ width, height }) {
    const shape = `${width}×${height}`;
    if (shape !== this.#shape || this.#count >= MOST) this.drop();
    if (this.#sheet) return this.#sheet;
    this.#shape = shape;
    const sheet = this.#send();
    sheet.catch(() => this.#sheet === sheet && (this.#sheet = null));
    return (this.#sheet = sheet);
  }

  /**
   * The address of a new draft, once it is accepted; empty if it is not wanted any more.
   * @param {Desk} desk
   * @param {File} file its drawing
   * @param {AbortSignal} signal stops it, also later
   */
  async start({ id, drawing: { labels } }, file, signal) {
    const sheet = await this.prepare(labels);
    if (signal.aborted) return "";
    this.#count += 1;
    const mask = await send(at(`/api/v1/photos/${sheet.id}/masks`), { mask: file }, signal);
    const preset = sheet.isContent ? "studio" : "doodle";
    const [variety, fidelity] = ["variety", "fidelity"].map((name) => Number(byId(name, HTMLSelectElement).value));
    const wish = { photo: sheet.id, target_map: mask.id, style: id, preset, size: SIZE, quality: "draft", variety, fidelity };
    // Without the signal: what was started has to be known, to be stopped.
    const { job } = await send(at("/api/v1/doodles"), JSON.stringify(wish));
    const address = at(`/api/v1/jobs/${job.id}`);
    const stop = () => void fetch(`${address}/cancel`, { method: "POST", keepalive: true }).catch(() => null);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
    return signal.aborted ? "" : address;
  }

  /** Deletes what was sent, with all that was painted from it. */
  drop() {
    const drop = ({ id = "" }) => fetch(at(`/api/v1/photos/${id}`), { method: "DELETE", keepalive: true });
    this.#sheet?.then(drop).catch(() => null);
    this.#sheet = null;
    this.#count = 0;
  }

  /** @returns {Promise<Sheet>} */
  async #send() {
    const { blob, isContent } = await this.#photoOf();
    return { id: (await send(at("/api/v1/photos"), { photo: blob })).id, isContent };
  }
}
