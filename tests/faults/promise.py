"""The promise, and the witness that it was kept.

An accepted job reaches exactly one terminal state, its result is never another job's, and a crash costs at most the
seconds since the last checkpoint. It may be run more than once, never finished twice.
"""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path

import redis
from PIL import Image

from app.jobs.models import TERMINAL, Job, JobState
from app.jobs.queue import QUEUE
from app.jobs.records import redis_keys
from app.jobs.records.hashes import text
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from tests.bench import Bench, Workers
from tests.faults.marks import Mark, draw, marks, read
from tests.waiting import until

LOOK_S = 0.03
ENDED = re.compile(r"job ([0-9a-f]{6})…: (finished|failed|cancelled)$", re.MULTILINE)


class MarkedBench(Bench):
    """A bench whose jobs can be told apart by their artworks."""

    def __init__(self, url: str, data: Path) -> None:
        super().__init__(url, data)
        self._unused = marks(64)
        self.marks: dict[str, Mark] = {}

    def job(self, **wish: object) -> Job:
        """Accept a job whose photo carries a mark of its own.

        It does not begin with what the decoder draws, so there is time to harm it at every scale.
        """
        mark = self.new_mark()
        job = super().job(**{"photo": self.photo(draw(mark)), "start": "grey"} | wish)
        self.marks[job.id] = mark
        return job

    def expect(self, job_id: str, mark: Mark) -> None:
        """Count a job that was accepted elsewhere, of a photo with this mark."""
        self.marks[job_id] = mark

    def new_mark(self) -> Mark:
        """A mark that no other photo has."""
        return self._unused.pop()

    def artwork(self, job: Job) -> Image.Image:
        """What the job's record calls its artwork."""
        return Image.open(io.BytesIO(self.storage.get(keys.artwork_key(job.id, job.fence))))


class Witness:
    """Looks at all jobs again and again, and remembers each state that followed a terminal one."""

    def __init__(self, bench: MarkedBench) -> None:
        self.bench = bench
        self.seen: dict[str, list[JobState]] = {}
        self._done = threading.Event()
        self._connection = redis.Redis.from_url(bench.url, socket_timeout=1)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._done.set()
        self._thread.join()
        self._connection.close()

    def _watch(self) -> None:
        while not self._done.wait(LOOK_S):
            for job_id in list(self.bench.marks):
                try:
                    state = self._connection.hget(redis_keys.record(job_id), "state")
                except redis.RedisError:  # it is Redis that the fault struck
                    break
                if state:
                    states = self.seen.setdefault(job_id, [])
                    now = JobState(text(state))
                    if not states or states[-1] is not now:
                        states.append(now)


class Promise:
    """Checks after a fault that all accepted jobs were treated as promised."""

    def __init__(self, bench: MarkedBench, workers: Workers) -> None:
        self.bench = bench
        self.workers = workers
        self.witness = Witness(bench)

    def kept(self, *, ends: JobState = JobState.FINISHED, within_s: float = 120) -> list[Job]:
        """Wait until every accepted job has ended, in `ends`, and check all of the promise; the jobs as they ended."""
        jobs = [self.bench.ended(self.bench.records.get(job_id), within_s) for job_id in self.bench.marks]
        self.settled()
        for job in jobs:
            assert job.state is ends, (job.state, job.error, self.workers.log())
            self.check(job)
        return jobs

    def check(self, job: Job) -> None:
        """The promise for one job that has ended, however it ended."""
        assert job.state in TERMINAL
        now = self.bench.records.get(job.id)
        assert (now.state, now.fence, now.finished_at) == (job.state, job.fence, job.finished_at), "it ended twice"
        seen = self.witness.seen.get(job.id, [])
        assert not any(state in TERMINAL for state in seen[:-1]), f"something followed its end: {seen}"
        told = [state for job_id, state in ENDED.findall(self.workers.log()) if job_id == job.id[:6]]
        assert len(told) <= 1, f"workers ended it {told}"
        until(lambda: self.written(job) is job.state, "a manifest that brings the same state back", 20)
        assert now.id not in self._waiting(), "it still waits or runs"
        fences = [int(key.split("/")[2]) for key in self.bench.artworks(job)]
        assert all(fence <= job.fence for fence in fences), "a later attempt painted on"
        if job.state is JobState.FINISHED:
            artwork = self.bench.artwork(job)
            assert artwork.size == (job.artwork_width, job.artwork_height)
            assert read(artwork) == self.bench.marks[job.id], "the artwork is of another photo"

    def written(self, job: Job) -> JobState | None:
        """The job's state as its manifest has it, from which a wiped Redis is rebuilt; None while there is none, as of
        a job whose first one was cut off.
        """
        try:
            return Job.model_validate_json(self.bench.storage.get(keys.manifest_key(job.id))).state
        except BlobNotFoundError:
            return None

    def settled(self) -> None:
        """Wait until all hints are used up, so that whatever they may start has started."""
        until(lambda: self.bench.records.redis.llen(QUEUE) == 0, "the last hint to be used up")

    def _waiting(self) -> set[str]:
        connection = self.bench.records.redis
        return {text(name) for key in (redis_keys.QUEUED, redis_keys.RUNNING) for name in connection.zrange(key, 0, -1)}
