/** The parts of the painting, each a brush with its name and colour. */
import { all, byId, copyOf, first } from "../lib/elements.js";
import { _ } from "../lib/words.js";

/** @typedef {import("./desk.js").Desk} Desk */

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement} stage over which digits choose a part; receives data-with, where the eraser gives way to a brush
 * @param {Desk} desk
 * @param {(sentence: string) => void} say
 * @param {AbortSignal} signal
 */
export function connectHues(form, stage, desk, say, signal) {
  const group = byId("hues", HTMLElement);

  /** The numbers of the parts that there is anything of. */
  const offered = () => [...desk.parts.keys()].filter((part) => desk.offered[part]);
  const show = () => all(group, "button", HTMLElement).forEach((hue) => {
    hue.ariaPressed = String(Number(hue.dataset.hue) === desk.part);
  });
  const take = (/** @type {number} */ part) => {
    desk.take(part);
    if (stage.dataset.with === "eraser") first(form, "[data-tool=brush]", HTMLElement).click();
    say(_("You draw {part}.", { part: desk.parts[desk.part].name }));
  };
  desk.addEventListener("painting", () => {
    group.replaceChildren(...offered().map((part) => hueOf(desk.parts[part], part, () => take(part))));
    // Parts of one's own are named in the page's language.
    if (desk.own) all(group, "button", HTMLElement).forEach((hue) => hue.removeAttribute("lang"));
    show();
  }, { signal });
  desk.addEventListener("part", show, { signal });
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    const part = offered()[Number(event.key) - 1];
    if (part !== undefined) take(part);
  }, { signal });
}

/** @param {import("./paper.js").Part} part @param {number} number @param {() => void} onTake */
function hueOf({ name, color }, number, onTake) {
  const hue = copyOf("hue");
  hue.dataset.hue = String(number);
  first(hue, "rect", SVGElement).setAttribute("fill", color);
  first(hue, "span", HTMLElement).textContent = name;
  hue.addEventListener("click", onTake);
  return hue;
}
