/** What is said of an answer that is not ours: a proxy gave it, because the studio did not. */

/** @type {Record<number, string>} */
const SENTENCES = {
  502: "The studio does not answer just now.",
  503: "The studio has too much to do, or is out of reach just now.",
  504: "The studio took too long to answer.",
};

/** Why there is no answer of ours; empty where the status does not tell. @param {number | undefined} status */
export const whyNot = (status) => SENTENCES[status ?? 0] ?? "";

/** The same of something that was too large for the proxy, too. @param {number} status @param {string} what */
export const whyNotSent = (status, what) =>
  status === 413
    ? `This ${what} is larger than the proxy in front of this site lets through. Choose a smaller one, or tell whoever runs this site to raise the proxy’s limit.`
    : `${whyNot(status) || `The ${what} could not be sent.`} Try again in a moment.`;
