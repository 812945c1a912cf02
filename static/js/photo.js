/**
 * The drop zone: choose, drag, paste or take a photo. It is shown at once and uploaded while the painting is chosen.
 * Several at once become prints, which prints.js looks after.
 */
import { whyNotSent } from "./lib/answers.js";
import { byId } from "./lib/elements.js";
import { Frame } from "./photo/frame.js";
import { Sender, connectSubmit } from "./photo/sender.js";
import { Prints } from "./prints.js";
import { _ } from "./lib/words.js";

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectPhoto(studio, signal) {
  const frame = new Frame();
  const photo = new Sender(studio, frame);
  const prints = new Prints(studio, () => onPrints(), signal);
  const label = connectSubmit(studio, { frame, photo, prints }, signal);
  const onPrints = () => {
    frame.showPrints(prints.isShown);
    label();
  };

  /** One photo takes the place of the one before; several, and any that come to them, are a series. @param {File[]} files */
  const takeAll = (files) => {
    if (files.length === 1 && !prints.isShown) return photo.take(files[0]);
    photo.drop();
    prints.add(files);
  };
  const taker = {
    takeAll,
    take: (/** @type {Blob} */ file) => photo.take(file),
    refuse: (/** @type {string} */ sentence) => frame.refuse(sentence),
  };
  connectSources(taker, signal);
  // A browser that restores the form after "back" brings the file, but neither its preview nor its upload.
  if (frame.files.length > 0 && !photo.hasArrived) takeAll(frame.files);
}

/**
 * `take` is for the sample, which is one photo whatever was there before.
 * @typedef {{take(file: Blob): void, takeAll(files: File[]): void, refuse(sentence: string): void}} Taker
 */

/**
 * @param {Taker} taker
 * @param {AbortSignal} signal
 */
function connectSources(taker, signal) {
  for (const id of ["photo", "camera"]) connectInput(byId(id, HTMLInputElement), taker, signal);
  connectDrop(byId("frame", HTMLElement), taker, signal);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter((each) => each.type.startsWith("image/"));
    if (files.length > 0) taker.takeAll(files);
  }, { signal });
  connectSample(byId("sample", HTMLElement), taker, signal);
}

/**
 * @param {HTMLInputElement} input
 * @param {Taker} taker
 * @param {AbortSignal} signal
 */
function connectInput(input, taker, signal) {
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    if (files.length > 0) taker.takeAll(files);
  }, { signal });
}

/**
 * @param {HTMLElement} frame
 * @param {Taker} taker
 * @param {AbortSignal} signal
 */
function connectDrop(frame, taker, signal) {
  let depth = 0;
  document.addEventListener("dragenter", () => frame.classList.toggle("is-dragged", ++depth > 0), { signal });
  document.addEventListener("dragleave", () => frame.classList.toggle("is-dragged", --depth > 0), { signal });
  document.addEventListener("dragover", (event) => event.preventDefault(), { signal });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    frame.classList.remove("is-dragged");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) taker.takeAll(files);
    else taker.refuse(_("That was not a file. Save the picture first, then drop it here."));
  }, { signal });
}

/**
 * @param {HTMLElement} sample
 * @param {Taker} taker
 * @param {AbortSignal} signal
 */
function connectSample(sample, taker, signal) {
  sample.addEventListener("click", async (event) => {
    event.preventDefault();
    const response = await fetch(sample.dataset.sample ?? "", { signal }).catch(() => null);
    if (response?.ok) taker.take(await response.blob());
    else taker.refuse(whyNotSent(response?.status ?? 0, "photo"));
  }, { signal });
}
