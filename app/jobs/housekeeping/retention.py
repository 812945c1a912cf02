"""When pictures go: a photo and all that was made from it together, some time after its last job, or at once.

A person's own painting goes likewise, without the artworks that were made after it.

Every step may be repeated and may be cut off: what was begun is finished by the next sweep.

Files go also while Redis takes nothing, because its disk is full: that makes the room it waits for. What is owed to it
then lies beside them as an empty blob, until housekeeping settles it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable

import redis

from app.jobs import series
from app.jobs.housekeeping.rounds import Round, takes_nothing
from app.jobs.models import TERMINAL, Job
from app.jobs.records.errors import JobNotFoundError
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError, Storage

TOMBSTONE_S = 7 * 24 * 3600.0  # so long an expired job's address still says what happened
LATE_S = 3600.0  # so long a worker that lost an expired job may still write into its folder
log = logging.getLogger(__name__)


def delete_job(records: JobRecords, job: Job) -> None:
    """Delete a job's pictures, now, whatever is being painted; what remains is its record, which says `expired`.

    Raises:
        redis.RedisError: Redis is away.
        OSError: it takes nothing, and the storage not even an empty blob.
    """
    _told_or_owed(lambda: _expire(records, job), lambda: _empty(records, [job]))


def delete_photo(records: JobRecords, photo_id: str) -> None:
    """Delete a photo and everything that was made from it, now, whatever is being painted.

    Raises:
        redis.RedisError, OSError: as in `delete_job`.
    """
    _told_or_owed(lambda: _delete_photo(records, photo_id), lambda: _empty_photo(records, photo_id))


def delete_painting(records: JobRecords, painting_id: str) -> None:
    """Delete a person's own painting and its fingerprints, now; jobs that still need it fail, artworks stay.

    Raises:
        redis.RedisError, OSError: as in `delete_job`.
    """
    _told_or_owed(lambda: _delete_painting(records, painting_id), lambda: _empty_painting(records, painting_id))


def is_deleted(storage: Storage, kind: keys.Kind, identifier: str) -> bool:
    """Whether something was deleted of which Redis does not know yet."""
    return storage.exists(keys.deletion_key(kind, identifier))


def settle(records: JobRecords, steps: Round) -> None:
    """Tell Redis of what was deleted while it took nothing."""
    for key in records.storage.list(keys.DELETIONS):
        if (deleted := keys.deletion(key)) is None:
            continue
        kind, identifier = deleted
        with steps.step(f"settle the deletion of {kind} {identifier[:6]}…"):
            if kind == "photos":
                _delete_photo(records, identifier)
            elif kind == "paintings":
                _delete_painting(records, identifier)
            else:
                _expire_all(records, [identifier])
            records.storage.delete(key)


def make_room(records: JobRecords) -> None:
    """Delete the photos whose time has come, as far as that can be done while Redis takes nothing and a sweep is
    impossible.
    """
    for photo_id in records.photos.due():
        jobs = records.found(records.photos.jobs(photo_id))
        if all(job.state in TERMINAL for job in jobs) and not is_deleted(records.storage, "photos", photo_id):
            log.info("photo %s…: its time has come, and its room is needed", photo_id[:6])
            _empty_photo(records, photo_id)


def sweep(records: JobRecords, steps: Round | None = None) -> None:
    """Delete the photos and paintings whose time has come, finish deletions that were cut off, forget what expired long
    ago. Each by itself: what cannot be done is noted in `steps`.
    """
    steps = steps or Round()
    _adopt(records, steps)
    for photo_id in records.photos.due():
        with steps.step(f"delete photo {photo_id[:6]}…"):
            if records.photos.retire(photo_id, at_once=False) is not None:
                log.info("photo %s…: its time has come", photo_id[:6])
                _delete_photo(records, photo_id)
    for painting_id in records.paintings.due():
        with steps.step(f"delete painting {painting_id[:6]}…"):
            if records.paintings.retire(painting_id, at_once=False) is not None:
                log.info("painting %s…: its time has come", painting_id[:6])
                _delete_painting(records, painting_id)
    for series_id in sorted(keys.ids_of(records.storage.list(keys.SERIES))):
        with steps.step(f"look at series {series_id[:6]}…"):
            if series.is_over(records, series_id):
                log.info("series %s…: its photos are gone", series_id[:6])
                series.delete(records, series_id)
    now = records.now()
    for job_id, expired_at in records.expired():
        with steps.step(f"forget job {job_id[:6]}…"):
            if now - expired_at > TOMBSTONE_S:
                records.storage.delete_prefix(keys.job_prefix(job_id))
                records.forget(job_id)
            elif now - expired_at < LATE_S:
                for job in records.found([job_id]):
                    _delete_pictures(records.storage, job)


def _adopt(records: JobRecords, steps: Round) -> None:
    """Give photos and paintings that no job has used yet, or that Redis forgot, their time; finish those that are being
    deleted.
    """
    for name, folder, keeping, meta_key, delete in (
        ("photo", keys.PHOTOS, records.photos, keys.photo_meta_key, _delete_photo),
        ("painting", keys.PAINTINGS, records.paintings, keys.painting_meta_key, _delete_painting),
    ):
        for identifier in keys.ids_of(records.storage.list(folder)) - keeping.kept():
            with steps.step(f"adopt {name} {identifier[:6]}…"):
                if keeping.is_gone(identifier):
                    delete(records, identifier)
                else:
                    keeping.keep(identifier, _kept_since(records, meta_key(identifier)))


def _kept_since(records: JobRecords, meta_key: str) -> float:
    try:
        return float(json.loads(records.storage.get(meta_key))["created_at"])
    except (BlobNotFoundError, ValueError, KeyError, TypeError):  # its upload was cut off
        return records.now()


def _told_or_owed(delete: Callable[[], None], empty: Callable[[], None]) -> None:
    """Delete something, of which Redis is told; or only its files, while Redis takes nothing."""
    try:
        delete()
    except redis.RedisError as error:
        if not takes_nothing(error):
            raise
        empty()


def _expire(records: JobRecords, job: Job) -> None:
    expired = records.expire(job)
    _delete_pictures(records.storage, expired)
    records.tally.settle(expired)


def _expire_all(records: JobRecords, job_ids: Iterable[str]) -> None:
    for job_id in job_ids:
        try:
            _expire(records, records.get(job_id))
        except (JobNotFoundError, ValueError):  # forgotten already, or set aside: orphans.py removes what is left of it
            continue


def _delete_photo(records: JobRecords, photo_id: str) -> None:
    _expire_all(records, records.photos.retire(photo_id, at_once=True) or [])
    # The photo goes last: while it is there, the next sweep sees that something is left to do.
    records.storage.delete_prefix(keys.photo_prefix(photo_id))
    records.tally.note(keys.photo_prefix(photo_id), "", 0)
    records.photos.forget(photo_id)


def _empty(records: JobRecords, jobs: Iterable[Job]) -> None:
    """Delete jobs' pictures; that they have expired is owed."""
    for job in jobs:
        _delete_pictures(records.storage, job)
        _owe(records.storage, "jobs", job.id)


def _empty_photo(records: JobRecords, photo_id: str) -> None:
    _empty(records, records.found(records.photos.jobs(photo_id)))
    records.storage.delete_prefix(keys.photo_prefix(photo_id))
    _owe(records.storage, "photos", photo_id)


def _empty_painting(records: JobRecords, painting_id: str) -> None:
    records.storage.delete_prefix(keys.painting_prefix(painting_id))
    _owe(records.storage, "paintings", painting_id)


def _owe(storage: Storage, kind: keys.Kind, identifier: str) -> None:
    storage.put(keys.deletion_key(kind, identifier), b"")


def _delete_painting(records: JobRecords, painting_id: str) -> None:
    records.paintings.retire(painting_id, at_once=True)
    records.storage.delete_prefix(keys.painting_prefix(painting_id))
    records.tally.note(keys.painting_prefix(painting_id), "", 0)
    records.paintings.forget(painting_id)


def _delete_pictures(storage: Storage, job: Job) -> None:
    for fence in keys.fences_of(storage.list(keys.job_prefix(job.id))):
        storage.delete_prefix(keys.attempt_prefix(job.id, fence))
    if job.share:
        storage.delete_prefix(keys.share_prefix(job.share))
