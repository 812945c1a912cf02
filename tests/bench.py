"""A real Redis, real blobs, and real Celery workers that a test starts and kills."""

from __future__ import annotations

import io
import os
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import redis
from PIL import Image

from app.jobs.models import TERMINAL, Job, PaintRequest, StyleChoice
from app.jobs.queue import Publisher
from app.jobs.records import accepting, redis_keys
from app.jobs.records.hashes import text
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from tests.waiting import until
from tests.worker.engine.conftest import draw_photo

ROOT = Path(__file__).parents[1]
CELERY = ("celery", "-A", "worker.celery_app")
StartWorker = Callable[..., psutil.Popen]
Hold = Callable[..., tuple[psutil.Popen, Job]]


class Bench:
    """What a test of the worker needs at hand."""

    def __init__(self, url: str, data: Path) -> None:
        self.url = url
        self.storage = LocalStorage(data)
        self.publisher = Publisher(url)
        self.records = JobRecords(redis.Redis.from_url(url), self.storage, self.publisher)

    def close(self) -> None:
        self.publisher.close()
        self.records.redis.close()

    def photo(self, image: Image.Image | None = None) -> str:
        """Store a photo, a drawn one unless given; its id."""
        photo_id = secrets.token_hex(16)
        buffer = io.BytesIO()
        (image or draw_photo(400, 300)).save(buffer, "JPEG", quality=95)
        self.storage.put(keys.photo_key(photo_id), buffer.getvalue())
        return photo_id

    def job(self, **wish: object) -> Job:
        """Accept a job, small unless told otherwise."""
        options = {"photo": self.photo(), "styles": [StyleChoice(id="strokes")], "size": 256, "quality": "draft"} | wish
        return accepting.create(self.records, PaintRequest.model_validate(options), 1.0)

    def begun(self, job: Job, fraction: float = 0.0) -> Job:
        """Wait until the job has a preview and at least so much is painted.

        It may have ended since: who needs it under way has it held.
        """

        def painted() -> Job | None:
            now = self.records.get(job.id)
            is_painted = now.preview and now.progress and now.progress.fraction >= fraction
            return now if is_painted or now.state in TERMINAL else None

        return until(painted, f"{fraction:.0%} of job {job.id}")

    def held(self, job: Job, flag: Path) -> Job:
        """Wait until the painting stands still where the spoiled worker is to pause it; the job as it is then."""
        until(flag.exists, f"the pause of job {job.id}")
        return self.records.get(job.id)

    def attempt(self, job: Job, number: int) -> Job:
        """Wait until an attempt is under way and has shown a preview."""

        def under_way() -> Job | None:
            now = self.records.get(job.id)
            return now if now.attempt == number and now.preview_fence == now.fence else None

        return until(under_way, f"attempt {number} of job {job.id}")

    def ended(self, job: Job, within_s: float = 120) -> Job:
        """Wait until the job has ended."""

        def terminal() -> Job | None:
            now = self.records.get(job.id)
            return now if now.state in TERMINAL else None

        return until(terminal, f"the end of job {job.id}", within_s)

    def artworks(self, job: Job) -> list[str]:
        """Keys of all artworks that any attempt stored."""
        return [key for key in self.storage.list(keys.job_prefix(job.id)) if key.endswith("/artwork.png")]


class Workers:
    """Real workers; what still lives at the end of the test is killed."""

    def __init__(self, bench: Bench, logs: Path, paintings: Path) -> None:
        self.bench = bench
        self.logs = logs
        self.paintings = paintings
        self.started: list[psutil.Popen] = []

    def start(self, module: tuple[str, ...] = CELERY, *, wait: bool = True, **environment: str) -> psutil.Popen:
        """Start a worker and wait until it was seen; `module` is what runs Celery's command line."""
        settings = {
            "ATELIER_REDIS_URL": self.bench.url,
            "ATELIER_DATA": str(self.bench.storage.root),
            "ATELIER_STYLES": str(self.paintings),
            "ATELIER_PREVIEW_S": "0.2",
            "ATELIER_CHECKPOINT_S": "0.3",
            # Threads that wait for each other crawl where something else is busy on the same processors.
            "ATELIER_THREADS": "1",
        }
        command = [
            sys.executable, "-m", *module, "worker", "--pool", "prefork", "-c", "1",
            "--without-gossip", "--without-mingle", "--hostname", f"test-{len(self.started)}@%h", "--loglevel", "INFO",
        ]  # fmt: skip
        with (self.logs / f"worker-{len(self.started)}.log").open("wb") as log:
            process = psutil.Popen(
                command,
                cwd=ROOT,
                env=os.environ | settings | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        if wait:
            self.ready(process)
        return process

    def ready(self, process: psutil.Popen) -> None:
        """Wait until a worker that was just started has been seen."""

        name = f"test-{self.started.index(process)}@"

        def seen() -> bool:
            assert process.poll() is None, self.log()
            names = self.bench.records.redis.zrange(redis_keys.WORKERS, 0, -1)
            return any(text(each).startswith(name) for each in names)

        until(seen, "the worker")

    def log(self) -> str:
        """All that the workers wrote."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.logs.glob("worker-*.log")))

    def stop_all(self) -> None:
        for process in self.started:
            if process.poll() is None:
                kill(process)


def kill(worker: psutil.Popen) -> None:
    """kill -9 a worker and its children.

    All of them, and to their end: a child keeps its parent's connection open, and Redis would hand the next hint to it.
    """
    family = [worker, *worker.children(recursive=True)]
    os.killpg(worker.pid, signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)
