/** How paintings are found by what a person types, as app/search.py does it for a form that is sent. */

const SHORT_WORD = 5;
const LEAST_WORD = 3;

/** The words of a text in plain letters. @param {string} text */
export const wordsOf = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

/** Whether each of the words begins a word of a label. @param {string} label @param {string[]} words */
export const holds = (label, words) => words.every((word) => ` ${label}`.includes(` ${word}`));

/** What is asked for: words that no label has are taken for slips of the nearest. @param {string} text @param {string[]} labels */
export function wanted(text, labels) {
  const words = [...wordsOf(text)];
  if (labels.some((label) => holds(label, words))) return { words, isMended: false };
  const known = [...new Set(labels.flatMap((label) => label.split(" ")))];
  const mended = words.map((word) => (labels.some((label) => holds(label, [word])) ? word : nearest(word, known)));
  return { words: mended, isMended: mended.join(" ") !== words.join(" ") };
}

/** The first of the known words that are nearest; the word itself where none is near. @param {string} word @param {string[]} known */
function nearest(word, known) {
  if (word.length < LEAST_WORD) return word;
  let least = word.length <= SHORT_WORD ? 1 : 2;
  let best = word;
  for (const each of known) {
    if (each.length < LEAST_WORD || each[0] !== word[0] || (best !== word && slips(word, each) >= least)) continue;
    const count = slips(word, each);
    if (count <= least) [best, least] = [each, count];
  }
  return best;
}

/** Letters that are missing, too many, wrong or swapped with their neighbour (Damerau 1964). @param {string} one @param {string} other */
function slips(one, other) {
  /** @type {number[]} */
  let before = [];
  let row = [...Array(other.length + 1).keys()];
  for (let i = 1; i <= one.length; i++) {
    const above = before;
    before = row;
    row = [i];
    for (let j = 1; j <= other.length; j++) {
      const changed = before[j - 1] + Number(one[i - 1] !== other[j - 1]);
      row[j] = Math.min(before[j] + 1, row[j - 1] + 1, changed);
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isSwapped) row[j] = Math.min(row[j], above[j - 2] + 1);
    }
  }
  return row[other.length];
}
