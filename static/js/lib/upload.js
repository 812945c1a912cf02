/** Sending a photo to the API. */

/** A refused or failed upload, with a sentence for a person as its message. */
export class UploadError extends Error {
  /**
   * @param {string} message
   * @param {boolean} isAboutPhoto whether another photo is needed, rather than another try
   */
  constructor(message, isAboutPhoto) {
    super(message);
    this.isAboutPhoto = isAboutPhoto;
  }
}

/**
 * @param {Blob} file
 * @param {AbortSignal} signal
 * @returns {Promise<{id: string, width: number, height: number}>}
 */
export async function upload(file, signal) {
  const body = new FormData();
  body.append("photo", file, "photo");
  let response;
  try {
    response = await fetch("/api/v1/photos", { method: "POST", body, signal });
  } catch (reason) {
    throw new UploadError("The photo could not be sent: the connection broke. Choose it again to try once more.", false);
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new UploadError(answer.detail ?? "The photo could not be sent. Try again in a moment.", response.status < 500);
}
