"""The front end under load: 200 uploads at once, then 1,000 waiting jobs that 500 pages ask for every second.

Real server, real Redis, no worker. Ends with status 1 when a bound is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from app.jobs.models import Job, JobState, Progress
from app.jobs.records import redis_keys
from app.jobs.records.records import JobRecords
from benchmarks.front_end import FrontEnd, Watched, centile, front_end, watched
from benchmarks.wire import Connection, connected

WIDTH, HEIGHT = 4000, 3000
DIFFERENT_PHOTOS = 4
MOST_MEMORY_BYTES = 2**30
MOST_HEALTH_S = 0.1
RUNNING = 10  # jobs whose progress changes every second
ADVANCE_S = 20.0  # seconds after which the first job of the queue begins, which moves every other one up
MOST_POLL_S, LEAST_UNCHANGED = 0.1, 0.9
LEASE_S = 3600.0


@dataclass
class Bounds:
    """The table's rows, and whether all bounds are kept."""

    kept: bool = True

    def row(self, name: str, value: str, bound: str = "", kept: bool = True) -> None:
        """Print one row."""
        verdict = "" if not bound else f"{bound}, {'kept' if kept else 'MISSED'}"
        print(f"{name:<44} {value:>16}   {verdict}".rstrip(), flush=True)
        self.kept = self.kept and kept


@dataclass
class Polls:
    """Seconds of each poll from when it was due, and how often each status came; 0 is no answer."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


def photograph(seed: int) -> bytes:
    """A 12-megapixel JPEG of several megabytes: gradients, soft patches, and a sensor's noise."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    picture = np.asarray(Image.fromarray(patches).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float32)
    picture = picture * 0.7 + np.linspace(0, 60, HEIGHT, dtype=np.float32)[:, None, None]
    picture += rng.normal(0, 6, (HEIGHT, WIDTH, 1)).astype(np.float32)
    buffer = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


async def upload(port: int, visitor: int, photo: bytes) -> str:
    """Send one photo; its id, or an empty text if it was not kept."""
    try:
        async with connected(port, visitor) as connection:
            answer = await connection.upload("/api/v1/photos", photo)
    except (OSError, asyncio.IncompleteReadError):
        return ""
    return str(json.loads(answer.body)["id"]) if answer.status == 201 else ""


async def all_at_once(port: int, photos: list[bytes], count: int) -> list[str]:
    """So many uploads that begin within one second and then wait for each other; the ids of what was kept."""

    async def begin_and_upload(visitor: int) -> str:
        await asyncio.sleep(visitor / count)
        return await upload(port, visitor, photos[visitor % len(photos)])

    return await asyncio.gather(*map(begin_and_upload, range(count)))


def measure_uploads(served: FrontEnd, count: int, bounds: Bounds) -> None:
    """Many people choose a photo at the same moment."""
    photos = [photograph(seed) for seed in range(DIFFERENT_PHOTOS)]
    megabytes = sum(map(len, photos)) / len(photos) / 1e6
    start = time.perf_counter()
    with watched(served) as seen:
        ids = asyncio.run(all_at_once(served.port, photos, count))
    seconds = time.perf_counter() - start
    kept = len(set(filter(None, ids)))
    bounds.row(f"{count} uploads at once, {megabytes:.1f} MB each: kept", f"{kept}", f"all {count}", kept == count)
    bounds.row("  seconds until all were answered", f"{seconds:.0f}")
    bounds.row("  memory before", f"{seen.before_bytes / 2**20:.0f} MiB")
    within = seen.peak_bytes < MOST_MEMORY_BYTES
    bounds.row("  memory at its peak", f"{seen.peak_bytes / 2**20:.0f} MiB", "below 1024 MiB", within)
    health(seen, bounds, "below 100 ms")


def health(seen: Watched, bounds: Bounds, bound: str = "") -> None:
    """The rows about /healthz."""
    bounds.row("  /healthz, median", f"{centile(seen.probes_s, 50) * 1e3:.1f} ms")
    bounds.row("  /healthz, 99 %", f"{centile(seen.probes_s, 99) * 1e3:.1f} ms")
    longest = max(seen.probes_s)
    name = f"  /healthz, slowest of {len(seen.probes_s)}"
    bounds.row(name, f"{longest * 1e3:.1f} ms", bound, not bound or longest < MOST_HEALTH_S)


async def fill_queue(served: FrontEnd, count: int) -> list[str]:
    """Start so many jobs over the API, each from an address of its own; their ids, oldest first."""
    small = io.BytesIO()
    Image.open(io.BytesIO(photograph(0))).resize((400, 300)).save(small, "JPEG")
    photo_id = await upload(served.port, 0, small.getvalue())
    wish = json.dumps({"photo": photo_id, "styles": [{"id": "starry_night"}]}).encode()
    ids = []
    for visitor in range(count):
        async with connected(served.port, visitor) as connection:
            answer = await connection.post("/api/v1/jobs", wish)
        if answer.status != 202:
            raise SystemExit(f"A job was not accepted: {answer.body.decode()}")
        ids.append(json.loads(answer.body)["id"])
    return ids


def see_worker(records: JobRecords) -> None:
    """Let the queue know a worker and its speed, so that the pages show how long they wait."""
    records.redis.zadd(redis_keys.WORKERS, {"load": records.now()})
    records.workers.measured("compact", 0.05)


def begin(records: JobRecords, job_id: str) -> Job:
    """Claim a job as a worker does."""
    job = records.claim(job_id, LEASE_S, "load", lambda _: True)
    assert job is not None
    return job


def paint(records: JobRecords, job: Job, fraction: float) -> Job:
    """Report progress as a worker does."""
    done = Progress(stage=0, stages=5, scale=128, iteration=int(fraction * 110), iterations=110, fraction=fraction)
    return records.heartbeat(job, LEASE_S, {"progress": done})


def workers(records: JobRecords, ids: list[str], until: float) -> None:
    """What workers would write: progress of some jobs every second, and now and then the next job of the queue.

    In a thread: the end of a job waits for the disk, and the pages must not wait with it.
    """
    running = [begin(records, job_id) for job_id in ids[:RUNNING]]
    following = iter(ids[RUNNING:])
    start = advanced = time.monotonic()
    while time.monotonic() < until:
        fraction = min(0.99, (time.monotonic() - start) / (until - start))
        running = [paint(records, job, fraction) for job in running]
        if time.monotonic() > advanced + ADVANCE_S:
            advanced = time.monotonic()
            records.end(running.pop(0), JobState.FAILED, {})
            running.append(begin(records, next(following)))
            see_worker(records)
        time.sleep(1)


async def page(port: int, visitor: int, job_id: str, first: float, until: float, polls: Polls) -> None:
    """One page that asks for its job every second, as the API's documentation says: with the last ETag."""
    try:
        async with connected(port, visitor) as connection:
            await asked_every_second(connection, f"/api/v1/jobs/{job_id}", first, until, polls)
    except (OSError, asyncio.IncompleteReadError):
        polls.statuses[0] += 1


async def asked_every_second(connection: Connection, path: str, due: float, until: float, polls: Polls) -> None:
    """Counted from when a poll was due: a generator that comes too late counts against the server, never for it."""
    await asyncio.sleep(due - time.monotonic())
    etag = (await connection.get(path)).headers.get("etag")  # what fills the page is not counted
    while (due := due + 1) < until:
        await asyncio.sleep(due - time.monotonic())
        answer = await connection.get(path, etag)
        polls.seconds.append(time.monotonic() - due)
        polls.statuses[answer.status] += 1
        etag = answer.headers.get("etag")


async def pages(served: FrontEnd, ids: list[str], count: int, seconds: float) -> Polls:
    """`count` pages that were opened at random moments, and the workers."""
    polls = Polls()
    start = time.monotonic() + 1
    until = start + seconds
    chance = random.Random(0)  # noqa: S311 - no secret is made of it
    # The jobs that run are among those that somebody looks at.
    looked_at = ids[:RUNNING] + chance.sample(ids[RUNNING:], count - RUNNING)
    await asyncio.gather(
        asyncio.to_thread(workers, served.records, ids, until),
        *(
            page(served.port, visitor, job_id, start + chance.random(), until, polls)
            for visitor, job_id in enumerate(looked_at)
        ),
    )
    return polls


def measure_polls(served: FrontEnd, jobs: int, count: int, seconds: float, bounds: Bounds) -> None:
    """Many people watch their place in a long queue."""
    see_worker(served.records)
    ids = asyncio.run(fill_queue(served, jobs))
    with watched(served) as seen:
        polls = asyncio.run(pages(served, ids, count, seconds))
    total = polls.statuses.total()
    slow = centile(polls.seconds, 99)
    bounds.row(f"{jobs} jobs, {count} pages, {seconds:.0f} s: polls", f"{total}")
    wrong = total - polls.statuses[200] - polls.statuses[304]
    bounds.row("  errors", f"{wrong}", "none", wrong == 0)
    share = polls.statuses[304] / total
    bounds.row("  answered 304", f"{share:.1%}", "above 90 %", share > LEAST_UNCHANGED)
    bounds.row("  median", f"{centile(polls.seconds, 50) * 1e3:.1f} ms")
    bounds.row("  99 %", f"{slow * 1e3:.1f} ms", "below 100 ms", slow < MOST_POLL_S)
    bounds.row("  slowest", f"{max(polls.seconds) * 1e3:.1f} ms")
    bounds.row("  memory at its peak", f"{seen.peak_bytes / 2**20:.0f} MiB")
    health(seen, bounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=200, help="uploads at once; 0 leaves them out")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--pages", type=int, default=500, help="pages that poll; 0 leaves them out")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the pages poll")
    args = parser.parse_args()
    bounds = Bounds()
    if args.uploads:
        with tempfile.TemporaryDirectory() as folder, front_end(Path(folder)) as served:
            measure_uploads(served, args.uploads, bounds)
    if args.pages:
        with tempfile.TemporaryDirectory() as folder, front_end(Path(folder)) as served:
            measure_polls(served, args.jobs, args.pages, args.seconds, bounds)
    sys.exit(0 if bounds.kept else 1)


if __name__ == "__main__":
    main()
