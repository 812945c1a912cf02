/**
 * The drop zone: choose, drag, paste or take a photo. It is shown at once and uploaded while the painting is chosen.
 * Several at once become prints, which prints.js looks after.
 */
import { connectPrints } from "./prints.js";
import { whyNotSent } from "./lib/answers.js";
import { at } from "./lib/root.js";
import { UploadError, upload } from "./lib/upload.js";

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectPhoto(studio, signal) {
  const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
  const [frame, view, hint, error, status] = ["frame", "photo-view", "photo-hint", "photo-error", "status"].map(by);
  const [input, camera, photoId, sample, paint] = ["photo", "camera", "photo-id", "sample", "paint"].map(by);
  const transparency = by("transparency");
  const limitMb = Number(studio.dataset.limitMb);
  /** The upload under way, if any; `paint` waits for it. @type {Promise<void> | null} */
  let uploading = null;
  /** The photo that is shown and did not arrive, for no fault of its own; the next try sends it again. @type {Blob | null} */
  let unsent = null;
  let current = new AbortController();
  let submitting = false;
  const prints = connectPrints(studio, { signal, onChange: () => onPrints() });

  const label = () => {
    paint.textContent = prints.count() > 1 ? `Paint all ${prints.count()}` : "Paint it";
  };
  const onPrints = () => {
    label();
    if (!prints.isShown()) hint.hidden = !view.hidden;
  };

  const refuse = (/** @type {string} */ sentence) => {
    error.textContent = sentence;
    error.hidden = sentence === "";
    input.toggleAttribute("aria-invalid", sentence !== "");
    // Below a photo that stays it may lie under the tray.
    if (sentence) error.scrollIntoView({ block: "center" });
  };

  /** Transparency is offered unless it is known that the photo has none. */
  const offerTransparency = (/** @type {boolean} */ offered) => transparency.classList.toggle("without-script", !offered);

  const forget = () => {
    offerTransparency(true);
    photoId.value = "";
    unsent = null;
    view.hidden = true;
    hint.hidden = prints.isShown();
    frame.classList.remove("has-photo", "is-busy");
  };

  /** @param {Blob} file */
  const take = (file) => {
    current.abort();
    current = new AbortController();
    input.value = camera.value = photoId.value = "";
    unsent = null;
    offerTransparency(true);
    refuse("");
    if (file.size > limitMb * 1e6) {
      forget();
      return refuse(`This photo is larger than ${limitMb} MB. Save it smaller, or as a JPEG, and choose it again.`);
    }
    URL.revokeObjectURL(view.src);
    view.src = URL.createObjectURL(file);
    view.removeAttribute("width");
    view.removeAttribute("height");
    view.hidden = false;
    hint.hidden = true;
    frame.classList.add("has-photo", "is-busy");
    const mine = current.signal;
    uploading = upload(file, mine)
      .then((photo) => {
        photoId.value = photo.id;
        offerTransparency(photo.transparent === true);
        // The server can read photos that this browser cannot show.
        if (view.complete && !view.naturalWidth) view.src = at(`/photos/${photo.id}/thumb.webp`);
        studio.dispatchEvent(new CustomEvent("photo", { detail: photo }));
      })
      .catch((/** @type {unknown} */ reason) => {
        if (mine.aborted) return;
        if (!(reason instanceof UploadError) || reason.isAboutPhoto) forget();
        else unsent = file;
        refuse(reason instanceof Error ? reason.message : String(reason));
      })
      .finally(() => {
        if (mine.aborted) return;
        uploading = null;
        frame.classList.remove("is-busy");
      });
  };

  /** One photo takes the place of the one before; several, and any that come to them, are a series. @param {File[]} files */
  const takeAll = (files) => {
    if (files.length === 1 && !prints.isShown()) return take(files[0]);
    current.abort();
    uploading = null;
    forget();
    refuse("");
    prints.add(files);
    input.value = camera.value = "";
  };

  for (const source of [input, camera]) {
    source.addEventListener("change", () => source.files[0] && takeAll([...source.files]), { signal });
  }
  // A browser that restores the form after "back" brings the file, but neither its preview nor its upload.
  if (input.files[0] && !photoId.value) takeAll([...input.files]);

  let depth = 0;
  document.addEventListener("dragenter", () => frame.classList.toggle("is-dragged", ++depth > 0), { signal });
  document.addEventListener("dragleave", () => frame.classList.toggle("is-dragged", --depth > 0), { signal });
  document.addEventListener("dragover", (event) => event.preventDefault(), { signal });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    frame.classList.remove("is-dragged");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) takeAll(files);
    else refuse("That was not a file. Save the picture first, then drop it here.");
  }, { signal });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter((each) => each.type.startsWith("image/"));
    if (files.length > 0) takeAll(files);
  }, { signal });

  sample.addEventListener("click", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const response = await fetch(sample.dataset.sample, { signal }).catch(() => null);
    if (response?.ok) take(await response.blob());
    else refuse(whyNotSent(response?.status ?? 0, "sample photo"));
  }, { signal });

  studio.addEventListener("submit", async (event) => {
    if (submitting || event.submitter === sample) return event.preventDefault();
    if (event.submitter?.hasAttribute("formaction")) return; // it sends the form elsewhere, for which no photo is needed
    if (unsent) take(unsent);
    if (uploading || prints.isSending()) {
      event.preventDefault();
      paint.disabled = true;
      status.textContent = paint.textContent = prints.isShown() ? "Sending the photos…" : "Sending the photo…";
      await (uploading ?? prints.sent());
      paint.disabled = false;
      label();
      if (photoId.value || prints.count() > 0) studio.requestSubmit(paint);
      return;
    }
    if (!photoId.value && prints.count() === 0) {
      event.preventDefault();
      if (error.hidden) refuse("There is no photo yet. Choose one, drop one into the frame, or take the sample.");
      input.focus();
      frame.scrollIntoView({ block: "nearest" });
      return;
    }
    submitting = true;
    input.disabled = camera.disabled = true;
    paint.textContent = prints.count() > 1 ? "Setting up the easels…" : "Setting up the easel…";
  }, { signal });

  // Coming back to this page from the easel must find it usable.
  window.addEventListener("pageshow", () => {
    submitting = false;
    input.disabled = camera.disabled = paint.disabled = false;
    label();
  }, { signal });
}
