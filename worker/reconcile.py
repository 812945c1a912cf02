"""Finding what was lost: jobs without a hint, jobs whose worker died, records that Redis forgot."""

from __future__ import annotations

import logging
import threading

import redis

from app.jobs import keys
from app.jobs.blobs import LocalStorage, Storage
from app.jobs.queue import Publisher
from app.jobs.records import JobNotFoundError, JobRecords
from app.settings import Settings
from worker.lease import is_alive

INTERVAL_S = 5.0
REAPER_S = 60
log = logging.getLogger(__name__)


class Housekeeping:
    """A thread in a worker's parent process: says "I am here" and, in one worker at a time, looks for lost jobs."""

    def __init__(self, settings: Settings, redis_url: str, name: str) -> None:
        self.settings = settings
        self.name = name
        self.storage = LocalStorage(settings.data)
        self.records = JobRecords(redis.Redis.from_url(redis_url), self.storage, Publisher(redis_url))
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

    def _run(self) -> None:
        while True:
            try:
                self.records.saw_worker(self.name)
                if self.records.redis.set(keys.REAPER, self.name, nx=True, ex=REAPER_S):
                    try:
                        reconcile(self.records, self.storage, self.settings.lease_s)
                    finally:
                        self.records.redis.delete(keys.REAPER)
            except (redis.RedisError, OSError) as error:
                log.warning("housekeeping waits: %s", error)
            if self._done.wait(INTERVAL_S):
                return


def reconcile(records: JobRecords, storage: Storage, lease_s: float) -> None:
    """One pass; harmless to repeat, and to run twice at the same time."""
    rebuild_all(records, storage)
    lapsed = {job.id for job in records.lapsed()}
    for job in records.running():
        if (job.id in lapsed or not is_alive(job.holder)) and not records.is_hinted(job, lease_s):
            log.warning("job %s: its worker is gone, attempt %d", job.id, job.attempt)
            records.publish(job.id)
    for job_id in records.unpublished(lease_s):
        records.publish(job_id)


def rebuild_all(records: JobRecords, storage: Storage) -> None:
    """Restore every record from its manifest, if this Redis has not been seen before or was wiped."""
    if records.redis.exists(keys.REBUILT):
        return
    for job_id in sorted({key.split("/")[1] for key in storage.list("jobs/") if key.endswith("/job.json")}):
        try:
            records.get(job_id)
        except (JobNotFoundError, ValueError) as error:
            log.warning("the manifest of job %s cannot be read: %s", job_id, error)
    records.redis.set(keys.REBUILT, 1)
