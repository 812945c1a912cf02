"""The jobs' manifests: what records are rebuilt from when Redis has lost them."""

from __future__ import annotations

import logging
from typing import Any

from app.jobs.models import PAINTING_GONE, TERMINAL, Job, JobState
from app.jobs.records import redis_keys
from app.jobs.records.errors import JobNotFoundError, PaintingGoneError, PhotoGoneError
from app.jobs.records.quota import Tally
from app.jobs.records.redis_records import RedisRecords
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobExistsError, BlobNotFoundError, Storage

log = logging.getLogger(__name__)


class Manifests:
    """A manifest a job, in the storage, beside the record in Redis."""

    def __init__(self, storage: Storage, in_redis: RedisRecords, tally: Tally) -> None:
        self.storage = storage
        self._in_redis = in_redis
        self._tally = tally

    def newest(self, job_id: str) -> Job:
        """The job's record; rebuilt where Redis has none.

        Raises:
            JobNotFoundError, ValueError: as in `rebuild`.
        """
        return self._in_redis.read(job_id) or self.rebuild(job_id)

    def rebuild(self, job_id: str) -> Job:
        """Restore a record that Redis lost: as it ended, or queued again with a fence above every one that was used.

        A job that waited and whose photo was deleted meanwhile has expired; one whose own painting was, has failed.

        Raises:
            JobNotFoundError: there is no manifest either.
            ValueError: the manifest cannot be read, or is another job's.
        """
        try:
            job = self._read(job_id)
        except BlobNotFoundError as error:
            raise JobNotFoundError(job_id) from error
        if job.id != job_id:
            raise ValueError(f"the manifest of {job_id} is of {job.id}")
        if job.state not in TERMINAL:
            job = job.model_copy(update={"state": JobState.QUEUED} | self._traces(job_id))
        try:
            return self._in_redis.put([job])[0]
        except PhotoGoneError:
            end: dict[str, Any] = {"state": JobState.EXPIRED, "client": ""}
        except PaintingGoneError:
            end = {"state": JobState.FAILED, "error": PAINTING_GONE, "finished_at": self._in_redis.now()}
        (ended,) = self._in_redis.put([job.model_copy(update=end)])
        self.write_end(ended)
        return ended

    def restore_end(self, job: Job) -> bool:
        """Whether a job has ended, although its record says that it waits or runs; the record is put right then.

        So it is after a power cut, with which Redis loses the last second of what it had acknowledged.
        """
        try:
            written = self._read(job.id)
        except (BlobNotFoundError, ValueError):
            return False
        if written.state not in TERMINAL:
            return False
        self._in_redis.drop(job.id)
        self._in_redis.put([written])
        return True

    def write(self, job: Job) -> None:
        """Store what a record is rebuilt from: this version of it, or one that is newer by now.

        Of several who write at the same moment, whoever is last finds the newest version after having written.
        """
        while True:
            self.storage.put(keys.manifest_key(job.id), _manifest(job))
            newest = self.newest(job.id)
            if newest.version <= job.version:
                break
            job = newest
        if job.state in TERMINAL:
            self._in_redis.redis.srem(redis_keys.ENDING, job.id)

    def write_first(self, job: Job) -> bool:
        """Write a job's manifest unless there is one: it may be of what the job has become since. Whether it was.

        Raises:
            OSError: the storage does not take it.
        """
        key = keys.manifest_key(job.id)
        if self.storage.exists(key):
            return False
        try:
            self.storage.put(key, _manifest(job), replace=False)
        except BlobExistsError:
            return False
        return True

    def write_end(self, job: Job) -> None:
        """Write an ended job's manifest; where that cannot be done, the reaper tries again. Count what it has left."""
        try:
            self.write(job)
            self._tally.settle(job)
        except OSError as error:
            log.warning("job %s: its manifest does not say yet that it is %s: %s", job.id, job.state, error)

    def _read(self, job_id: str) -> Job:
        return Job.model_validate_json(self.storage.get(keys.manifest_key(job_id)))

    def _traces(self, job_id: str) -> dict[str, int]:
        """What the blobs still tell of a job: its newest preview, and a fence above every one that may have written."""
        found = self.storage.list(keys.job_prefix(job_id))
        fence, number = max((preview for key in found if (preview := keys.preview_of(key))), default=(0, 0))
        # One more: somebody may hold the next fence and not have written yet. Pages know versions up to the wipe.
        return {
            "fence": max(keys.fences_of(found), default=0) + 1,
            "preview": number,
            "preview_fence": fence,
            "version": int(self._in_redis.now()),
        }


def _manifest(job: Job) -> bytes:
    return job.model_dump_json(indent=1).encode()
