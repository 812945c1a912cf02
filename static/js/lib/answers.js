/** What is said of an answer that is not ours: a proxy gave it, because the studio did not. */
import { _ } from "./words.js";

/** @type {Record<number, string>} */
const SENTENCES = {
  502: _("The studio does not answer just now."),
  503: _("The studio has too much to do, or is out of reach just now."),
  504: _("The studio took too long to answer."),
};

/** Why there is no answer of ours; empty where the status does not tell. @param {number | undefined} status */
export const whyNot = (status) => SENTENCES[status ?? 0] ?? "";

const TOO_LARGE = {
  photo: _("This photo is larger than the proxy in front of this site lets through. Choose a smaller one, or tell whoever runs this site to raise the proxy’s limit."),
  painting: _("This painting is larger than the proxy in front of this site lets through. Choose a smaller one, or tell whoever runs this site to raise the proxy’s limit."),
  drawing: _("This drawing is larger than the proxy in front of this site lets through. Choose a smaller one, or tell whoever runs this site to raise the proxy’s limit."),
};
const NOT_SENT = {
  photo: _("The photo could not be sent."),
  painting: _("The painting could not be sent."),
  drawing: _("The drawing could not be sent."),
};

/** The same of something that was too large for the proxy, too. @param {number} status @param {keyof typeof NOT_SENT} what */
export const whyNotSent = (status, what) =>
  status === 413
    ? TOO_LARGE[what]
    : `${whyNot(status) || NOT_SENT[what]} ${_("Try again in a moment.")}`;
