/** Masks that an address brought belong to its photo, and go with it when another one is taken. */

/**
 * @param {HTMLFormElement} studio sends "photo" when the server has taken another one
 * @param {AbortSignal} signal
 */
export function connectCarried(studio, signal) {
  studio.addEventListener("photo", () => {
    for (const each of studio.querySelectorAll("[data-of-photo]")) each.remove();
  }, { signal });
}
