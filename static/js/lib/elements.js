/** Elements of the page, each held to be of the kind that its script takes it for. */

/**
 * @template {Element} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 */
export const byId = (id, kind) => known(document.getElementById(id), kind, `#${id}`);

/**
 * The first below `root` that matches.
 * @template {Element} Kind
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} kind
 */
export const first = (root, selector, kind) => known(root.querySelector(selector), kind, selector);

/**
 * All below `root` that match, perhaps none.
 * @template {Element} Kind
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} kind
 */
export const all = (root, selector, kind) => [...root.querySelectorAll(selector)].map((each) => known(each, kind, selector));

/**
 * A copy of what a template holds, which is one element.
 * @param {string} id
 */
export const copyOf = (id) => known(byId(id, HTMLTemplateElement).content.firstElementChild?.cloneNode(true), HTMLElement, `#${id}`);

/**
 * @template {Element} Kind
 * @param {unknown} element
 * @param {new () => Kind} kind
 * @param {string} what
 */
function known(element, kind, what) {
  if (element instanceof kind) return element;
  throw new TypeError(`${what} is no ${kind.name} of this page`);
}
