/** The sheet that shows how large the artwork is on paper and on a wall, and prints it. */
import { all, byId } from "./lib/elements.js";

const SIDES = ["x", "y", "width", "height"];

/** @param {AbortSignal} signal */
export function connectPaper(signal) {
  const sheet = byId("paper", HTMLDialogElement);
  const room = byId("room", SVGSVGElement);
  byId("paper-open", HTMLButtonElement).addEventListener("click", () => sheet.showModal(), { signal });
  byId("paper-print", HTMLButtonElement).addEventListener("click", () => print(), { signal });
  for (const link of all(sheet, "[data-closes]", HTMLAnchorElement)) link.addEventListener("click", () => sheet.close(), { signal });
  for (const input of all(sheet, "[name=paper]", HTMLInputElement)) {
    const hang = () => {
      const { frame = "", mat = "", picture = "", told = "" } = input.dataset;
      for (const [id, place] of Object.entries({ "hung-shadow": frame, "hung-frame": frame, "hung-mat": mat, "hung-picture": picture })) {
        place.split(" ").forEach((value, side) => byId(id, SVGElement).setAttribute(SIDES[side], value));
      }
      room.setAttribute("aria-label", told);
    };
    input.addEventListener("input", hang, { signal });
    // Browsers choose again what was chosen before the page was loaded anew.
    if (input.checked) hang();
  }
}
