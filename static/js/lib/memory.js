/** The ids of this browser's jobs, newest first, kept in the browser only. */

const KEY = "atelier.wall";
const MOST = 300;

/** @returns {string[]} */
export function remembered() {
  try {
    const ids = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(ids) ? ids.filter((id) => /^[0-9a-f]{32}$/.test(id)) : [];
  } catch {
    return []; // Storage is switched off, or holds something else.
  }
}

/** @param {string[]} ids */
function keep(ids) {
  try {
    localStorage.setItem(KEY, JSON.stringify(ids.slice(0, MOST)));
  } catch {
    // Without storage the signed cookie alone remembers.
  }
}

/** @param {string} id */
export function remember(id) {
  const ids = remembered();
  if (!ids.includes(id)) keep([id, ...ids]);
}

/** @param {string} id */
export function forget(id) {
  keep(remembered().filter((each) => each !== id));
}
