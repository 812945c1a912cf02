/** The easel: the newest preview cross-fades in, the words and the line follow, and at the end the artwork takes over. */
import { develop } from "./lib/canvas.js";
import { poll } from "./lib/poll.js";
import { remember } from "./lib/memory.js";

const by = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const [easel, doing, progress, eta] = ["easel", "doing", "progress", "eta"].map(by);
const [stop, stopForm, connection, status] = ["stop", "stop-form", "connection", "status"].map(by);
const id = easel.dataset.job;
const page = new AbortController();
let shown = Number(easel.dataset.preview);
let announced = "";

/** @param {number} version */
async function show(version) {
  if (version <= shown) return;
  shown = version;
  await develop(by("preview"), `/api/v1/jobs/${id}/preview?v=${version}`, () => version === shown);
}

/** One polite sentence for each state and every 10 %. @param {import("./lib/poll.js").Job} job */
function announce(job) {
  const tenth = Math.floor(job.progress * 10);
  const key = `${job.status} ${tenth}`;
  if (key === announced) return;
  announced = key;
  status.textContent = job.status === "running" ? `${tenth * 10} % painted` : job.doing;
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
  if (!["queued", "running"].includes(job.status)) location.replace(`/jobs/${id}`);
}

function markStopping() {
  stop.disabled = true;
  stop.textContent = "Stopping…";
}

stopForm.addEventListener("submit", async (/** @type {Event} */ event) => {
  event.preventDefault();
  markStopping();
  const response = await fetch(`/api/v1/jobs/${id}/cancel`, { method: "POST" }).catch(() => null);
  if (response?.ok) return;
  stop.disabled = false;
  stop.textContent = "Stop";
  connection.hidden = false;
  connection.textContent = "That did not reach the studio. Press Stop once more.";
}, { signal: page.signal });

remember(id);
void poll(`/api/v1/jobs/${id}`, {
  onAnswer: onJob,
  onConnection: (isThere) => {
    connection.hidden = isThere;
    connection.textContent = isThere ? "" : "The connection broke. The painting goes on; this page will catch up by itself.";
  },
  onGone: () => location.reload(),
  signal: page.signal,
});
// A page kept for "back" is asked anew when it is shown again.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
