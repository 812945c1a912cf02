/** Sending a photo or a painting to the API. */
import { whyNotSent } from "./answers.js";
import { at } from "./root.js";
import { _ } from "./words.js";

/** A refused or failed upload, with a sentence for a person as its message. */
export class UploadError extends Error {
  /**
   * @param {string} message
   * @param {boolean} isAboutPhoto whether another picture is needed, rather than another try
   * @param {number} wait seconds after which the same photo may be sent again; 0 if that would not help
   */
  constructor(message, isAboutPhoto, wait = 0) {
    super(message);
    this.isAboutPhoto = isAboutPhoto;
    this.wait = wait;
  }
}

const BROKE = {
  photo: _("The photo could not be sent: the connection broke. Try again in a moment."),
  painting: _("The painting could not be sent: the connection broke. Try again in a moment."),
};

/** What a person is told of an upload that failed. @param {unknown} reason */
export const whyFailed = (reason) => (reason instanceof Error ? reason.message : String(reason));

/** What the server says of a photo or a painting that it has. @typedef {{id: string, width: number, height: number, transparent?: boolean}} Photo */

/** Why a photo need not be sent at all; empty if it may be. @param {Blob} file @param {number} limitMb */
export const whyTooLarge = (file, limitMb) =>
  file.size > limitMb * 1e6 ? _("This photo is larger than {limit_mb} MB. Save it smaller, or as a JPEG, and choose it again.", { limit_mb: limitMb }) : "";

/**
 * @param {Blob} file
 * @param {AbortSignal} signal
 * @param {(share: number) => void} [onProgress] told which share of the file is on its way
 * @param {"photo" | "painting"} what
 * @returns {Promise<Photo>}
 */
export function upload(file, signal, onProgress, what = "photo") {
  const body = new FormData();
  body.append(what, file, what);
  return new Promise((resolve, reject) => {
    // Not fetch(), which tells nothing of how far a body has come.
    const request = new XMLHttpRequest();
    request.open("POST", at(`/api/v1/${what}s`));
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress?.(event.loaded / event.total));
    request.addEventListener("load", () => {
      const answer = request.response ?? {};
      if (request.status >= 200 && request.status < 300) return resolve(answer);
      const wait = request.status === 429 ? Number(request.getResponseHeader("Retry-After") ?? 10) : 0;
      const isAboutPhoto = answer.field === what && request.status < 500;
      reject(new UploadError(answer.detail ?? whyNotSent(request.status, what), isAboutPhoto, wait));
    });
    request.addEventListener("error", () =>
      reject(new UploadError(BROKE[what], false)));
    request.addEventListener("abort", () => reject(new DOMException("Not wanted any more", "AbortError")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    if (signal.aborted) return reject(new DOMException("Not wanted any more", "AbortError"));
    request.send(body);
  });
}
