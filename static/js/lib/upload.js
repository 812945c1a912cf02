/** Sending a photo or a painting to the API. */

/** A refused or failed upload, with a sentence for a person as its message. */
export class UploadError extends Error {
  /**
   * @param {string} message
   * @param {boolean} isAboutPhoto whether another picture is needed, rather than another try
   */
  constructor(message, isAboutPhoto) {
    super(message);
    this.isAboutPhoto = isAboutPhoto;
  }
}

/**
 * @param {Blob} file
 * @param {AbortSignal} signal
 * @param {"photo" | "painting"} what
 * @returns {Promise<{id: string, width: number, height: number}>}
 */
export async function upload(file, signal, what = "photo") {
  const body = new FormData();
  body.append(what, file, what);
  let response;
  try {
    response = await fetch(`/api/v1/${what}s`, { method: "POST", body, signal });
  } catch (reason) {
    throw new UploadError(`The ${what} could not be sent: the connection broke. Choose it again to try once more.`, false);
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new UploadError(answer.detail ?? `The ${what} could not be sent. Try again in a moment.`, response.status < 500);
}
