/** Where the site lies: at the root of its name, or below a path of it. */

/** The address of a path within the site. @param {string} path */
export const at = (path) => `${document.documentElement.dataset.root}${path}`;
