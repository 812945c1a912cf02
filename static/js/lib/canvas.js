/** A canvas that develops: each newer preview fades in over the one before it. */

/**
 * @param {HTMLImageElement} old the preview that is shown, or hidden while there is none
 * @param {string} address of the newer one
 * @param {() => boolean} isNewest whether it still is when it has arrived
 */
export async function develop(old, address, isNewest) {
  const next = /** @type {HTMLImageElement} */ (old.cloneNode());
  next.src = address;
  try {
    await next.decode();
  } catch {
    return; // A newer preview has taken its place on the server; the next answer names it.
  }
  if (!isNewest()) return;
  next.hidden = false;
  next.classList.add("is-new");
  old.removeAttribute("id");
  old.after(next);
  // The old one stays below until the new one has faded in; under reduced motion no animation runs.
  await Promise.allSettled(next.getAnimations().map((animation) => animation.finished));
  old.remove();
}
