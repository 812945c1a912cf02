"""Housekeeping: jobs without a hint, jobs whose worker died, records that Redis forgot, photos whose time has come."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.exceptions import LockError

from app.jobs.housekeeping import orphans, retention, rounds
from app.jobs.housekeeping.rounds import Round
from app.jobs.models import Job, JobState
from app.jobs.queue import Publisher
from app.jobs.records import redis_keys
from app.jobs.records.connection import connect
from app.jobs.records.errors import LeaseLostError
from app.jobs.records.records import JobRecords
from app.jobs.records.workers import Workers
from app.jobs.storage import keys
from app.jobs.storage.opening import open_storage
from app.jobs.storage.protocol import BlobNotFoundError, Storage
from app.settings import Settings
from worker.job.lease import is_alive
from worker.machine.companion import Companion

INTERVAL_S = 5.0
TIDY_S = 3600.0
LOST_S = 10.0  # a hint that was taken from an empty queue so long ago, and led to nothing, went down with its taker
REAPER_S = 20  # a reaper that died is replaced after so long; two at once do no harm
log = logging.getLogger(__name__)


class Repeated(Companion):
    """A thread in a worker's parent process that does one thing every few seconds, whatever comes of it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._title = name

    def stop(self) -> None:
        """Tell the thread to end, and give it some time for that."""
        super().stop()
        self._thread.join(timeout=INTERVAL_S)

    @abstractmethod
    def _once(self) -> None:
        """What it does each time."""

    def _run(self) -> None:
        while True:
            try:
                self._once()
            except (redis.RedisError, OSError) as error:
                log.warning("%s waits: %s", self._title, error)
            except Exception:  # whatever one job's record holds, there is a next time
                log.exception("%s could not finish its round", self._title)
            if self._done.wait(INTERVAL_S):
                return


class Presence(Repeated):
    """Says "I am here". Apart from housekeeping, of which a round may take longer than a worker may be unseen, where
    there is much to do or storage is slow.
    """

    def __init__(self, workers: Workers, name: str, memory_bytes: int) -> None:
        super().__init__("presence")
        self.workers = workers
        self.name = name
        self.memory_bytes = memory_bytes
        self._has_just_come = True

    def stop(self) -> None:
        """End the thread and take the worker's name off the list."""
        super().stop()
        try:
            self.workers.left(self.name)
        except redis.RedisError:  # it forgets us by itself
            pass

    def _once(self) -> None:
        self.workers.saw(self.name, self.memory_bytes, self._has_just_come)
        self._has_just_come = False


class Housekeeping(Repeated):
    """Looks for lost jobs, in one worker at a time; and beside it says of each that it is there."""

    def __init__(self, settings: Settings, redis_url: str, name: str, memory_bytes: int) -> None:
        super().__init__("housekeeping")
        self.settings = settings
        self.storage = open_storage(settings)
        self.records = JobRecords(connect(redis_url), self.storage, Publisher(redis_url), settings.retention_s)
        self._presence = Presence(self.records.workers, name, memory_bytes)
        self._swept = self._tidied = float("-inf")

    def start(self) -> None:
        self._presence.start()
        super().start()

    def stop(self) -> None:
        """End both threads and take the worker's name off the list."""
        self._presence.stop()
        super().stop()

    def round(self) -> None:
        """Everything once, and every so often what need not be looked at each time; every worker may, so a dead one's
        turn is not lost.
        """
        retention.settle(self.records, steps := Round())
        reconcile(self.records, self.storage, self.settings.lease_s, steps=steps)
        self._tell("round", steps)
        if time.monotonic() - self._swept >= self.settings.sweep_s:
            retention.sweep(self.records, steps := Round())
            self._tell("sweep", steps)
            self._swept = time.monotonic()
        if time.monotonic() - self._tidied >= TIDY_S:
            orphans.sweep(self.records, steps := Round())
            self._tell("orphans", steps)
            self._tidied = time.monotonic()

    def _tell(self, part: str, steps: Round) -> None:
        rounds.tell(self.records.redis, part, steps, self.records.now())

    def _once(self) -> None:
        try:
            with alone(self.records) as is_mine:
                if is_mine:
                    self.round()
        except redis.RedisError as error:
            if rounds.takes_nothing(error):
                self._make_room()
            raise

    def _make_room(self) -> None:
        try:
            retention.make_room(self.records)
        except (redis.RedisError, OSError) as error:
            log.warning("no room can be made: %s", error)


@contextmanager
def alone(records: JobRecords) -> Iterator[bool]:
    """Whether this process is the one that looks after lost jobs and old photos, for as long as the block lasts."""
    reaper = records.redis.lock(redis_keys.REAPER, timeout=REAPER_S, blocking=False)
    if not reaper.acquire():
        yield False
        return
    try:
        yield True
    finally:
        try:
            reaper.release()
        except LockError:  # the pass took longer than the lock lasts, and another has it now
            log.warning("looking for lost jobs took more than %d s", REAPER_S)


def reconcile(
    records: JobRecords, storage: Storage, lease_s: float, lost_s: float = LOST_S, steps: Round | None = None
) -> None:
    """One pass; harmless to repeat, and to run twice at the same time. What cannot be done is noted in `steps`."""
    steps = steps or Round()
    with steps.step("rebuild what Redis lost"):
        rebuild_all(records, storage, steps)
    with steps.step("stop what its owner has stopped and nobody takes"):
        for job in records.lapsed(lease_s):
            if job.cancel_requested:
                _stop(records, job)
    with steps.step("find jobs whose worker is gone"):
        lapsed = {job.id for job in records.lapsed()}
        for job in records.running():
            if (job.id in lapsed or not is_alive(job.holder)) and not records.hints.is_sent(job, lease_s):
                log.warning("job %s: its worker is gone, attempt %d", job.id, job.attempt)
                records.hints.send(job.id)
    with steps.step("send lost hints again"):
        for job_id in records.hints.missing(lost_s):
            records.hints.send(job_id)
    with steps.step("find unwritten manifests"):
        for job in records.unwritten():
            with steps.step(f"write manifest {job.id[:6]}…"):
                records.manifests.write(job)


def _stop(records: JobRecords, job: Job) -> None:
    """End a job that was cancelled while its painter stood still. Who takes it first keeps what was painted, but where
    nobody is free its owner need not wait.
    """
    try:
        records.end(job, JobState.CANCELLED, {})
        log.info("job %s: %s", job.id, JobState.CANCELLED)
    except LeaseLostError:  # somebody took it at this moment
        pass


def rebuild_all(records: JobRecords, storage: Storage, steps: Round) -> None:
    """Restore missing records from their manifests, oldest first, if Redis was wiped or started since the last time.

    A start counts because Redis may lose the last second of what it had acknowledged. What failed is tried again with
    the next pass, which all others have reached by then.
    """
    start = str(records.redis.info("server")["run_id"])
    if records.redis.get(redis_keys.REBUILT) == start.encode():
        return
    failed_before = len(steps.failed)
    written = keys.ids_of(filter(keys.is_manifest, storage.list(keys.JOBS)))
    missing = [each for each in written if not records.redis.exists(redis_keys.record(each))]
    for _, job_id in sorted((_created_at(storage, job_id), job_id) for job_id in missing):
        with steps.step(f"rebuild job {job_id[:6]}…"):
            orphans.bring_back(records, job_id)
    with steps.step("count what is kept"):
        records.tally.recount()
    if len(steps.failed) == failed_before:
        records.redis.set(redis_keys.REBUILT, start)


def _created_at(storage: Storage, job_id: str) -> float:
    try:
        return Job.model_validate_json(storage.get(keys.manifest_key(job_id))).created_at
    except (BlobNotFoundError, ValueError, OSError):  # whoever brings it back says so
        return 0.0
