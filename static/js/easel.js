/** The easel: the newest preview cross-fades in, the words and the line follow, and at the end the artwork takes over. */
import { develop } from "./lib/canvas.js";
import { byId } from "./lib/elements.js";
import { poll } from "./lib/poll.js";
import { remember } from "./lib/memory.js";
import { at } from "./lib/root.js";
import { connectStop } from "./lib/stop.js";
import { _ } from "./lib/words.js";

const [easel, doing, eta, status] = ["easel", "doing", "eta", "status"].map((each) => byId(each, HTMLElement));
const progress = byId("progress", HTMLProgressElement);
const id = easel.dataset.job ?? "";
const address = at(`/api/v1/jobs/${id}`);
const page = new AbortController();
const { markStopping, onConnection } = connectStop(address, page.signal);
let shown = Number(easel.dataset.preview);
let announced = "";

/** @param {number} version */
async function show(version) {
  if (version <= shown) return;
  shown = version;
  await develop(byId("preview", HTMLImageElement), `${address}/preview?v=${version}`, () => version === shown);
}

/** One polite sentence for each state and every 10 %. @param {import("./lib/poll.js").Job} job */
function announce(job) {
  const tenth = Math.floor(job.progress * 10);
  const key = `${job.status} ${tenth}`;
  if (key === announced) return;
  announced = key;
  status.textContent = job.status === "running" ? _("{share} % painted", { share: tenth * 10 }) : job.doing;
}

/** @param {import("./lib/poll.js").Job} job */
function onJob(job) {
  doing.textContent = job.doing;
  eta.textContent = job.time_left;
  progress.value = job.progress;
  document.title = `${Math.round(job.progress * 100)} % · Atelier`;
  if (job.cancel_requested) markStopping();
  announce(job);
  void show(job.preview);
  if (!["queued", "running"].includes(job.status)) location.replace(at(`/jobs/${id}`));
}

remember(id);
void poll(address, {
  onAnswer: onJob,
  onConnection,
  onGone: () => location.reload(),
  signal: page.signal,
});
// A page kept for "back" is asked anew when it is shown again.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
