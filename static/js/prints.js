/** Several photos: each a print with its own line while it is sent, two at a time. */
import { at } from "./lib/root.js";
import { UploadError, upload } from "./lib/upload.js";

const AT_ONCE = 2;

/**
 * @param {HTMLFormElement} studio
 * @param {{signal: AbortSignal, onChange: () => void}} page
 */
export function connectPrints(studio, { signal, onChange }) {
  const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
  const [prints, template, frame, status] = ["prints", "print", "frame", "status"].map(by);
  const [mostPhotos, limitMb] = [Number(studio.dataset.mostPhotos), Number(studio.dataset.limitMb)];
  /** Prints that wait to be sent, or are on their way. @type {Set<HTMLElement>} */
  const unsent = new Set();
  /** @type {{print: HTMLElement, file: Blob}[]} */
  const queue = [];
  /** @type {Map<HTMLElement, AbortController>} */
  const sending = new Map();
  /** @type {(() => void)[]} */
  let waiting = [];

  const all = () => /** @type {HTMLElement[]} */ ([...prints.children]);
  const good = () => all().filter((print) => !print.classList.contains("is-refused"));

  const changed = () => {
    const number = good().length;
    const shown = all().length > 0;
    prints.hidden = !shown;
    frame.classList.toggle("has-prints", shown);
    by("prints-hint").hidden = !shown;
    if (shown) by("photo-hint").hidden = true;
    by("prints-count").textContent = `${number} photo${number === 1 ? "" : "s"}`;
    if (unsent.size === 0) {
      for (const done of waiting) done();
      waiting = [];
    }
    onChange();
    studio.dispatchEvent(new CustomEvent("photos", { detail: number }));
  };

  /**
   * @param {HTMLElement} print
   * @param {string} name
   * @param {string} sentence
   */
  const refuse = (print, name, sentence) => {
    const words = /** @type {HTMLElement} */ (print.querySelector(".print__words"));
    words.replaceChildren(Object.assign(document.createElement("b"), { textContent: name }), sentence);
    words.hidden = false;
    words.setAttribute("role", "alert");
    print.classList.add("is-refused");
    unsent.delete(print);
  };

  /** @param {HTMLElement} print */
  const remove = (print) => {
    sending.get(print)?.abort();
    unsent.delete(print);
    const neighbour = print.nextElementSibling ?? print.previousElementSibling;
    print.remove();
    changed();
    (/** @type {HTMLElement | null} */ (neighbour?.querySelector(".print__remove")) ?? by("photo")).focus();
  };

  const next = () => {
    while (sending.size < AT_ONCE && queue.length > 0) {
      const { print, file } = /** @type {{print: HTMLElement, file: File}} */ (queue.shift());
      if (print.isConnected) void send(print, file);
    }
  };

  /**
   * @param {HTMLElement} print
   * @param {File} file
   */
  const send = async (print, file) => {
    const mine = new AbortController();
    const part = (/** @type {string} */ name) => /** @type {any} */ (print.querySelector(`.print__${name}`));
    sending.set(print, mine);
    try {
      const photo = await patient(() => upload(file, mine.signal, (share) => (part("progress").value = share)), mine.signal);
      Object.assign(part("picture"), { src: at(`/photos/${photo.id}/thumb.webp`), width: photo.width, height: photo.height, hidden: false });
      Object.assign(part("check"), { value: photo.id, disabled: false, checked: true });
      part("progress").hidden = true;
      print.dataset.photo = photo.id;
      unsent.delete(print);
      status.textContent = `${good().length - unsent.size} of ${good().length} photos sent`;
    } catch (reason) {
      if (!mine.signal.aborted) refuse(print, file.name, reason instanceof Error ? reason.message : String(reason));
    }
    sending.delete(print);
    changed();
    next();
  };

  prints.addEventListener("click", (/** @type {Event} */ event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest(".print__remove")) remove(/** @type {HTMLElement} */ (target.closest(".print")));
    // The check box, which a click on its label would change, is for browsers without scripts.
    else if (target.closest(".print__sheet")) event.preventDefault();
  }, { signal });

  return {
    /** Photos that are sent, or on their way. */
    count: () => good().length,
    isShown: () => all().length > 0,
    isSending: () => unsent.size > 0,
    /** Resolves once all are sent or refused. @returns {Promise<void>} */
    sent: () => new Promise((resolve) => (unsent.size === 0 ? resolve() : waiting.push(resolve))),
    /** @param {Iterable<File>} files */
    add(files) {
      by("left-out")?.remove();
      for (const file of files) {
        const print = /** @type {HTMLElement} */ (template.content.firstElementChild.cloneNode(true));
        const isTooMany = good().length >= mostPhotos;
        prints.append(print);
        if (isTooMany) refuse(print, file.name, `A series has at most ${mostPhotos} photos; this one was left out.`);
        else if (file.size > limitMb * 1e6) refuse(print, file.name, `This photo is larger than ${limitMb} MB. Save it smaller, or as a JPEG, and choose it again.`);
        else {
          unsent.add(print);
          queue.push({ print, file });
        }
      }
      changed();
      next();
    },
  };
}

/**
 * Does it again after a pause while the answer is that too much was asked for at once: fifty photos may be.
 * @template Result
 * @param {() => Promise<Result>} send
 * @param {AbortSignal} signal
 * @returns {Promise<Result>}
 */
async function patient(send, signal) {
  for (;;) {
    try {
      return await send();
    } catch (reason) {
      if (!(reason instanceof UploadError) || reason.wait === 0) throw reason;
      await new Promise((resolve) => setTimeout(resolve, reason.wait * 1000));
      if (signal.aborted) throw reason;
    }
  }
}
