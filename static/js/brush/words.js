/**
 * What is said of marks: how much they are, and what that means for each kind of part, by what the form says around it: one that
 * stays the photo, one of a painting's own, one where colours are kept.
 */
import { chosenCard } from "../gallery.js";
import { _, initial } from "../lib/words.js";

/** @typedef {import("./sheet.js").How} How */

/**
 * `of` is the painting's title, `others` whether another painting has a part of its own, `colors` the share of the photo's colours.
 * @typedef {{how: How, of: string, others: boolean, colors: number}} About
 * @typedef {{openers: [string, string], title(about: About): string, none(about: About): string, some(share: number, about: About): string,
 *   before: string, dropped: string}} Words
 */

const INERT = _("Marked, but the slider Colours stands at the painting’s: move it towards your photo’s.");

export const WORDS = /** @type {Record<string, Words>} */ ({
  keep: {
    openers: [_("Mark on the photo"), _("Change the marks")],
    title: ({ how }) => (how === "keep" ? _("Mark what stays the photo") : _("Mark what is painted")),
    none: () => _("Nothing is marked: the whole photo is painted."),
    some: (share, { how }) => (how === "keep" ? _("{part} of the photo stays as it is.", first(share)) : _("{part} of the photo is painted, the rest stays.", first(share))),
    before: _("What was marked before stays as it is."),
    dropped: _("The marks are dropped: the whole photo is painted."),
  },
  style: {
    openers: [_("Only in a part…"), _("Change it…")],
    title: ({ of }) => _("Mark what is painted after {painting}", { painting: of }),
    none: ({ others }) => (others ? _("Painted where no other painting has its part.") : _("Painted all over, blended with the others.")),
    some: (share) => _("{part} of the photo is painted after it.", first(share)),
    before: _("Painted in the part that was marked before."),
    dropped: _("The marks are dropped."),
  },
  colors: {
    openers: [_("Only in a part…"), _("Change it…")],
    title: () => _("Mark where the photo’s colours are kept"),
    none: () => _("All over the photo, as much as the slider Colours says."),
    some: (share, { colors }) => (colors === 0 ? INERT : _("In {part} of the photo, as much as the slider Colours says.", { part: percent(share) })),
    before: _("In the part that was marked before, as much as the slider Colours says."),
    dropped: _("The marks are dropped."),
  },
});

/** A share as "12 %", and "less than 1 %" where rounding would deny it. @param {number} share */
export function percent(share) {
  return share > 0 && share < 0.01 ? _("less than 1 %") : `${Math.round(share * 100)} %`;
}

/** A share at the beginning of a sentence. @param {number} share */
const first = (share) => ({ part: initial(percent(share)) });

/** How much of the photo is marked, as a sentence. @param {number} share */
export function marked(share) {
  if (share === 0) return _("Nothing is marked.");
  return share === 1 ? _("All of the photo is marked.") : _("{part} of the photo is marked.", first(share));
}

/** @param {HTMLElement} root @param {string} name */
const checked = (root, name) => /** @type {HTMLInputElement | null} */ (root.querySelector(`[name=${name}]:checked`))?.value;

/** Whether what is marked stays the photo or is painted, as it is chosen now. @param {HTMLElement} root @param {HTMLElement} part */
export const howOf = (root, part) => /** @type {How} */ (part.dataset.marks === "keep" ? checked(root, "keep_how") : "keep");

/**
 * @param {HTMLFormElement} root
 * @param {HTMLElement} part
 * @param {How} how
 * @returns {About}
 */
export const aboutOf = (root, part, how) => ({
  how,
  of: part.closest("[data-blend]")?.querySelector("select")?.selectedOptions[0].text ?? chosenCard(root)?.dataset.title ?? _("the chosen painting"),
  others: [...root.querySelectorAll("[data-marks=style]:not([data-has=''])")].some((each) => each !== part),
  colors: Number(checked(root, "keep_colors")),
});
