/** A button that says for a moment that it has done what it says. */
const SAID_MS = 4000;

/** @type {WeakSet<HTMLElement>} */
const saying = new WeakSet();

/** @param {HTMLButtonElement} button @param {string} words */
export function confirm(button, words) {
  if (saying.has(button)) return;
  const usual = button.textContent;
  saying.add(button);
  button.textContent = words;
  setTimeout(() => {
    button.textContent = usual;
    saying.delete(button);
  }, SAID_MS);
}
