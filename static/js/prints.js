/** Several photos: each a print of _prints.html with its own line while it is sent, or the reason why it is none of the series. */
import { all, byId, copyOf, first } from "./lib/elements.js";
import { call } from "./lib/names.js";
import { at } from "./lib/root.js";
import { whyTooLarge } from "./lib/upload.js";
import { Queue } from "./prints/queue.js";
import { _, many } from "./lib/words.js";

export class Prints {
  #studio;
  #onChange;
  #prints = byId("prints", HTMLElement);
  #hint = byId("prints-hint", HTMLElement);
  #number = byId("prints-count", HTMLElement);
  #status = byId("status", HTMLElement);
  #queue = new Queue({
    onProgress: showProgress,
    onSent: (print, photo) => this.#onSent(print, photo),
    onRefused: refuse,
    onEnd: () => this.#changed(),
  });

  /**
   * @param {HTMLFormElement} studio
   * @param {() => void} onChange
   * @param {AbortSignal} signal
   */
  constructor(studio, onChange, signal) {
    this.#studio = studio;
    this.#onChange = onChange;
    this.#prints.addEventListener("click", (event) => this.#onClick(event), { signal });
  }

  /** Photos that are sent, or on their way. */
  get count() { return this.#all.filter((print) => !isRefused(print)).length; }
  get isShown() { return this.#all.length > 0; }
  get isSending() { return this.#queue.size > 0; }
  /** Resolves once all are sent or refused. */
  get sent() { return this.#queue.sent; }

  /** @param {Iterable<File>} files */
  add(files) {
    document.getElementById("left-out")?.remove();
    for (const file of files) {
      const refusal = this.#whyNot(file);
      const print = copyOf("print");
      this.#prints.append(print);
      if (refusal) refuse(print, file.name, refusal);
      else {
        print.dataset.name = file.name;
        this.#queue.add(print, file);
      }
    }
    this.#changed();
    this.#queue.next();
  }

  get #all() { return all(this.#prints, ":scope > *", HTMLElement); }

  /** Why a file is no photo of the series; empty if it may be. @param {File} file */
  #whyNot(file) {
    const { mostPhotos, limitMb } = this.#studio.dataset;
    if (this.count >= Number(mostPhotos)) return _("A series has at most {most} photos; this one was left out.", { most: Number(mostPhotos) });
    return whyTooLarge(file, Number(limitMb));
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const target = /** @type {Element} */ (event.target);
    if (target.closest(".print__remove")) this.#remove(/** @type {HTMLElement} */ (target.closest(".print")));
    // The check box, which a click on its label would change, is for browsers without scripts.
    else if (target.closest(".print__sheet")) event.preventDefault();
  }

  /** @param {HTMLElement} print */
  #remove(print) {
    const neighbour = print.nextElementSibling ?? print.previousElementSibling;
    this.#queue.drop(print);
    print.remove();
    this.#changed();
    (neighbour?.querySelector("button") ?? byId("photo", HTMLInputElement)).focus();
  }

  /** @param {HTMLElement} print @param {import("./lib/upload.js").Photo} photo */
  #onSent(print, photo) {
    showPhoto(print, photo);
    this.#status.textContent = _("{sent} of {count} photos sent", { sent: this.count - this.#queue.size, count: this.count });
  }

  #changed() {
    this.#prints.hidden = this.#hint.hidden = !this.isShown;
    this.#number.textContent = many("{count} photo", "{count} photos", this.count);
    this.#onChange();
  }
}

/** @param {HTMLElement} print */
const isRefused = (print) => print.classList.contains("is-refused");

/** @param {HTMLElement} print */
const lineOf = (print) => first(print, ".print__progress", HTMLProgressElement);

/** @param {HTMLElement} print @param {number} share 0 to 1 */
function showProgress(print, share) {
  lineOf(print).value = share;
}

/** The photo as the server has it. @param {HTMLElement} print @param {import("./lib/upload.js").Photo} photo */
function showPhoto(print, photo) {
  const picture = first(print, ".print__picture", HTMLImageElement);
  const check = first(print, ".print__check", HTMLInputElement);
  Object.assign(picture, { src: at(`/photos/${photo.id}/thumb.webp`), width: photo.width, height: photo.height, hidden: false });
  Object.assign(check, { value: photo.id, disabled: false, checked: true });
  lineOf(print).hidden = true;
  print.dataset.photo = photo.id;
  if (!print.dataset.name) return;
  picture.alt = print.dataset.name;
  call(photo.id, print.dataset.name);
}

/**
 * @param {HTMLElement} print
 * @param {string} name
 * @param {string} sentence
 */
function refuse(print, name, sentence) {
  const words = first(print, ".print__words", HTMLElement);
  words.replaceChildren(Object.assign(document.createElement("b"), { textContent: name }), sentence);
  words.hidden = false;
  words.setAttribute("role", "alert");
  print.classList.add("is-refused");
}
