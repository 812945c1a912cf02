/** The page to draw on: a painting's parts are brushes, and the drawing is painted while the hand rests. */
import { Desk, lastCard } from "./draw/desk.js";
import { Drafts } from "./draw/drafts.js";
import { Live } from "./draw/live.js";
import { Paper, readDrawing } from "./draw/paper.js";
import { connectPhoto } from "./draw/photo.js";
import { sides } from "./draw/drawing.js";
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
  paper.show(labels, desk.parts);
};
const print = () => paper.print(desk.drawing.labels, desk.parts);

/** Opens a drawing that another program made. */
async function open() {
  const file = map.files?.[0];
  const picture = file && (await createImageBitmap(file).catch(() => null));
  if (picture) desk.put(readDrawing(picture, desk.parts, sides(picture.width / picture.height)));
  say(picture ? _("Opened.") : _("Your browser cannot show this file. Choose a PNG."));
  map.value = "";
}

for (const event of ["stroke", "drawing"]) desk.addEventListener(event, show, { signal });
connectTools(form, desk, say, signal);
const photoOf = connectPhoto(form, desk, () => live.forget(), signal);
const live = new Live(desk, new Drafts(photoOf), print, signal);
map.addEventListener("change", () => desk.isReady && void open(), { signal });
form.addEventListener("change", ({ target }) => {
  if (target instanceof HTMLInputElement && cards.includes(target)) void desk.choose(target);
}, { signal });
form.addEventListener("submit", () => {
  if (!desk.isReady) return;
  live.stop();
  const transfer = new DataTransfer();
  transfer.items.add(print());
  map.files = transfer.files;
}, { signal });

const asked = new URLSearchParams(location.search).has("painting") || form.dataset.sent === "true";
const card = (asked ? undefined : lastCard(cards)) ?? cards.find((each) => each.checked);
if (card) {
  card.checked = true;
  void desk.choose(card).then(() => live.begin());
}
