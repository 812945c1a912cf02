/** A series: every canvas develops in its place, from one answer for all of them. */
import { develop } from "./lib/canvas.js";
import { all, byId, first } from "./lib/elements.js";
import { remember } from "./lib/memory.js";
import { localise } from "./lib/moments.js";
import { nameOf } from "./lib/names.js";
import { poll } from "./lib/poll.js";
import { at } from "./lib/root.js";
import { connectStop } from "./lib/stop.js";
import { _, many } from "./lib/words.js";

/**
 * @typedef {{id: string, photo: string, status: string, progress: number, doing: string, preview: number, artwork: string | null}} Piece
 * @typedef {{status: string, progress: number, doing: string, time_left: string, cancel_requested: boolean, finished: number, jobs: Piece[]}} Series
 */
const by = (/** @type {string} */ id) => byId(id, HTMLElement);
const [series, sheet, status] = ["series", "sheet", "status"].map(by);
const progress = byId("progress", HTMLProgressElement);
const address = at(`/api/v1/series/${series.dataset.series}`);
const page = new AbortController();
const { markStopping, onConnection } = connectStop(address, page.signal);
let announced = "";

const canvases = () => all(sheet, ":scope > *", HTMLElement);
const artworks = (/** @type {number} */ count) => many("{count} artwork", "{count} artworks", count);

/**
 * @param {HTMLElement} canvas
 * @param {Piece} job
 */
function paint(canvas, job) {
  const part = (/** @type {string} */ name) => first(canvas, `.canvas__${name}`, HTMLElement);
  const [link, save] = [".canvas__link", ".canvas__save"].map((selector) => first(canvas, selector, HTMLAnchorElement));
  const share = first(canvas, ".canvas__progress", HTMLProgressElement);
  if (canvas.dataset.job !== job.id) {
    // It was tried again: another job goes on with this photo.
    Object.assign(canvas.dataset, { job: job.id, preview: "0" });
    remember(job.id);
  }
  canvas.className = `canvas is-${job.status}`;
  link.href = at(`/jobs/${job.id}`);
  const name = nameOf(job.photo);
  const number = part("number").textContent;
  link.ariaLabel = name ? `${name}: ${job.doing}` : _("Photo {number}: {doing}", { number, doing: job.doing });
  part("doing").textContent = job.doing;
  share.value = job.progress;
  share.hidden = !["queued", "running"].includes(job.status);
  save.href = at(`/api/v1/jobs/${job.id}/artwork.jpg`);
  save.hidden = !job.artwork;
  if (job.preview <= Number(canvas.dataset.preview)) return;
  canvas.dataset.preview = String(job.preview);
  const isNewest = () => canvas.dataset.job === job.id && canvas.dataset.preview === String(job.preview);
  const shown = all(canvas, ".canvas__preview", HTMLImageElement);
  void develop(shown[shown.length - 1], at(`/api/v1/jobs/${job.id}/preview?v=${job.preview}`), isNewest);
}

/** @param {Series} answer */
function onAnswer(answer) {
  const ended = answer.status === "ended";
  const jobs = new Map(answer.jobs.map((job) => [job.photo, job]));
  for (const canvas of canvases()) {
    const job = jobs.get(canvas.dataset.photo ?? "");
    if (job) paint(canvas, job);
    else canvas.remove(); // It was deleted.
  }
  by("number").textContent = many("{count} photo", "{count} photos", answer.jobs.length);
  by("doing").textContent = answer.doing;
  progress.value = answer.progress;
  by("eta").textContent = answer.time_left;
  by("overline").textContent = ended ? _("Your artworks") : _("On the easels");
  for (const each of ["progress", "eta", "stop-form", "note"].map(by)) each.hidden = ended;
  by("zip-number").textContent = artworks(answer.finished);
  by("zip").hidden = by("zip-png").hidden = answer.finished === 0;
  document.title = ended ? `${artworks(answer.finished)} · Atelier` : `${Math.round(answer.progress * 100)} % · Atelier`;
  if (answer.cancel_requested) markStopping();
  announce(answer);
  series.dataset.status = answer.status;
}

/** One polite sentence for each artwork, and one at the end. @param {Series} answer */
function announce(answer) {
  const key = `${answer.status} ${answer.finished}`;
  if (key === announced) return;
  announced = key;
  status.textContent = answer.doing;
}

localise(document);
for (const canvas of canvases()) first(canvas, ".canvas__name", HTMLElement).textContent = nameOf(canvas.dataset.photo ?? "");
for (const canvas of canvases().toReversed()) remember(canvas.dataset.job ?? "");
if (series.dataset.status !== "ended") {
  void poll(address, {
    onAnswer,
    onConnection,
    onGone: () => location.reload(),
    signal: page.signal,
  });
}
// A page kept for "back" is asked anew when it is shown again.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
