/**
 * What is said of marks: how much they are, and what that means for each kind of part, by what the form says around it: one that
 * stays the photo, one of a painting's own, one where colours are kept.
 */
import { chosenCard } from "../gallery.js";

/** @typedef {import("./sheet.js").How} How */

/**
 * `of` is the painting's title, `others` whether another painting has a part of its own, `colors` the share of the photo's colours.
 * @typedef {{how: How, of: string, others: boolean, colors: number}} About
 * @typedef {{openers: [string, string], title(about: About): string, none(about: About): string, some(part: string, about: About): string,
 *   before: string, dropped: string}} Words
 */

const INERT = "Marked, but the slider Colours stands at the painting’s: move it towards your photo’s.";

export const WORDS = /** @type {Record<string, Words>} */ ({
  keep: {
    openers: ["Mark on the photo", "Change the marks"],
    title: ({ how }) => (how === "keep" ? "Mark what stays the photo" : "Mark what is painted"),
    none: () => "Nothing is marked: the whole photo is painted.",
    some: (part, { how }) => (how === "keep" ? `${part} of the photo stays as it is.` : `${part} of the photo is painted, the rest stays.`),
    before: "What was marked before stays as it is.",
    dropped: "The marks are dropped: the whole photo is painted.",
  },
  style: {
    openers: ["Only in a part…", "Change it…"],
    title: ({ of }) => `Mark what is painted after ${of}`,
    none: ({ others }) => (others ? "Painted where no other painting has its part." : "Painted all over, blended with the others."),
    some: (part) => `${part} of the photo is painted after it.`,
    before: "Painted in the part that was marked before.",
    dropped: "The marks are dropped.",
  },
  colors: {
    openers: ["Only in a part…", "Change it…"],
    title: () => "Mark where the photo’s colours are kept",
    none: () => "All over the photo, as much as the slider Colours says.",
    some: (part, { colors }) => (colors === 0 ? INERT : `In ${part[0].toLowerCase()}${part.slice(1)} of the photo, as much as the slider Colours says.`),
    before: "In the part that was marked before, as much as the slider Colours says.",
    dropped: "The marks are dropped.",
  },
});

/** A share as "12 %", and "less than 1 %" where rounding would deny it. @param {number} share */
export function percent(share) {
  return share > 0 && share < 0.01 ? "less than 1 %" : `${Math.round(share * 100)} %`;
}

/** How much of the photo is marked, as a sentence. @param {number} share */
export function marked(share) {
  const words = share === 0 ? "nothing" : share === 1 ? "all" : percent(share);
  return `${words[0].toUpperCase()}${words.slice(1)}${share === 0 ? "" : " of the photo"} is marked.`;
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
  of: part.closest("[data-blend]")?.querySelector("select")?.selectedOptions[0].text ?? chosenCard(root)?.dataset.title ?? "the chosen painting",
  others: [...root.querySelectorAll("[data-marks=style]:not([data-has=''])")].some((each) => each !== part),
  colors: Number(checked(root, "keep_colors")),
});
