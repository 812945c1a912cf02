"""One job from lease to artwork: load, paint, preview, checkpoint, publish. Nothing that goes wrong leaves the task."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Mapping

from PIL import Image
from redis import RedisError

from app.jobs import keys
from app.jobs.blobs import LocalStorage, Storage
from app.jobs.models import Job, JobState
from app.jobs.queue import Publisher
from app.jobs.records import JobNotFoundError, JobRecords, LeaseLostError, connect
from app.settings import Settings
from worker import engine
from worker.failures import TOO_SLOW, UNEXPECTED, WORKER_LOST, JobFailedError, explained
from worker.lease import Lease, holder_name, is_alive
from worker.materials import Materials
from worker.sitting import Sitting

# How long a painted artwork waits for a Redis that is away; then its lease lapses, and the last checkpoint is near.
REDIS_PATIENCE_S = 60.0
RETRY_S = 0.5
log = logging.getLogger(__name__)


class Easel:
    """What one worker process paints with."""

    def __init__(self, settings: Settings, redis_url: str, is_stopping: Callable[[], bool]) -> None:
        self.settings = settings
        self.storage: Storage = LocalStorage(settings.data)
        self.records = JobRecords(connect(redis_url), self.storage, Publisher(redis_url), settings.retention_s)
        self.materials = Materials(settings, self.storage)
        self.is_stopping = is_stopping
        self._pause = threading.Event()

    def paint(self, job_id: str) -> None:
        """Paint a job to its end, or to where the worker is told to stop; step back if somebody else has it.

        Whatever happens stays in here: Celery would end the whole worker for a MemoryError and start the job again.
        """
        try:
            job = self.records.claim(job_id, self.settings.lease_s, holder_name(), is_alive)
        except (RedisError, JobNotFoundError) as error:  # the reaper sends the hint again, if there is such a job
            log.warning("job %s cannot be taken: %r", job_id, error)
            return
        if job is None:
            return
        log.info("job %s: attempt %d, fence %d", job.id, job.attempt, job.fence)
        try:
            with Lease(self.records, job, self.settings.lease_s, self.settings.heartbeat_s) as lease:
                self._paint_held(job, lease)
        except LeaseLostError:
            log.warning("job %s: another worker has it now; dropped", job.id)
        except RedisError as error:  # nothing is wrong with the job: its lease lapses, its checkpoint stays
            log.warning("job %s: left to the next attempt, Redis is away: %s", job.id, error)
        except Exception as error:
            self._fail(job, error)

    def _paint_held(self, job: Job, lease: Lease) -> None:
        if job.attempt > self.settings.max_attempts:
            raise JobFailedError(WORKER_LOST)
        resume = self.materials.checkpoint(job)
        if lease.is_cancelled and resume is None:
            self._end(job, JobState.CANCELLED, {})
            return
        photo = self.materials.photo(job.request)
        style, extractor = self.materials.style(job.request)
        sitting = Sitting(self.settings, self.storage, job, lease, self.is_stopping)
        pastiche = self._painted(photo, style, extractor, job, sitting, resume)
        self._tell_speed(extractor.name, sitting)
        if pastiche.stopped and not lease.is_cancelled:
            if sitting.is_late:
                raise JobFailedError(TOO_SLOW)
            sitting.keep_checkpoint()
            lease.report({})  # Redis may know by now that it was cancelled
        if pastiche.stopped and not lease.is_cancelled:
            # A worker that is told to stop has not failed the job: the attempt does not count.
            self._end(job, JobState.QUEUED, {"attempt": job.attempt - 1, "holder": ""})
            self.records.publish(job.id)
            return
        self.storage.put(keys.artwork_key(job.id, job.fence), _png(pastiche.image))
        size = {"artwork_width": pastiche.image.width, "artwork_height": pastiche.image.height}
        if pastiche.stopped:
            self._end(job, JobState.CANCELLED, size | {"keeps": True})
        else:
            self._end(job, JobState.FINISHED, size)

    def _painted(
        self,
        photo: Image.Image,
        style: engine.Fingerprint,
        extractor: engine.Extractor,
        job: Job,
        sitting: Sitting,
        resume: engine.Checkpoint | None,
    ) -> engine.Pastiche:
        wish = job.request
        options = engine.PaintOptions(
            size=wish.size, strength=wish.strength, brush=wish.brush, smoothing=wish.smoothing,
            seed=wish.seed, keep_colors=wish.keep_colors, quality=wish.quality,
        )  # fmt: skip
        try:
            return engine.paint(photo, style, extractor, options, sitting.after, resume)
        except engine.CheckpointMismatchError as error:
            log.warning("job %s: its checkpoint does not fit, starting anew: %s", job.id, error)
            return engine.paint(photo, style, extractor, options, sitting.after)

    def _tell_speed(self, extractor: str, sitting: Sitting) -> None:
        speed = sitting.seconds_per_unit()
        if speed is not None:
            try:
                self.records.measured(extractor, speed)
            except RedisError as error:  # another job will tell
                log.warning("the speed of %s could not be told: %s", extractor, error)

    def _end(self, job: Job, state: JobState, fields: Mapping[str, object]) -> None:
        """Bring the job to its end; waits for a Redis that is away, unless the worker is to stop.

        Raises:
            LeaseLostError: another worker has the job now.
            RedisError: Redis did not come back in time.
        """
        deadline = time.monotonic() + REDIS_PATIENCE_S
        while True:
            try:
                self.records.end(job, state, fields)
                log.info("job %s: %s", job.id, state)
                return
            except RedisError as error:
                if self.is_stopping() or time.monotonic() > deadline:
                    raise
                log.warning("job %s: waiting for Redis to note that it is %s: %s", job.id, state, error)
                self._pause.wait(RETRY_S)

    def _fail(self, job: Job, error: Exception) -> None:
        told = explained(error)
        log.log(logging.ERROR if told is UNEXPECTED else logging.WARNING, "job %s: %s", job.id, told, exc_info=error)
        try:
            self._end(job, JobState.FAILED, {"error": told})
        except (LeaseLostError, RedisError) as late:
            log.warning("job %s: its failure was not noted: %r", job.id, late)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
