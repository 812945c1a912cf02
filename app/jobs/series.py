"""Several jobs that were started together: their manifest, which says which ones, and when it goes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis
from redis.exceptions import LockError

from app.jobs.models import Job, JobState, PaintRequest, Series
from app.jobs.queue import QueueUnavailableError
from app.jobs.records import accepting, redis_keys
from app.jobs.records.records import JobRecords
from app.jobs.records.redis_records import Limits
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobExistsError, BlobNotFoundError

# Fifty manifests and fifty hints take less than a second; who sends the same series again meanwhile waits for it.
ACCEPTING_S, PATIENCE_S = 60.0, 10.0
MOST_TRIES = 100  # that are looked at of a job, a round trip each for all jobs of a series; nobody means more
YOUNG_S = 3600.0  # a manifest younger than this may be of a series that is still being accepted
log = logging.getLogger(__name__)


class SeriesNotFoundError(Exception):
    """No series has this id."""


def create(
    records: JobRecords,
    series: Series,
    requests: Sequence[tuple[PaintRequest, float]],
    *,
    client: str,
    limits: Limits,
) -> tuple[Series, list[Job]]:
    """Accept a series: its manifest, then its jobs, all of them or none.

    With the id of a series that is there, that one is the answer. If it was cut off by a crash while it was accepted,
    it is accepted now, so asking twice is harmless.

    Raises:
        QueueUnavailableError, NotAcceptedError, OSError: as in `accepting.create`; nothing is left behind.
    """
    with _alone(records, series.id):
        manifest = series.model_dump_json(indent=1).encode()
        try:
            records.storage.put(keys.series_key(series.id), manifest, replace=False)
        except BlobExistsError:
            there = find(records, series.id)
            if there.photos != series.photos:
                return there, found(records, there)
            return there, accepting.create_all(records, requests, series.jobs, client=client, limits=limits)
        records.tally.note(keys.series_prefix(series.id), keys.photo_prefix(series.photos[0]), len(manifest))
        try:
            return series, accepting.create_all(records, requests, series.jobs, client=client, limits=limits)
        except Exception:
            delete(records, series.id)
            raise


def find(records: JobRecords, series_id: str) -> Series:
    """The series of an id.

    Raises:
        SeriesNotFoundError: there is none.
    """
    try:
        return Series.model_validate_json(records.storage.get(keys.series_key(series_id)))
    except (BlobNotFoundError, ValueError) as error:
        raise SeriesNotFoundError(series_id) from error


def found(records: JobRecords, series: Series) -> list[Job]:
    """Those of its jobs that are still there, in their order. One that was tried again is followed to its newest try.

    Raises:
        redis.RedisError: Redis is away.
    """
    newest = records.get_all(series.jobs)
    for _ in range(MOST_TRIES):
        tried = {job.id: job.retried_by for job in newest if job.retried_by and job.state is not JobState.EXPIRED}
        again = {job.id: job for job in records.get_all(list(tried.values()))} if tried else {}
        if not again:
            break
        newest = [again.get(tried.get(job.id, ""), job) for job in newest]
    return [job for job in newest if job.state is not JobState.EXPIRED]


def is_over(records: JobRecords, series_id: str) -> bool:
    """Whether its photos are all gone, and its manifest may go."""
    try:
        series = find(records, series_id)
    except SeriesNotFoundError:  # it went meanwhile, or cannot be read: orphans.py sees to it
        return False
    is_young = records.storage.now() - series.created_at < YOUNG_S
    return not is_young and not any(records.storage.exists(keys.photo_meta_key(each)) for each in series.photos)


def delete(records: JobRecords, series_id: str) -> None:
    """Delete a series's manifest, and count it no more; its jobs stay."""
    prefix = keys.series_prefix(series_id)
    records.storage.delete_prefix(prefix)
    records.tally.note(prefix, "", 0)


@contextmanager
def _alone(records: JobRecords, series_id: str) -> Iterator[None]:
    """Accept a series in one place at a time: the same one may be sent twice at the same moment."""
    lock = records.redis.lock(redis_keys.series_lock(series_id), timeout=ACCEPTING_S, blocking_timeout=PATIENCE_S)
    try:
        if not lock.acquire():
            raise QueueUnavailableError("the same series is being accepted")
    except redis.RedisError as error:
        raise QueueUnavailableError(str(error)) from error
    try:
        yield
    finally:
        try:
            lock.release()
        except LockError:
            log.warning("accepting a series took more than %d s", ACCEPTING_S)
        except redis.RedisError as error:  # it ends by itself
            log.warning("a series is accepted, but its lock could not be released: %s", error)
