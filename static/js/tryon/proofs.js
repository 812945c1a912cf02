/** The proof sheet: the photo after the chosen painting in three strengths and three brush sizes; one press chooses both. */
import { first } from "../lib/elements.js";
import { _ } from "../lib/words.js";
import { chosenCard } from "../gallery.js";

/** @typedef {import("./tries.js").Tries} Tries */

const STRENGTHS = [0.25, 1, 4];
const BRUSHES = [0.5, 1, 2];

export class Proofs {
  #studio;
  #tries;
  #onClose;
  #dialog = document.createElement("dialog");
  #title = Object.assign(document.createElement("h2"), { id: "proofs-title", textContent: _("Proof sheet") });
  #hint = Object.assign(document.createElement("p"), { className: "hint" });
  #sheet = Object.assign(document.createElement("ul"), { className: "proofs__sheet" });
  #open = Object.assign(document.createElement("button"), { type: "button", textContent: _("Proof sheet") });

  /** @param {HTMLFormElement} studio @param {Tries} tries @param {() => void} onClose */
  constructor(studio, tries, onClose) {
    this.#studio = studio;
    this.#tries = tries;
    this.#onClose = onClose;
    const close = Object.assign(document.createElement("button"), { type: "button", textContent: _("Close") });
    for (const each of [this.#open, close]) each.classList.add("button", "button--quiet");
    this.#open.classList.add("proofs__open");
    close.addEventListener("click", () => this.#dialog.close());
    this.#dialog.className = "proofs";
    this.#dialog.setAttribute("aria-labelledby", this.#title.id);
    this.#dialog.append(this.#title, this.#hint, this.#sheet, close);
    document.body.append(this.#dialog);
    tries.addEventListener("news", () => this.isOpen && this.#fill());
  }

  get isOpen() { return this.#dialog.open; }

  /** Puts the button that opens the sheet before the options that it chooses. @param {HTMLElement} options @param {AbortSignal} signal */
  connect(options, signal) {
    first(options, ".options__first", HTMLElement).before(this.#open);
    this.#open.addEventListener("click", () => this.#show(), { signal });
    this.#dialog.addEventListener("close", () => this.#leave(), { signal });
    const settle = () => (this.#open.hidden = !this.#style || !this.#photo);
    for (const event of ["change", "photo", "nophoto"]) this.#studio.addEventListener(event, settle, { signal });
    settle();
  }

  /** The chosen painting's id, if one is. */
  get #style() {
    const style = chosenCard(this.#studio)?.value ?? "";
    return /^[a-z0-9_]+$/.test(style) ? style : "";
  }

  get #photo() {
    return first(this.#studio, "#photo-id", HTMLInputElement).value;
  }

  #show() {
    this.#hint.textContent = _("Your photo after {title}. Press the picture that you like: it chooses strength and brush size.", { title: chosenCard(this.#studio)?.dataset.title ?? "" });
    this.#sheet.replaceChildren(...STRENGTHS.flatMap((strength) => BRUSHES.map((brush) => this.#proof(strength, brush))));
    this.#dialog.showModal();
    this.#fill();
    void this.#tries.ask({ styles: [this.#style], strengths: STRENGTHS, brushes: BRUSHES });
  }

  #leave() {
    this.#tries.stop();
    this.#onClose();
  }

  /** One picture of the sheet, by words until it is there. @param {number} strength @param {number} brush */
  #proof(strength, brush) {
    const radios = [this.#stop("strength", strength), this.#stop("brush", brush)];
    const words = document.createElement("span");
    words.append(...radios.map((radio) => Object.assign(document.createElement("span"), { textContent: radio.closest("label")?.title ?? "" })));
    words.className = "proofs__words";
    const frame = Object.assign(document.createElement("span"), { className: "proofs__frame" });
    const choose = Object.assign(document.createElement("button"), { type: "button", className: "proofs__proof" });
    choose.dataset.proof = `${strength} ${brush}`;
    choose.setAttribute("aria-pressed", String(radios.every(({ checked }) => checked)));
    choose.append(frame, words);
    choose.addEventListener("click", () => {
      for (const radio of radios) radio.checked = true;
      radios[0].dispatchEvent(new Event("change", { bubbles: true }));
      this.#dialog.close();
    });
    const item = document.createElement("li");
    item.append(choose);
    return item;
  }

  #fill() {
    for (const strength of STRENGTHS) for (const brush of BRUSHES) {
      const frame = first(this.#sheet, `[data-proof="${strength} ${brush}"] .proofs__frame`, HTMLElement);
      const address = this.#tries.picture(this.#style, strength, brush);
      if (!address || frame.firstChild) continue;
      const picture = Object.assign(new Image(), { alt: "", decoding: "async", src: address });
      picture.addEventListener("error", () => picture.remove());
      frame.append(picture);
    }
  }

  /** The option's stop of this value. @param {string} name @param {number} value */
  #stop(name, value) {
    return first(this.#studio, `[name=${name}][value="${value}"]`, HTMLInputElement);
  }
}
