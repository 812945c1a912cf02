/** The frame: the photo in it, or the hint that there is none, and what is wrong with the photo. */
import { byId } from "../lib/elements.js";

export class Frame {
  view = byId("photo-view", HTMLImageElement);
  #frame = byId("frame", HTMLElement);
  #hint = byId("photo-hint", HTMLElement);
  #error = byId("photo-error", HTMLElement);
  #input = byId("photo", HTMLInputElement);
  #camera = byId("camera", HTMLInputElement);
  #transparency = byId("transparency", HTMLElement);
  #hasPrints = this.#frame.classList.contains("has-prints");

  get isRefused() { return !this.#error.hidden; }
  get files() { return [...(this.#input.files ?? [])]; }

  /** The file fields hold nothing that is not seen. */
  clearFields() {
    this.#input.value = this.#camera.value = "";
  }

  /** Fields that are disabled send nothing. @param {boolean} disabled */
  disableFields(disabled) {
    this.#input.disabled = this.#camera.disabled = disabled;
  }

  /** @param {Blob} file */
  show(file) {
    URL.revokeObjectURL(this.view.src);
    this.view.src = URL.createObjectURL(file);
    this.view.removeAttribute("width");
    this.view.removeAttribute("height");
    this.view.hidden = false;
    this.#frame.classList.add("has-photo");
    this.#settle();
  }

  empty() {
    this.view.hidden = true;
    this.#frame.classList.remove("has-photo", "is-busy");
    this.#settle();
  }

  /** @param {boolean} shown */
  showPrints(shown) {
    this.#hasPrints = shown;
    this.#frame.classList.toggle("has-prints", shown);
    this.#settle();
  }

  /** @param {boolean} busy */
  markBusy(busy) {
    this.#frame.classList.toggle("is-busy", busy);
  }

  /** Transparency is offered unless it is known that the photo has none. @param {boolean} offered */
  offerTransparency(offered) {
    this.#transparency.classList.toggle("without-script", !offered);
  }

  /** An empty sentence: nothing is wrong. @param {string} sentence */
  refuse(sentence) {
    this.#error.textContent = sentence;
    this.#error.hidden = sentence === "";
    this.#input.toggleAttribute("aria-invalid", sentence !== "");
    // Below a photo that stays it may lie under the tray.
    if (sentence) this.#error.scrollIntoView({ block: "center" });
  }

  focus() {
    this.#input.focus();
    this.#frame.scrollIntoView({ block: "nearest" });
  }

  #settle() {
    this.#hint.hidden = this.#hasPrints || !this.view.hidden;
  }
}
