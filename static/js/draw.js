/** The page to draw on: a painting's parts are brushes, and the drawing is painted while the hand rests. */
import { Desk, lastCard } from "./draw/desk.js";
import { Drafts } from "./draw/drafts.js";
import { Live } from "./draw/live.js";
import { connectOwn, recallMap } from "./draw/own.js";
import { Paper, printedMap } from "./draw/paper.js";
import { connectPhoto } from "./draw/photo.js";
import { connectTools } from "./draw/tools.js";
import { all, byId } from "./lib/elements.js";
import { _ } from "./lib/words.js";

const page = new AbortController();
const { signal } = page;
const form = byId("draw", HTMLFormElement);
const status = byId("status", HTMLElement);
const map = byId("map", HTMLInputElement);
const cards = all(form, "[name=painting]", HTMLInputElement);
const desk = new Desk();
const paper = new Paper(byId("paper", HTMLCanvasElement));

const say = (/** @type {string} */ sentence) => void (status.textContent = sentence);
const show = () => {
  const { labels } = desk.drawing;
  form.style.setProperty("--ratio", String(labels.width / labels.height));
  paper.show(labels, desk.parts, desk.turn === "map" ? desk.ground : undefined);
};
const print = () => printedMap(desk.drawing.labels, desk.parts);
const put = (/** @type {HTMLInputElement} */ input, /** @type {File} */ file) => {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
};

/** Opens a drawing that another program made. */
async function open() {
  const file = map.files?.[0];
  const picture = file && (await createImageBitmap(file).catch(() => null));
  if (picture) desk.open(picture, picture.width / picture.height);
  say(picture ? _("Opened.") : _("Your browser cannot show this file. Choose a PNG."));
  map.value = "";
}

for (const event of ["stroke", "drawing"]) desk.addEventListener(event, show, { signal });
connectTools(form, desk, say, signal);
connectOwn(form, desk, say, signal);
const photoOf = connectPhoto(form, desk, () => live.forget(), signal);
const live = new Live(desk, new Drafts(photoOf), print, signal);
map.addEventListener("change", () => desk.isReady && void open(), { signal });
form.addEventListener("change", ({ target }) => {
  if (target instanceof HTMLInputElement && target.name === "painting") void desk.choose(target);
}, { signal });
form.addEventListener("submit", () => {
  if (!desk.isReady) return;
  live.stop();
  desk.turnTo("drawing");
  put(map, print());
  if (desk.own) put(byId("style-map", HTMLInputElement), desk.own.print());
}, { signal });

/** Opens the drawing of an artwork that is to be drawn on, once: from then on it is this browser's. */
async function drawOn() {
  const picture = document.getElementById("kept-drawing");
  if (!words.has("again") || !(picture instanceof HTMLImageElement)) return;
  await recallMap(desk);
  await picture.decode().catch(() => null);
  if (!picture.naturalWidth || desk.own?.fault) return;
  desk.turnTo("drawing");
  desk.open(picture, picture.naturalWidth / picture.naturalHeight);
  history.replaceState(null, "", `${location.pathname}?painting=${desk.id}`);
}

const words = new URLSearchParams(location.search);
const asked = words.has("painting") || words.has("again") || form.dataset.sent === "true";
const card = (asked ? undefined : lastCard(cards)) ?? cards.find((each) => each.checked);
if (card) {
  card.checked = true;
  void desk.choose(card).then(drawOn).then(() => live.begin());
}
