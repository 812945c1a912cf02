/** The one photo on its way to the server, and the form that waits for it, and for those of a series. */
import { byId } from "../lib/elements.js";
import { at } from "../lib/root.js";
import { UploadError, upload, whyFailed, whyTooLarge } from "../lib/upload.js";
import { _ } from "../lib/words.js";

export class Sender {
  #studio;
  #frame;
  #photoId = byId("photo-id", HTMLInputElement);
  /** The upload under way, if any. @type {Promise<void> | null} */
  #uploading = null;
  /** The photo that is shown and did not arrive, for no fault of its own; the next try sends it again. @type {Blob | null} */
  #unsent = null;
  #current = new AbortController();

  /**
   * @param {HTMLFormElement} studio receives "photo" when the server has a new one
   * @param {import("./frame.js").Frame} frame
   */
  constructor(studio, frame) {
    this.#studio = studio;
    this.#frame = frame;
  }

  get hasArrived() { return this.#photoId.value !== ""; }
  get isSending() { return this.#uploading !== null; }
  /** Resolves once the photo has arrived or been refused. */
  get sent() { return this.#uploading ?? Promise.resolve(); }

  /** @param {Blob} file */
  take(file) {
    this.#stop();
    const refusal = whyTooLarge(file, Number(this.#studio.dataset.limitMb));
    if (refusal) {
      this.#frame.empty();
      return this.#frame.refuse(refusal);
    }
    this.#frame.show(file);
    this.#frame.markBusy(true);
    this.#uploading = this.#send(file, this.#current.signal);
  }

  /** There is no photo any more. */
  drop() {
    this.#stop();
    this.#frame.empty();
  }

  /** Sends the photo that did not arrive again, if there is one. */
  retry() {
    if (this.#unsent) this.take(this.#unsent);
  }

  /** Gives up the photo before, whether it has arrived or not; it is still shown. */
  #stop() {
    this.#current.abort();
    this.#current = new AbortController();
    this.#uploading = this.#unsent = null;
    this.#photoId.value = "";
    this.#frame.clearFields();
    this.#frame.offerTransparency(true);
    this.#frame.refuse("");
  }

  /** @param {Blob} file @param {AbortSignal} signal */
  async #send(file, signal) {
    try {
      this.#onArrival(await upload(file, signal));
    } catch (reason) {
      if (!signal.aborted) this.#onFailure(file, reason);
    }
    if (signal.aborted) return;
    this.#uploading = null;
    this.#frame.markBusy(false);
  }

  /** @param {import("../lib/upload.js").Photo} photo */
  #onArrival(photo) {
    const { view } = this.#frame;
    this.#photoId.value = photo.id;
    this.#frame.offerTransparency(photo.transparent === true);
    // The server can read photos that this browser cannot show.
    if (view.complete && !view.naturalWidth) view.src = at(`/photos/${photo.id}/thumb.webp`);
    this.#studio.dispatchEvent(new CustomEvent("photo", { detail: photo }));
  }

  /** @param {Blob} file @param {unknown} reason */
  #onFailure(file, reason) {
    if (!(reason instanceof UploadError) || reason.isAboutPhoto) this.#frame.empty();
    else this.#unsent = file;
    this.#frame.refuse(whyFailed(reason));
  }
}

/**
 * @param {HTMLFormElement} studio
 * @param {{frame: import("./frame.js").Frame, photo: import("./sender.js").Sender, prints: import("../prints.js").Prints}} parts
 * @param {AbortSignal} signal
 * @returns {() => void} says on the button how many photos it paints
 */
export function connectSubmit(studio, { frame, photo, prints }, signal) {
  const paint = byId("paint", HTMLButtonElement);
  const [sample, status] = ["sample", "status"].map((id) => byId(id, HTMLElement));
  let submitting = false;

  const label = () => {
    paint.textContent = prints.count > 1 ? _("Paint all {count}", { count: prints.count }) : _("Paint it");
  };
  const hasPhotos = () => photo.hasArrived || prints.count > 0;

  const sendLater = async () => {
    paint.disabled = true;
    status.textContent = paint.textContent = prints.isShown ? _("Sending the photos…") : _("Sending the photo…");
    await (photo.isSending ? photo.sent : prints.sent);
    paint.disabled = false;
    label();
    if (hasPhotos()) studio.requestSubmit(paint);
  };
  const askForPhoto = () => {
    if (!frame.isRefused) frame.refuse(_("There is no photo yet. Choose one, drop one into the frame, or take the sample."));
    frame.focus();
  };

  studio.addEventListener("submit", (event) => {
    if (submitting || event.submitter === sample) return event.preventDefault();
    if (event.submitter?.hasAttribute("formaction")) return; // it sends the form elsewhere, for which no photo is needed
    photo.retry();
    // No painting is chosen yet, which is said at its own step.
    if (event.defaultPrevented) return photo.isSending || prints.isSending || hasPhotos() ? undefined : askForPhoto();
    submitting = !photo.isSending && !prints.isSending && hasPhotos();
    if (submitting) {
      frame.disableFields(true);
      paint.textContent = prints.count > 1 ? _("Setting up the easels…") : _("Setting up the easel…");
      return;
    }
    event.preventDefault();
    if (photo.isSending || prints.isSending) void sendLater();
    else askForPhoto();
  }, { signal });

  // Coming back to this page from the easel must find it usable.
  window.addEventListener("pageshow", () => {
    submitting = paint.disabled = false;
    frame.disableFields(false);
    label();
  }, { signal });
  return label;
}
