/** A painting of one's own on the page to draw on: sent as soon as it is chosen, its parts named and brushed on itself. */
import { byId, copyOf, first, all } from "../lib/elements.js";
import { at } from "../lib/root.js";
import { upload, whyFailed } from "../lib/upload.js";
import { _, many } from "../lib/words.js";
import { send } from "./send.js";

/** @typedef {import("./desk.js").Desk} Desk */

/**
 * @param {HTMLFormElement} form
 * @param {Desk} desk
 * @param {(sentence: string) => void} say
 * @param {AbortSignal} signal
 */
export function connectOwn(form, desk, say, signal) {
  const input = byId("own-painting", HTMLInputElement);
  const plus = first(form, "[data-do=own]", HTMLElement);
  const refuse = refusing("own_painting", input);

  plus.addEventListener("click", () => input.click(), { signal });
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (!file) return;
    refuse("");
    plus.classList.add("is-busy");
    say(_("Sending your painting…"));
    try {
      const { id } = await upload(file, signal, undefined, "painting");
      await desk.choose(hang(form, id));
      say(_("Your painting is here. Brush over its parts."));
    } catch (reason) {
      say("");
      if (!signal.aborted) refuse(whyFailed(reason));
    }
    input.value = "";
    plus.classList.remove("is-busy");
  }, { signal });

  connectTurns(form, desk, signal);
  connectEditor(form, desk, say, signal);
  connectMap(desk, say, signal);
}

/** Says beside a file what is wrong with it; an empty sentence: nothing. @param {string} name @param {HTMLElement} input */
function refusing(name, input) {
  const error = byId(`${name}-error`, HTMLElement);
  return (/** @type {string} */ sentence) => {
    error.textContent = sentence;
    error.hidden = sentence === "";
    input.toggleAttribute("aria-invalid", sentence !== "");
  };
}

/** Hangs a painting before the others as the chosen one; its radio. @param {HTMLFormElement} form @param {string} id */
function hang(form, id) {
  const card = copyOf("own-card");
  const radio = first(card, "input", HTMLInputElement);
  const title = _("Your painting {number}", { number: all(form, "[data-own]", HTMLElement).length + 1 });
  radio.value = id;
  radio.dataset.title = first(card, "cite", HTMLElement).textContent = title;
  first(card, "img", HTMLImageElement).src = at(`/paintings/${id}/thumb.webp`);
  first(byId("strip", HTMLElement), "li", HTMLElement).after(card);
  radio.checked = true;
  radio.focus({ preventScroll: true });
  return radio;
}

/** First its parts, then what is drawn with them. @param {HTMLFormElement} form @param {Desk} desk @param {AbortSignal} signal */
function connectTurns(form, desk, signal) {
  const turns = all(form, "[data-turn]", HTMLButtonElement);
  const refuse = refusing("style_map", byId("style-map", HTMLElement));
  const view = byId("own-view", HTMLImageElement);

  for (const each of turns) {
    each.addEventListener("click", () => {
      const turn = /** @type {import("./desk.js").Turn} */ (each.dataset.turn);
      const fault = turn === "drawing" ? desk.own?.fault ?? "" : "";
      refuse(fault);
      if (!fault) desk.turnTo(turn);
    }, { signal });
  }
  desk.addEventListener("painting", () => {
    const isMap = desk.turn === "map";
    form.toggleAttribute("data-own", desk.own !== null);
    form.dataset.drawn = desk.turn;
    for (const each of turns) each.ariaPressed = String(each.dataset.turn === desk.turn);
    view.hidden = !isMap;
    if (isMap) view.src = at(`/paintings/${desk.id}/thumb.webp`);
  }, { signal });
}

/** Name and colour of the part that is brushed. @param {HTMLFormElement} form @param {Desk} desk @param {(sentence: string) => void} say @param {AbortSignal} signal */
function connectEditor(form, desk, say, signal) {
  const [name, color] = ["part-name", "part-color"].map((id) => byId(id, HTMLInputElement));

  const show = () => {
    if (desk.turn !== "map") return;
    if (document.activeElement !== name) name.value = desk.parts[desk.part].name;
    color.value = desk.parts[desk.part].color;
  };
  for (const event of ["painting", "part"]) desk.addEventListener(event, show, { signal });
  name.addEventListener("focus", () => name.select(), { signal });
  name.addEventListener("blur", show, { signal });
  name.addEventListener("input", () => {
    desk.own?.rename(desk.part, name.value);
    desk.renew();
  }, { signal });
  // Enter in a field of a form sends the form, which nobody means here.
  name.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault(), { signal });
  color.addEventListener("change", () => {
    const rival = desk.own?.recolor(desk.part, color.value);
    say(rival ? _("This colour is too like that of “{part}”. Choose one that differs more.", { part: rival }) : "");
    desk.renew();
    desk.changed();
  }, { signal });
  first(form, "[data-do=part]", HTMLElement).addEventListener("click", () => {
    const part = desk.own?.add() ?? null;
    if (part === null) return say(_("These are the most parts that a painting can have here."));
    desk.renew();
    desk.take(part);
    say(_("A new part. Name it, and brush over it."));
    name.focus();
  }, { signal });
}

/** Takes the map of its parts that the server has, if this browser has none. @param {Desk} desk */
export async function recallMap({ own }) {
  const kept = document.getElementById("kept-map");
  if (!own?.fault || !(kept instanceof HTMLInputElement)) return;
  const picture = new Image();
  picture.src = kept.dataset.picture ?? "";
  await picture.decode().then(() => own.read(picture, (kept.dataset.colors ?? "").split(" ")), () => null);
}

/** A map that another program made: the server says which colours are its parts. @param {Desk} desk @param {(sentence: string) => void} say @param {AbortSignal} signal */
function connectMap(desk, say, signal) {
  const input = byId("style-map", HTMLInputElement);
  const refuse = refusing("style_map", input);
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    const { id, own } = desk;
    if (!file || !own) return;
    refuse("");
    try {
      const { colors } = await send(at(`/api/v1/paintings/${id}/maps`), { style_map: file }, signal);
      const picture = await createImageBitmap(file).catch(() => {
        throw new Error(_("Your browser cannot show this map. Choose a PNG."));
      });
      own.read(picture, colors);
      desk.turnTo("map");
      say(many("A map of {count} part. Name it, or draw with it.", "A map of {count} parts. Name them, or draw with them.", own.list.length));
    } catch (reason) {
      if (!signal.aborted) refuse(whyFailed(reason));
    }
    input.value = "";
  }, { signal });
}
