/** A photo with the drawing: traced, or painted with the parts. */
import { byId } from "../lib/elements.js";
import { _ } from "../lib/words.js";

/** @typedef {import("./desk.js").Desk} Desk */

/** Longest side of the copy that is sent for small drafts. */
const LONGEST = 512;

/**
 * @param {HTMLFormElement} form
 * @param {Desk} desk
 * @param {() => void} onContent told when another photo, or none, is painted with the parts
 * @param {AbortSignal} signal
 */
export function connectPhoto(form, desk, onContent, signal) {
  const input = byId("photo", HTMLInputElement);
  const [stage, error, ways] = ["stage", "photo-error", "photo-ways"].map((id) => byId(id, HTMLElement));
  const picture = byId("photo-view", HTMLImageElement);
  const [traces, content] = ["trace", "content"].map((id) => byId(id, HTMLInputElement));
  const id = byId("photo-id", HTMLInputElement);

  const show = () => {
    const isThere = !picture.hidden;
    ways.hidden = !isThere;
    stage.toggleAttribute("data-trace", isThere && traces.checked);
  };
  const hang = async (/** @type {string} */ address) => {
    URL.revokeObjectURL(picture.src);
    picture.src = address;
    const isShown = await picture.decode().then(() => true, () => false);
    error.hidden = isShown;
    error.textContent = isShown ? "" : _("Your browser cannot show this photo. Choose it as JPEG or PNG.");
    if (!isShown) input.value = "";
    picture.hidden = !isShown;
    desk.reshape(isShown ? picture.naturalWidth / picture.naturalHeight : null);
    show();
    if (content.checked) onContent();
  };
  const drop = () => {
    input.value = id.value = "";
    picture.hidden = true;
    error.hidden = true;
    desk.reshape(null);
    show();
    if (content.checked) onContent();
  };
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (!file) return;
    id.value = "";
    void hang(URL.createObjectURL(file));
  }, { signal });
  byId("photo-drop", HTMLElement).addEventListener("click", () => {
    drop();
    input.focus();
  }, { signal });
  traces.addEventListener("change", show, { signal });
  content.addEventListener("change", onContent, { signal });
  form.addEventListener("formdata", ({ formData }) => {
    if (content.checked) return;
    formData.delete("photo");
    formData.delete("photo_id");
  }, { signal });

  const isContent = () => !picture.hidden && content.checked;
  // What the server kept of a form that it sent back; or what the browser did, after "back".
  if (input.files?.[0]) void hang(URL.createObjectURL(input.files[0]));
  else if (picture.src) void hang(picture.src);

  /** What a small draft is painted from: the photo in a few pixels, or an empty sheet of the drawing's shape. */
  return async () => {
    const longest = Math.max(...desk.sides);
    const [width, height] = desk.sides.map((side) => Math.round((LONGEST * side) / longest));
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (isContent()) context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
    return { blob: /** @type {Blob} */ (blob), isContent: isContent() };
  };
}
