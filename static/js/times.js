/** Keeps the time beside each size true when the quality changes. */
import { about } from "./lib/words.js";

/** Work of a quality as a share of "good"; the engine's EFFORT says the same. */
const EFFORT = /** @type {Record<string, number>} */ ({ draft: 0.4, good: 1, best: 2 });

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectTimes(studio, signal) {
  const times = /** @type {HTMLElement[]} */ ([...studio.querySelectorAll("[data-seconds]")]);
  const tell = () => {
    const quality = String(new FormData(studio).get("quality") ?? "good");
    for (const time of times) time.textContent = about(Number(time.dataset.seconds) * (EFFORT[quality] ?? 1));
  };
  studio.addEventListener("change", tell, { signal });
}
