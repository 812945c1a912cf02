"""A real Redis, real blobs, and real Celery workers that a test starts and kills."""

from __future__ import annotations

import io
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from app.jobs import keys
from app.jobs.blobs import LocalStorage
from app.jobs.models import TERMINAL, Job, PaintRequest, StyleChoice
from app.jobs.queue import Publisher
from app.jobs.records import JobRecords
from tests.conftest import ROOT
from tests.waiting import until
from tests.worker.engine.conftest import draw_photo

StartWorker = Callable[..., psutil.Popen]


class Bench:
    """What a test of the worker needs at hand."""

    def __init__(self, url: str, data: Path) -> None:
        self.url = url
        self.storage = LocalStorage(data)
        self.publisher = Publisher(url)
        self.records = JobRecords(redis.Redis.from_url(url), self.storage, self.publisher)

    def photo(self) -> str:
        """Store a drawn photo; its id."""
        photo_id = secrets.token_hex(16)
        buffer = io.BytesIO()
        draw_photo(400, 300).save(buffer, "JPEG", quality=95)
        self.storage.put(keys.photo_key(photo_id), buffer.getvalue())
        return photo_id

    def job(self, **wish: object) -> Job:
        """Accept a job, small unless told otherwise."""
        options = {"photo": self.photo(), "styles": [StyleChoice(id="strokes")], "size": 256, "quality": "draft"} | wish
        return self.records.create(PaintRequest.model_validate(options), 1.0)

    def running(self, job: Job, fraction: float = 0.0) -> Job:
        """Wait until the job has a preview and at least so much is painted."""

        def painted() -> Job | None:
            now = self.records.get(job.id)
            assert now.state not in TERMINAL, f"ended too early: {now.state} {now.error}"
            return now if now.preview and now.progress and now.progress.fraction >= fraction else None

        return until(painted, f"{fraction:.0%} of job {job.id}")

    def attempt(self, job: Job, number: int) -> Job:
        """Wait until an attempt is under way and has shown a preview."""

        def under_way() -> Job | None:
            now = self.records.get(job.id)
            return now if now.attempt == number and now.preview_fence == now.fence else None

        return until(under_way, f"attempt {number} of job {job.id}")

    def ended(self, job: Job) -> Job:
        """Wait until the job has ended."""

        def terminal() -> Job | None:
            now = self.records.get(job.id)
            return now if now.state in TERMINAL else None

        return until(terminal, f"the end of job {job.id}", 120)

    def artworks(self, job: Job) -> list[str]:
        """Keys of all artworks that any attempt stored."""
        return [key for key in self.storage.list(keys.job_prefix(job.id)) if key.endswith("/artwork.png")]


@pytest.fixture
def bench(redis_server: str, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(redis_server, tmp_path / "data")
    yield bench
    bench.publisher.close()
    bench.records.redis.close()


@pytest.fixture
def start_worker(bench: Bench, tmp_path: Path, own_paintings: Path) -> Iterator[StartWorker]:
    """Starts real workers; what still lives at the end of the test is killed."""
    started: list[psutil.Popen] = []

    def start(**settings: str) -> psutil.Process:
        environment = os.environ | {
            "ATELIER_REDIS_URL": bench.url,
            "ATELIER_DATA": str(bench.storage.root),
            "ATELIER_STYLES": str(own_paintings),
            "ATELIER_PREVIEW_S": "0.2",
            "ATELIER_CHECKPOINT_S": "0.3",
            # Threads that wait for each other crawl where something else is busy on the same processors.
            "ATELIER_THREADS": "1",
        }
        command = [
            sys.executable, "-m", "celery", "-A", "worker.celery_app", "worker", "--pool", "prefork", "-c", "1",
            "--without-gossip", "--without-mingle", "--hostname", f"test-{len(started)}@%h", "--loglevel", "INFO",
        ]  # fmt: skip
        with (tmp_path / f"worker-{len(started)}.log").open("wb") as log:
            process = psutil.Popen(
                command, cwd=ROOT, env=environment | settings, stdout=log, stderr=log, start_new_session=True
            )
        started.append(process)
        until(bench.records.worker_seen, "the worker")
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            # All of them, and to their end: a child keeps its parent's connection open, and Redis would hand the next
            # test's hint to it.
            family = [process, *process.children(recursive=True)]
            os.killpg(process.pid, signal.SIGKILL)
            psutil.wait_procs(family, timeout=10)
