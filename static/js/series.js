/** A series: every canvas develops in its place, from one answer for all of them. */
import { develop } from "./lib/canvas.js";
import { remember } from "./lib/memory.js";
import { poll } from "./lib/poll.js";
import { at } from "./lib/root.js";
import { connectStop } from "./lib/stop.js";

/**
 * @typedef {{id: string, photo: string, status: string, progress: number, doing: string, preview: number, artwork: string | null}} Piece
 * @typedef {{status: string, progress: number, doing: string, time_left: string, cancel_requested: boolean, finished: number, jobs: Piece[]}} Series
 */
const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const [series, sheet, doing, progress, eta, zip] = ["series", "sheet", "doing", "progress", "eta", "zip"].map(by);
const [stopForm, status] = ["stop-form", "status"].map(by);
const address = at(`/api/v1/series/${series.dataset.series}`);
const page = new AbortController();
const { markStopping, onConnection } = connectStop(address, page.signal);
let announced = "";

const counted = (/** @type {number} */ number, /** @type {string} */ word) => `${number} ${word}${number === 1 ? "" : "s"}`;

/**
 * @param {HTMLElement} canvas
 * @param {Piece} job
 */
function paint(canvas, job) {
  const part = (/** @type {string} */ name) => /** @type {any} */ (canvas.querySelector(`.canvas__${name}`));
  if (canvas.dataset.job !== job.id) {
    // It was tried again: another job goes on with this photo.
    Object.assign(canvas.dataset, { job: job.id, preview: "0" });
    remember(job.id);
  }
  canvas.className = `canvas is-${job.status}`;
  part("link").href = at(`/jobs/${job.id}`);
  part("link").ariaLabel = `Photo ${part("number").textContent}: ${job.doing}`;
  part("doing").textContent = job.doing;
  part("progress").value = job.progress;
  part("progress").hidden = !["queued", "running"].includes(job.status);
  part("save").href = at(`/api/v1/jobs/${job.id}/artwork.jpg`);
  part("save").hidden = !job.artwork;
  if (job.preview <= Number(canvas.dataset.preview)) return;
  canvas.dataset.preview = String(job.preview);
  const isNewest = () => canvas.dataset.job === job.id && canvas.dataset.preview === String(job.preview);
  const shown = /** @type {HTMLImageElement} */ ([...canvas.querySelectorAll(".canvas__preview")].at(-1));
  void develop(shown, at(`/api/v1/jobs/${job.id}/preview?v=${job.preview}`), isNewest);
}

/** @param {Series} answer */
function onAnswer(answer) {
  const ended = answer.status === "ended";
  const jobs = new Map(answer.jobs.map((job) => [job.photo, job]));
  for (const canvas of /** @type {HTMLElement[]} */ ([...sheet.children])) {
    const job = jobs.get(canvas.dataset.photo ?? "");
    if (job) paint(canvas, job);
    else canvas.remove(); // It was deleted.
  }
  by("number").textContent = counted(answer.jobs.length, "photo");
  doing.textContent = answer.doing;
  progress.value = answer.progress;
  eta.textContent = answer.time_left;
  by("overline").textContent = ended ? "Your artworks" : "On the easels";
  for (const each of [progress, eta, stopForm, by("note")]) each.hidden = ended;
  by("zip-number").textContent = counted(answer.finished, "artwork");
  zip.hidden = by("zip-png").hidden = answer.finished === 0;
  document.title = ended ? `${counted(answer.finished, "artwork")} · Atelier` : `${Math.round(answer.progress * 100)} % · Atelier`;
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

for (const canvas of [...sheet.children].toReversed()) remember(canvas.dataset.job);
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
