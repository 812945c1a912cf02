"""When pictures go: a photo and all that was made from it together, some time after its last job, or at once.

Every step may be repeated and may be cut off: what was begun is finished by the next sweep.
"""

from __future__ import annotations

import json
import logging

from app.jobs import keys, series
from app.jobs.blobs import BlobNotFoundError, Storage
from app.jobs.models import Job
from app.jobs.records import JobNotFoundError, JobRecords

TOMBSTONE_S = 7 * 24 * 3600.0  # so long an expired job's address still says what happened
LATE_S = 3600.0  # so long a worker that lost an expired job may still write into its folder
log = logging.getLogger(__name__)


def expire(records: JobRecords, job: Job) -> Job:
    """End a job for good and delete its pictures; what remains is its record, which says `expired`."""
    expired = records.expire(job)
    _delete_pictures(records.storage, expired)
    return expired


def delete_photo(records: JobRecords, photo_id: str) -> None:
    """Delete a photo and everything that was made from it, now, whatever is being painted."""
    _delete(records, photo_id, records.retire_photo(photo_id, at_once=True) or [])


def sweep(records: JobRecords) -> None:
    """Delete the photos whose time has come, finish deletions that were cut off, forget what expired long ago."""
    _adopt(records)
    for photo_id in records.photos_due():
        jobs = records.retire_photo(photo_id, at_once=False)
        if jobs is not None:
            log.info("photo %s…: its time has come, with %d jobs", photo_id[:6], len(jobs))
            _delete(records, photo_id, jobs)
    series.sweep(records)
    now = records.now()
    for job_id, expired_at in records.expired():
        if now - expired_at > TOMBSTONE_S:
            records.storage.delete_prefix(keys.job_prefix(job_id))
            records.forget(job_id)
        elif now - expired_at < LATE_S:
            for job in records.found([job_id]):
                _delete_pictures(records.storage, job)


def _adopt(records: JobRecords) -> None:
    """Give photos that no job has used yet, or that Redis forgot, their time; finish those that are being deleted."""
    stored = {key.split("/")[1] for key in records.storage.list("photos/")}
    for photo_id in sorted(stored - records.photos_kept()):
        if records.is_gone(photo_id):
            delete_photo(records, photo_id)
        else:
            records.keep_photo(photo_id, _kept_since(records, photo_id))


def _kept_since(records: JobRecords, photo_id: str) -> float:
    try:
        return float(json.loads(records.storage.get(keys.photo_meta_key(photo_id)))["created_at"])
    except (BlobNotFoundError, ValueError, KeyError):  # its upload was cut off
        return records.now()


def _delete(records: JobRecords, photo_id: str, jobs: list[str]) -> None:
    for job_id in jobs:
        try:
            expire(records, records.get(job_id))
        except JobNotFoundError:  # forgotten already
            continue
    # The photo goes last: while it is there, the next sweep sees that something is left to do.
    records.storage.delete_prefix(keys.photo_prefix(photo_id))
    records.forget_photo(photo_id)


def _delete_pictures(storage: Storage, job: Job) -> None:
    prefix = keys.job_prefix(job.id)
    for folder in {key.removeprefix(prefix).split("/")[0] for key in storage.list(prefix)}:
        if folder.isdigit():
            storage.delete_prefix(keys.attempt_prefix(job.id, int(folder)))
    if job.share:
        storage.delete_prefix(keys.share_prefix(job.share))
