/** What is said of each kind of part: one that stays the photo, one of a painting's own, one where colours are kept. */

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
