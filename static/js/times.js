/** Keeps the time beside each size true when the way of painting, the quality or the number of evaluations changes. */
import { all } from "./lib/elements.js";
import { _ } from "./lib/words.js";

const QUALITIES = ["draft", "good", "best"];

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectTimes(studio, signal) {
  // Seconds by way of painting: of each quality, then of a single evaluation.
  const sizes = all(studio, "[data-times]", HTMLElement).map((element) => ({
    element,
    times: /** @type {Record<string, number[]>} */ (JSON.parse(element.dataset.times ?? "{}")),
  }));
  const tell = () => {
    const sent = new FormData(studio);
    const evaluations = Number(sent.get("iterations"));
    const quality = QUALITIES.indexOf(String(sent.get("quality")));
    for (const { element, times } of sizes) {
      const seconds = times[String(sent.get("preset"))] ?? times.studio;
      element.textContent = about(evaluations >= 1 ? evaluations * seconds[QUALITIES.length] : seconds[quality] ?? seconds[1]);
    }
  };
  if (sizes.length > 0) studio.addEventListener("input", tell, { signal });
}

/** A duration in words, as the server's pages say it. @param {number} seconds */
function about(seconds) {
  if (seconds < 10) return _("about {count} s", { count: Math.max(1, Math.round(seconds)) });
  if (seconds < 55) return _("about {count} s", { count: Math.round(seconds / 5) * 5 });
  if (seconds < 5400) return _("about {count} min", { count: Math.max(1, Math.round(seconds / 60)) });
  return _("about {count} h", { count: Math.round(seconds / 3600) });
}
