"""How attempts end: with an artwork, a failure, or back in the queue; and what is waited for until that is noted."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping

from redis import RedisError
from safetensors import SafetensorError

from app.jobs.housekeeping.rounds import takes_nothing
from app.jobs.models import Cut, Job, JobState
from app.jobs.records.errors import JobNotFoundError, LeaseLostError
from app.jobs.records.records import JobRecords
from app.jobs.storage.protocol import is_full
from app.settings import Settings
from worker.job.failures import DIVERGED, UNEXPECTED, explained
from worker.job.lease import Lease
from worker.job.materials import Materials

# How long a painted artwork waits for a Redis that is away; then its lease lapses, and the last checkpoint is near.
REDIS_PATIENCE_S = 60.0
RETRY_S = 0.5
log = logging.getLogger(__name__)


class NoRoomError(Exception):
    """The disk was full until the job was cancelled, its time was over or the worker was told to stop: what was painted
    is not kept.
    """


class Ending:
    """The end of each attempt of one worker process, one at a time."""

    def __init__(
        self, settings: Settings, records: JobRecords, materials: Materials, is_stopping: Callable[[], bool]
    ) -> None:
        self.settings = settings
        self.records = records
        self.storage = records.storage
        self.materials = materials
        self.is_stopping = is_stopping
        self._late_at = 0.0  # by the monotonic clock, when the time of the job in hand is over
        self._pause = threading.Event()

    def begin(self) -> None:
        """Let the time of a job run."""
        self._late_at = time.monotonic() + self.settings.job_time_limit_s

    def end(self, job: Job, state: JobState, fields: Mapping[str, object]) -> None:
        """Bring the job to its end; waits for a Redis that is away, and longer for one whose disk is full, which can
        give the job to nobody else. Not if the worker is to stop.

        Raises:
            LeaseLostError: another worker has the job now.
            RedisError: Redis did not come back in time.
        """
        patient_until = time.monotonic() + REDIS_PATIENCE_S
        while True:
            try:
                self.records.end(job, state, fields)
                log.info("job %s: %s", job.id, state)
                break
            except RedisError as error:
                deadline = max(patient_until, self._late_at) if takes_nothing(error) else patient_until
                if self.is_stopping() or time.monotonic() > deadline:
                    raise
                log.warning("job %s: waiting for Redis to note that it is %s: %s", job.id, state, error)
                self._pause.wait(RETRY_S)
        if state is JobState.FINISHED:
            try:
                self.materials.drop_checkpoints(self.line(job))
            except (OSError, RedisError) as error:  # they are orphans now
                log.warning("job %s: its checkpoints stay for a while: %s", job.id, error)

    def put_back(self, job: Job) -> None:
        """Queue the job again. It has not begun, or a worker that is told to stop has not failed it: the attempt does
        not count. The hint of one that rests is the reaper's to send.
        """
        self.end(job, JobState.QUEUED, {"attempt": job.attempt - 1, "holder": ""})
        if job.rests_until <= self.records.now():
            self.records.hints.send(job.id)

    def hand_back(self, job: Job, cut: Cut | None) -> None:
        """Queue the job again. The attempt counts, and was cut off by this; with None it does not. What cannot be noted
        now, the lease's end tells the reaper.
        """
        try:
            if cut is None:
                self.put_back(job)
                return
            told = self.records.cut_off(self.records.get(job.id), cut)
            self.end(job, JobState.QUEUED, {"holder": ""} | told)
            if told["rests_until"] <= self.records.now():
                self.records.hints.send(job.id)
        except (LeaseLostError, RedisError, JobNotFoundError) as late:
            log.warning("job %s: could not be handed back: %r", job.id, late)

    def break_off(self, job: Job, lease: Lease) -> None:
        """Bring a job to where nothing of it is kept: to its end if it was cancelled, or back to the queue."""
        if lease.is_cancelled:
            self.end(job, JobState.CANCELLED, {})
        else:
            self.put_back(job)

    def fail(self, job: Job, error: Exception) -> None:
        """End the job with the sentence that explains an error, unless somebody else has it, or Redis is away."""
        told = explained(error)
        log.log(logging.ERROR if told is UNEXPECTED else logging.WARNING, "job %s: %s", job.id, told, exc_info=error)
        try:
            self.end(job, JobState.FAILED, {"error": told})
        except (LeaseLostError, RedisError) as late:
            log.warning("job %s: its failure was not noted: %r", job.id, late)

    def with_room(self, job: Job, lease: Lease, store: Callable[[], dict[str, int]]) -> dict[str, int]:
        """What `store` gives; on a full disk, where uploads are refused by now, once there is room again.

        Raises:
            NoRoomError, LeaseLostError: there was none as long as the job was to be painted here.
            OSError: the storage does not take it for another reason, or there is room for others.
        """
        while True:
            try:
                return store()
            except OSError as error:
                if not self.lacks_room(error):
                    raise
                log.warning("job %s: painted, and waiting for room: %s", job.id, error)
            least_bytes = self.storage.free_bytes()
            while self.storage.free_bytes() <= least_bytes:  # an artwork is encoded anew for each try
                if lease.is_lost:
                    raise LeaseLostError(job.id)
                if lease.is_cancelled or self.is_stopping() or time.monotonic() > self._late_at:
                    raise NoRoomError(job.id)
                self._pause.wait(RETRY_S)

    def lacks_room(self, error: Exception) -> bool:
        """Whether the disk is full, and not this painting too large for it; safetensors says so in its own way."""
        traceback.clear_frames(error.__traceback__)  # and so close the nameless files that large paintings have there
        lacks = isinstance(error, SafetensorError) or (isinstance(error, OSError) and is_full(error))
        return lacks and self.storage.free_bytes() < self.settings.least_free_bytes

    def line(self, job: Job) -> list[str]:
        """The ids of a job and of those that it tries again, newest first: where what was painted for it may be kept.

        What fell apart is none to go on from.
        """
        line = [job.id]
        try:
            while job.retry_of:
                job = self.records.get(job.retry_of)
                if job.error and job.error.code == DIVERGED.code:
                    break
                line.append(job.id)
        except JobNotFoundError:  # deleted long ago
            pass
        return line

    def rest(self, seconds: float) -> None:
        """Wait, but not once the worker is to stop."""
        deadline = time.monotonic() + seconds
        while not self.is_stopping() and time.monotonic() < deadline:
            self._pause.wait(RETRY_S)
