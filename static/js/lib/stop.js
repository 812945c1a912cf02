/** What the pages of one job and of a series share while something is painted: the way to stop it, and the connection. */
import { whyNot } from "./answers.js";
import { byId } from "./elements.js";
import { _ } from "./words.js";

/**
 * @param {string} address of the job or the series
 * @param {AbortSignal} signal
 */
export function connectStop(address, signal) {
  const stop = byId("stop", HTMLButtonElement);
  const connection = byId("connection", HTMLElement);

  const say = (/** @type {string} */ sentence) => {
    connection.hidden = sentence === "";
    connection.textContent = sentence;
  };
  const markStopping = () => {
    stop.disabled = true;
    stop.textContent = _("Stopping…");
  };
  byId("stop-form", HTMLFormElement).addEventListener("submit", async (event) => {
    event.preventDefault();
    const words = stop.textContent;
    markStopping();
    const response = await fetch(`${address}/cancel`, { method: "POST" }).catch(() => null);
    if (response?.ok) return;
    stop.disabled = false;
    stop.textContent = words;
    say(`${whyNot(response?.status) || _("That did not reach the studio.")} ${_("Press Stop once more.")}`);
  }, { signal });

  return {
    markStopping,
    /** @param {string} trouble */
    onConnection: (trouble) => say(trouble && `${trouble} ${_("The painting goes on; this page will catch up by itself.")}`),
  };
}
