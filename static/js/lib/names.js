/** What photos and own paintings are called, by their ids: as their files were, and in this browser only. */

const KEY = "atelier.names";
const MOST = 300;
const LONGEST = 40;
/** What cameras and programs call a file says nothing of it. */
const NO_NAME = /^(img|dsc[fn]?|dcim|pxl|p|photo|image|picture|painting|screenshot|download|unnamed|untitled)?[\W\d_]*$/i;

/** @returns {Record<string, string>} */
function names() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return kept && typeof kept === "object" ? kept : {};
  } catch {
    return {}; // Storage is switched off, or holds something else.
  }
}

/** What an id is called here; empty where that is not known. @param {string} id */
export const nameOf = (id) => String(names()[id] ?? "");

/** @param {string} id @param {string} name */
export function call(id, name) {
  const others = Object.entries(names()).filter(([each]) => each !== id);
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries([...others, [id, name]].slice(-MOST))));
  } catch {
    // Without storage it has a number.
  }
}

/** A file's name without its ending; empty for one that a camera gave. @param {string} file */
export function titleOf(file) {
  const stem = file.replace(/\.\w+$/, "").replace(/[_\s]+/g, " ").trim();
  return NO_NAME.test(stem) ? "" : stem.slice(0, LONGEST);
}
