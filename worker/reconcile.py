"""Housekeeping: jobs without a hint, jobs whose worker died, records that Redis forgot, photos whose time has come."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.exceptions import LockError

from app.jobs import keys, retention
from app.jobs.blobs import BlobNotFoundError, LocalStorage, Storage
from app.jobs.models import Job
from app.jobs.queue import Publisher
from app.jobs.records import JobNotFoundError, JobRecords, connect
from app.settings import Settings
from worker.lease import is_alive

INTERVAL_S = 5.0
LOST_S = 10.0  # a hint that was taken from an empty queue so long ago, and led to nothing, went down with its taker
REAPER_S = 20  # a reaper that died is replaced after so long; two at once do no harm
log = logging.getLogger(__name__)


class Housekeeping:
    """A thread in a worker's parent process: says "I am here" and, in one worker at a time, looks for lost jobs."""

    def __init__(self, settings: Settings, redis_url: str, name: str, memory_bytes: int) -> None:
        self.settings = settings
        self.name = name
        self.storage = LocalStorage(settings.data)
        self.records = JobRecords(connect(redis_url), self.storage, Publisher(redis_url), settings.retention_s)
        self.memory_bytes = memory_bytes
        self._swept = float("-inf")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and take the worker's name off the list."""
        self._done.set()
        self._thread.join(timeout=INTERVAL_S)
        try:
            self.records.worker_left(self.name)
        except redis.RedisError:  # it forgets us by itself
            pass

    def _sweep(self) -> None:
        """Look for photos whose time has come, every so often; every worker may, so a dead one's turn is not lost."""
        if time.monotonic() - self._swept >= self.settings.sweep_s:
            retention.sweep(self.records)
            self._swept = time.monotonic()

    def _run(self) -> None:
        while True:
            try:
                self.records.saw_worker(self.name, self.memory_bytes)
                with alone(self.records) as is_mine:
                    if is_mine:
                        reconcile(self.records, self.storage, self.settings.lease_s)
                        self._sweep()
            except (redis.RedisError, OSError) as error:
                log.warning("housekeeping waits: %s", error)
            except Exception:  # whatever one job's record holds, the worker must go on saying that it is here
                log.exception("housekeeping could not finish its round")
            if self._done.wait(INTERVAL_S):
                return


@contextmanager
def alone(records: JobRecords) -> Iterator[bool]:
    """Whether this process is the one that looks after lost jobs and old photos, for as long as the block lasts."""
    reaper = records.redis.lock(keys.REAPER, timeout=REAPER_S, blocking=False)
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


def reconcile(records: JobRecords, storage: Storage, lease_s: float, lost_s: float = LOST_S) -> None:
    """One pass; harmless to repeat, and to run twice at the same time."""
    rebuild_all(records, storage)
    lapsed = {job.id for job in records.lapsed()}
    for job in records.running():
        if (job.id in lapsed or not is_alive(job.holder)) and not records.is_hinted(job, lease_s):
            log.warning("job %s: its worker is gone, attempt %d", job.id, job.attempt)
            records.publish(job.id)
    for job_id in records.unpublished(lost_s):
        records.publish(job_id)
    for job in records.unwritten():
        try:
            records.write_manifest(job)
            newest = records.get(job.id)
            if newest.state is not job.state:  # it expired meanwhile, and its tombstone may have been written over
                records.write_manifest(newest)
        except OSError as error:  # in the next pass, perhaps: there is time until Redis is wiped
            log.warning("job %s: its manifest still does not say that it is %s: %s", job.id, job.state, error)


def rebuild_all(records: JobRecords, storage: Storage) -> None:
    """Restore missing records from their manifests, oldest first, if Redis was wiped or started since the last time.

    A start counts because Redis may lose the last second of what it had acknowledged.
    """
    start = str(records.redis.info("server")["run_id"])
    if records.redis.get(keys.REBUILT) == start.encode():
        return
    manifests = [key for key in storage.list("jobs/") if key.endswith("/job.json")]
    missing = [key for key in manifests if not records.redis.exists(keys.record(key.split("/")[1]))]
    for job in sorted(filter(None, (_manifest(storage, key) for key in missing)), key=lambda job: job.created_at):
        try:
            records.get(job.id)
        except JobNotFoundError:  # deleted since it was listed
            continue
    records.redis.set(keys.REBUILT, start)


def _manifest(storage: Storage, key: str) -> Job | None:
    try:
        return Job.model_validate_json(storage.get(key))
    except (BlobNotFoundError, ValueError) as error:
        log.warning("%s cannot be read: %s", key, error)
        return None
