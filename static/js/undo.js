/** Deleting on the wall: at once for the eye, in truth only after some seconds in which it can be undone. */
import { all, byId, first } from "./lib/elements.js";
import { dropKept, keepWall } from "./lib/kept.js";
import { forget } from "./lib/memory.js";
import { at } from "./lib/root.js";
import { many } from "./lib/words.js";

const UNDO_MS = 7000;

/**
 * @param {HTMLElement} wall
 * @param {() => void} onChange called when pieces went or came back
 */
export function connectUndo(wall, onChange) {
  const [bar, words] = ["undo", "undo-words"].map((id) => byId(id, HTMLElement));
  const undo = byId("undo-button", HTMLButtonElement);
  let finish = () => {};

  /** @param {string} photo @param {HTMLElement[]} pieces */
  const remove = (photo, pieces) => {
    finish(); // Of the one before there is nothing to undo any more.
    const shown = (/** @type {boolean} */ isShown) => {
      for (const piece of pieces) piece.hidden = !isShown;
      for (const fold of all(wall, "details", HTMLDetailsElement)) fold.open = false;
      bar.hidden = isShown;
      onChange();
    };
    const end = new AbortController();
    const once = { signal: end.signal };
    finish = () => {
      if (end.signal.aborted) return;
      end.abort();
      bar.hidden = true;
      void deleted(photo).then((isGone) => {
        if (!isGone) return shown(true);
        for (const piece of pieces) forget(piece.dataset.job ?? "");
        void keepWall(document);
      });
    };
    const timer = setTimeout(() => finish(), UNDO_MS);
    end.signal.addEventListener("abort", () => clearTimeout(timer));
    // Who leaves the page does not undo it.
    window.addEventListener("pagehide", () => finish(), once);
    undo.addEventListener("click", () => {
      end.abort();
      shown(true);
      first(pieces[0], "a", HTMLAnchorElement).focus();
    }, once);
    shown(false);
    words.textContent = many("The photo and its artwork are deleted.", "The photo and its {count} artworks are deleted.", pieces.length);
    undo.focus();
  };

  wall.addEventListener("submit", (event) => {
    const piece = /** @type {HTMLElement} */ (event.target).closest("[data-photo]");
    if (!(piece instanceof HTMLElement)) return;
    event.preventDefault();
    const { photo = "" } = piece.dataset;
    remove(photo, all(wall, `[data-photo="${photo}"]`, HTMLElement));
  });
}

/** Whether the photo and all that was made from it are gone. @param {string} photo */
async function deleted(photo) {
  void dropKept();
  const response = await fetch(at(`/api/v1/photos/${photo}`), { method: "DELETE", keepalive: true }).catch(() => null);
  return response?.ok ?? false;
}
