/** Puts a photo below the sheet and opens the dialog over the page. */
import { opacityOf } from "./marks.js";

/** @typedef {import("./marks.js").Marks} Marks */
/** @typedef {import("./sheet.js").Sheet} Sheet */

/**
 * @param {HTMLDialogElement} dialog
 * @param {Sheet} sheet
 * @param {Marks} marks
 * @param {() => void} show shows the marks and says how many they are
 * @param {AbortSignal} signal
 */
export function connectBoard(dialog, sheet, marks, show, signal) {
  const stage = /** @type {HTMLElement} */ (dialog.querySelector("[data-stage]"));
  const picture = /** @type {HTMLImageElement} */ (stage.querySelector("img"));
  /** The address of the photo that the sheet has the shape of. */
  let fitted = "";

  // The hatching is as fine on a phone turned round as it was before.
  const watch = new ResizeObserver(() => dialog.open && sheet.show(marks.made));
  watch.observe(stage);
  signal.addEventListener("abort", () => {
    watch.disconnect();
    dialog.close();
  });

  /** @param {HTMLImageElement} view @param {string} photoId */
  const hang = async (view, photoId) => {
    picture.src = view.src;
    // The server can read photos that this browser cannot show.
    await picture.decode().catch(() => {
      picture.src = `/photos/${photoId}/thumb.webp`;
      return picture.decode();
    });
    // What the page says of the photo is exact; a thumbnail's sides are rounded.
    const said = ["width", "height"].map((side) => Number(view.getAttribute(side)));
    return [said[0] || picture.naturalWidth, said[1] || picture.naturalHeight];
  };

  /**
   * Takes a mask that was chosen as a file as the first mark; one that only the server can read stays as it is.
   * @param {Blob} file
   */
  const take = async (file) => {
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (bitmap) marks.add({ kind: "picture", picture: opacityOf(bitmap, sheet.width, sheet.height) });
  };

  return {
    /**
     * @param {HTMLImageElement} view the photo on the page
     * @param {string} photoId
     * @param {File | undefined} mask what the form's file field holds
     */
    async open(view, photoId, mask) {
      const address = view.src;
      const [width, height] = await hang(view, photoId);
      // Meanwhile another photo may have come, or a second click.
      if (dialog.open || signal.aborted || view.src !== address) return;
      if (fitted !== view.src) {
        fitted = view.src;
        sheet.fit(width, height);
        stage.style.setProperty("--ratio", String(sheet.width / sheet.height));
        if (mask) await take(mask);
      }
      dialog.showModal();
      show();
    },
    /** The next opening begins with an empty sheet. */
    clear() {
      marks.forget();
      fitted = "";
    },
  };
}
