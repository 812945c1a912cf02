/** Sending to the API, for an answer or a sentence on why there is none. */
import { whyNotSent } from "../lib/answers.js";
import { _ } from "../lib/words.js";

/** Its message is a sentence for a person. */
export class RefusedError extends Error {
  /** @param {string} message @param {number} wait seconds after which to try again, 0 if that would not help @param {boolean} isGone */
  constructor(message, wait, isGone) {
    super(message);
    this.wait = wait;
    this.isGone = isGone;
  }
}

/**
 * @param {string} address
 * @param {string | Record<string, Blob>} content JSON, or a form of one file
 * @param {AbortSignal} [signal]
 * @returns {Promise<{id: string, job: {id: string}, colors: string[]}>} what the API answers: a photo or a mask has an id, a mask its colours, a doodle its job
 */
export async function send(address, content, signal) {
  const isJson = typeof content === "string";
  const body = isJson ? content : new FormData();
  for (const [name, file] of Object.entries(isJson ? {} : content)) /** @type {FormData} */ (body).append(name, file, name);
  const headers = /** @type {Record<string, string>} */ (isJson ? { "Content-Type": "application/json" } : {});
  const response = await fetch(address, { method: "POST", body, headers, signal }).catch((error) => {
    if (signal?.aborted) throw error;
    throw new RefusedError(_("The connection broke. It goes on with your next stroke."), 0, false);
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const wait = [429, 503].includes(response.status) ? Number(response.headers.get("Retry-After") ?? 10) : 0;
  throw new RefusedError(answer.detail ?? whyNotSent(response.status, "drawing"), wait, /gone|not-found/.test(answer.code ?? ""));
}
