/** Asks for a job or a series again and again, as often as the server says: less in a hidden tab, at once when it is shown again. */
import { whyNot } from "./answers.js";
import { LOST_PAUSE_S, rest } from "./rest.js";
import { _ } from "./words.js";

/**
 * @typedef {{id: string, status: string, progress: number, doing: string, time_left: string, preview: number,
 *   artwork: string | null, cancel_requested: boolean}} Job
 */

/**
 * Calls `onAnswer` for each change until what is asked for has ended, and `onConnection` with what is wrong with the
 * connection, or with nothing when it is there.
 * @template {{status: string}} Answer
 * @param {string} address of a job or a series
 * @param {{onAnswer: (answer: Answer) => void, onConnection: (trouble: string) => void, onGone: () => void, signal: AbortSignal}} handlers
 */
export async function poll(address, { onAnswer, onConnection, onGone, signal }) {
  let etag = "";
  while (!signal.aborted) {
    let pause = LOST_PAUSE_S;
    let trouble = "";
    try {
      const headers = /** @type {Record<string, string>} */ (etag ? { "If-None-Match": etag } : {});
      const response = await fetch(address, { headers, signal, cache: "no-store" });
      if ([404, 410].includes(response.status)) return onGone();
      trouble = whyNot(response.status);
      if (response.status >= 500) throw new Error(trouble);
      onConnection("");
      pause = Number(response.headers.get("Retry-After") ?? 1);
      if (response.ok) {
        etag = response.headers.get("ETag") ?? "";
        const answer = /** @type {Answer} */ (await response.json());
        onAnswer(answer);
        if (!["queued", "running"].includes(answer.status)) return;
      }
    } catch {
      if (signal.aborted) return;
      onConnection(trouble || _("The connection broke."));
    }
    await rest(pause, signal);
  }
}
