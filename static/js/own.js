/** Paintings of one's own: sent as soon as they are chosen, and hung beside the others as the chosen one. */
import { whyNot } from "./lib/answers.js";
import { at } from "./lib/root.js";
import { upload } from "./lib/upload.js";

/**
 * @param {HTMLFormElement} studio
 * @param {AbortSignal} signal
 */
export function connectOwn(studio, signal) {
  const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
  const [input, error, status, template, paint] = ["own-painting", "own-painting-error", "status", "mine", "paint"].map(by);
  const card = /** @type {HTMLElement} */ (studio.querySelector("[data-own]"));
  const cards = () => /** @type {HTMLElement[]} */ ([...studio.querySelectorAll("[data-mine]")]);
  const selects = /** @type {HTMLSelectElement[]} */ ([...studio.querySelectorAll("select[name=style]")]);
  let made = cards().length;
  /** The upload under way; the form waits for it. @type {Promise<void> | null} */
  let uploading = null;

  const refuse = (/** @type {string} */ sentence) => {
    error.textContent = sentence;
    error.hidden = sentence === "";
    input.toggleAttribute("aria-invalid", sentence !== "");
  };
  const told = () => studio.dispatchEvent(new Event("change"));

  /** @param {string} id @param {File} file */
  const hang = (id, file) => {
    const title = `Your painting ${++made}`;
    const fresh = /** @type {HTMLElement} */ (template.content.firstElementChild.cloneNode(true));
    const radio = /** @type {HTMLInputElement} */ (fresh.querySelector("input"));
    const picture = /** @type {HTMLImageElement} */ (fresh.querySelector("img"));
    const remove = /** @type {HTMLButtonElement} */ (fresh.querySelector(".card__remove"));
    fresh.dataset.mine = radio.value = remove.value = id;
    radio.dataset.title = title;
    /** @type {HTMLElement} */ (fresh.querySelector("cite")).textContent = title;
    remove.ariaLabel = `Remove ${title}`;
    /** @type {HTMLElement} */ (fresh.querySelector("[data-add] .unseen")).textContent = ` ${title} in`;
    picture.src = URL.createObjectURL(file);
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src), { once: true, signal });
    card.before(fresh);
    for (const select of selects) select.add(new Option(title, id));
    radio.checked = true;
    radio.focus({ preventScroll: true });
    status.textContent = `${title} is chosen.`;
    told();
  };

  input.addEventListener("change", () => {
    const file = input.files[0];
    if (!file) return;
    refuse("");
    card.classList.add("is-busy");
    status.textContent = "Sending your painting…";
    uploading = upload(file, signal, undefined, "painting")
      .then(({ id }) => hang(id, file))
      .catch((/** @type {unknown} */ reason) => signal.aborted || refuse(reason instanceof Error ? reason.message : String(reason)))
      .finally(() => {
        input.value = "";
        uploading = null;
        card.classList.remove("is-busy");
      });
  }, { signal });

  studio.addEventListener("click", async (event) => {
    const button = event.target instanceof Element && event.target.closest(".card__remove");
    const gone = button && /** @type {HTMLElement | null} */ (button.closest("[data-mine]"));
    if (!gone) return;
    event.preventDefault();
    const response = await fetch(at(`/api/v1/paintings/${gone.dataset.mine}`), { method: "DELETE", signal }).catch(() => null);
    if (!response?.ok && response?.status !== 404) {
      return refuse(`${whyNot(response?.status) || "It could not be removed just now."} Try again in a moment.`);
    }
    for (const select of selects) select.querySelector(`[value="${gone.dataset.mine}"]`)?.remove();
    gone.remove();
    status.textContent = "Your painting is removed.";
    input.focus({ preventScroll: true });
    told();
  }, { signal });

  studio.addEventListener("submit", async (event) => {
    if (!uploading || event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    paint.disabled = true;
    await uploading;
    paint.disabled = false;
    if (error.hidden) studio.requestSubmit(paint);
  }, { signal });
}
