/** Puts a photo below the sheet and opens the dialog over the page. */
import { first } from "../lib/elements.js";
import { at } from "../lib/root.js";

/** @typedef {import("./field.js").Field} Field */
/** @typedef {import("./sheet.js").Sheet} Sheet */

/**
 * @param {HTMLDialogElement} dialog
 * @param {Sheet} sheet
 * @param {{field: Field}} desk receives the part that the board was opened for
 * @param {() => void} show shows the marks and says how many they are
 * @param {AbortSignal} signal
 */
export function connectBoard(dialog, sheet, desk, show, signal) {
  const stage = first(dialog, "[data-stage]", HTMLElement);
  const picture = first(stage, "img", HTMLImageElement);
  const title = first(dialog, "h2", HTMLElement);
  /** The address of the photo that the sheet has the shape of. */
  let fitted = "";

  // The hatching is as fine on a phone turned round as it was before.
  const watch = new ResizeObserver(() => dialog.open && sheet.show(desk.field.marks.made));
  watch.observe(stage);
  signal.addEventListener("abort", () => {
    watch.disconnect();
    dialog.close();
  });

  return {
    /**
     * @param {HTMLImageElement} view the photo on the page
     * @param {string} photoId
     * @param {Field} field
     */
    async open(view, photoId, field) {
      const address = view.src;
      const [width, height] = await hang(picture, view, photoId);
      const isWanted = () => !dialog.open && !signal.aborted && view.src === address;
      // Meanwhile another photo may have come, or a second click.
      if (!isWanted()) return;
      if (fitted !== address) {
        fitted = address;
        sheet.fit(width, height);
        stage.style.setProperty("--ratio", String(sheet.width / sheet.height));
      }
      await field.begin();
      if (!isWanted()) return;
      desk.field = field;
      title.textContent = field.title;
      dialog.showModal();
      show();
    },
  };
}

/**
 * The photo's width and height once it is shown.
 * @param {HTMLImageElement} picture
 * @param {HTMLImageElement} view
 * @param {string} photoId
 */
async function hang(picture, view, photoId) {
  picture.src = view.src;
  // The server can read photos that this browser cannot show.
  await picture.decode().catch(() => {
    picture.src = at(`/photos/${photoId}/thumb.webp`);
    return picture.decode();
  });
  // What the page says of the photo is exact; a thumbnail's sides are rounded.
  const said = ["width", "height"].map((side) => Number(view.getAttribute(side)));
  return [said[0] || picture.naturalWidth, said[1] || picture.naturalHeight];
}
