/** Pauses between two questions to the server. */

export const LOST_PAUSE_S = 3; // where there was no answer
const HIDDEN_FACTOR = 8;
const JITTER = 0.2;

/**
 * Waits, but not longer than until the tab is shown or the network is back.
 * @param {number} seconds
 * @param {AbortSignal} [signal] that ends it
 */
export function rest(seconds, signal) {
  const pause = seconds * (document.hidden ? HIDDEN_FACTOR : 1) * (1 + JITTER * (2 * Math.random() - 1));
  return new Promise((resolve) => {
    const awake = new AbortController();
    const wake = () => {
      clearTimeout(timer);
      awake.abort();
      resolve(undefined);
    };
    const timer = setTimeout(wake, pause * 1000);
    const seen = () => !document.hidden && wake();
    document.addEventListener("visibilitychange", seen, { signal: awake.signal });
    window.addEventListener("online", wake, { signal: awake.signal });
    signal?.addEventListener("abort", wake, { signal: awake.signal });
  });
}
