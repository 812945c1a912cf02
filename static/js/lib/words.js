/** Sentences of the scripts in the page's language: those of the catalogue that the page brings; English is in the scripts. */

const catalogue = /** @type {Record<string, string | string[]>} */ (JSON.parse(document.getElementById("words")?.textContent ?? "{}"));

/** What the page is written in. */
export const language = document.documentElement.lang;

/** Whose manner lists and numbers are written in. */
export const manner = language === "en" ? "en-GB" : language;

/** @param {string} sentence @param {Record<string, string | number>} values */
const filled = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_place, name) => String(values[name]));

/** A sentence with its values. @param {string} sentence @param {Record<string, string | number>} [values] */
export const _ = (sentence, values = {}) => filled(String(catalogue[sentence] ?? sentence), values);

/**
 * One of two sentences, by how many there are of something: no language here has more forms.
 * @param {string} one @param {string} more @param {number} count
 */
export function many(one, more, count) {
  const forms = catalogue[one] ?? [one, more];
  const isOne = new Intl.PluralRules(manner).select(count) === "one";
  return filled(forms[isOne ? 0 : forms.length - 1], { count });
}

/** The same with a capital at its beginning. @param {string} words */
export const initial = (words) => `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
