/** The artwork looked at closely: zoom and pan by wheel, fingers, drag, keys, buttons; on the whole screen, too. */
import { all, byId } from "./lib/elements.js";
import { enlarged, grip, held, WHOLE, within } from "./lib/lens.js";
import { _ } from "./lib/words.js";

const STEP = 1.5, CLOSE = 2.5, STRIDE = 0.15;
const MOST = 8; // or as far as a pixel of the picture is four of the view

/**
 * @param {HTMLElement} view
 * @param {AbortSignal} signal
 */
export function connectZoom(view, signal) {
  const picture = { width: Number(view.dataset.width), height: Number(view.dataset.height) };
  const share = byId("zoom-share", HTMLElement);
  let place = WHOLE;

  const most = () => Math.max(MOST, (4 * picture.width) / view.clientWidth);
  const middle = () => ({ x: view.clientWidth / 2, y: view.clientHeight / 2 });
  const show = (/** @type {import("./lib/lens.js").Place} */ next, isSmooth = false) => {
    place = held(next, { width: view.clientWidth, height: view.clientHeight }, picture);
    view.classList.toggle("is-smooth", isSmooth);
    view.classList.toggle("is-zoomed", place.scale > 1);
    view.style.setProperty("--zoom", String(place.scale));
    view.style.setProperty("--x", `${place.x}px`);
    view.style.setProperty("--y", `${place.y}px`);
    share.textContent = `${Math.round(100 * place.scale)} %`;
  };
  const zoom = (/** @type {number} */ factor, about = middle()) => show(enlarged(place, factor, about, most()), true);
  const move = (/** @type {number} */ x, /** @type {number} */ y) =>
    show({ ...place, x: place.x - x * STRIDE * view.clientWidth, y: place.y - y * STRIDE * view.clientHeight }, true);

  /** @type {Record<string, () => void>} */
  const deeds = { in: () => zoom(STEP), out: () => zoom(1 / STEP), whole: () => show(WHOLE, true) };
  for (const button of all(document, "[data-zoom]", HTMLElement)) button.addEventListener("click", deeds[button.dataset.zoom ?? ""], { signal });
  connectKeys(view, { "+": deeds.in, "=": deeds.in, "-": deeds.out, 0: deeds.whole }, move, signal);
  connectWheel(view, () => place.scale > 1, (factor, about) => show(enlarged(place, factor, about, most())), signal);
  connectFingers(view, (before, after) => {
    const next = enlarged(place, after.spread / before.spread, before.middle, most());
    show({ ...next, x: next.x + after.middle.x - before.middle.x, y: next.y + after.middle.y - before.middle.y });
  }, signal);
  view.addEventListener("dblclick", (event) => (place.scale > 1 ? deeds.whole() : zoom(CLOSE, pointOf(view, event))), { signal });
  // Otherwise the browser drags the picture out of the page.
  view.addEventListener("dragstart", (event) => place.scale > 1 && event.preventDefault(), { signal });

  const watch = new ResizeObserver(() => show(place));
  watch.observe(view);
  signal.addEventListener("abort", () => watch.disconnect());
}

/** Where in the view it happened. @param {HTMLElement} view @param {MouseEvent} event */
function pointOf(view, event) {
  const box = view.getBoundingClientRect();
  return { x: event.clientX - box.x, y: event.clientY - box.y };
}

/**
 * @param {HTMLElement} view
 * @param {Record<string, () => void>} keys
 * @param {(x: number, y: number) => void} move by strides; the page scrolls instead while all of the picture is there
 * @param {AbortSignal} signal
 */
function connectKeys(view, keys, move, signal) {
  /** @type {Record<string, [number, number]>} */
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  view.tabIndex = 0;
  view.setAttribute("role", "group");
  view.ariaLabel = _("The picture: + and − zoom, arrows move, 0 shows all of it");
  view.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = view.classList.contains("is-zoomed") && arrows[event.key];
    if (arrow) move(...arrow);
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  }, { signal });
}

/**
 * The wheel zooms with Ctrl, as two fingers on a touchpad do, and without it where nothing else is meant: once the picture
 * was clicked, is zoomed, or has the whole screen. Otherwise the page scrolls.
 * @param {HTMLElement} view
 * @param {() => boolean} isZoomed
 * @param {(factor: number, about: import("./lib/lens.js").Point) => void} zoom
 * @param {AbortSignal} signal
 */
function connectWheel(view, isZoomed, zoom, signal) {
  view.addEventListener("wheel", (event) => {
    const isPinch = event.ctrlKey || event.metaKey;
    const isMeant = document.activeElement === view || document.fullscreenElement !== null;
    if (!isPinch && !isZoomed() && !(isMeant && event.deltaY < 0)) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    zoom(within(Math.exp(-event.deltaY * lines * (isPinch ? 0.01 : 0.002)), 0.5, 2), pointOf(view, event));
  }, { signal, passive: false });
}

/**
 * One finger or the mouse drags, two fingers pinch.
 * @param {HTMLElement} view
 * @param {(before: ReturnType<typeof grip>, after: ReturnType<typeof grip>) => void} onMove
 * @param {AbortSignal} signal
 */
function connectFingers(view, onMove, signal) {
  /** @type {Map<number, import("./lib/lens.js").Point>} */
  const fingers = new Map();
  view.addEventListener("pointerdown", (event) => event.button === 0 && fingers.set(event.pointerId, pointOf(view, event)), { signal });
  // Beyond the view, too; without capturing the pointer, which would take the browser's own drag from an unzoomed picture.
  window.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = grip([...fingers.values()]);
    fingers.set(event.pointerId, pointOf(view, event));
    onMove(before, grip([...fingers.values()]));
  }, { signal });
  for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
    window.addEventListener(end, (event) => fingers.delete(event.pointerId), { signal });
  }
}

/**
 * The button that gives an element the whole screen, where browsers do that.
 * @param {HTMLElement} element
 * @param {HTMLElement} view what then has the keys
 * @param {AbortSignal} signal
 */
export function connectFullScreen(element, view, signal) {
  const button = byId("full", HTMLButtonElement);
  button.hidden = !document.fullscreenEnabled;
  button.addEventListener("click", async () => {
    if (document.fullscreenElement) return document.exitFullscreen();
    await element.requestFullscreen();
    view.focus();
  }, { signal });
  document.addEventListener("fullscreenchange", () => {
    button.textContent = document.fullscreenElement ? _("Leave full screen") : _("Full screen");
  }, { signal });
}
