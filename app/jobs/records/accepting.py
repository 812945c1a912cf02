"""Accepting jobs: record, manifest, then the hint to the workers; or none of them."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress

import redis

from app.jobs.models import Job, JobState, PaintRequest
from app.jobs.queue import QueueUnavailableError
from app.jobs.records.errors import JobNotFoundError
from app.jobs.records.records import JobRecords
from app.jobs.records.redis_records import Limits
from app.jobs.storage import keys

log = logging.getLogger(__name__)


def create(
    records: JobRecords,
    request: PaintRequest,
    planned_work: float,
    *,
    job_id: str | None = None,
    client: str = "",
    limits: Limits = Limits(),
    retry_of: str | None = None,
    recolor_of: str | None = None,
) -> Job:
    """Accept a job.

    The record comes first, because only it is counted in one step with the limits: whoever finds a manifest finds
    one of an accepted job. Nobody is told of a job before its manifest is there. A crash in between leaves a job
    that is painted and that nobody knows of.

    With a `job_id` that exists already, that job is the answer and nothing is changed, so asking twice is harmless,
    also at the same moment.

    Raises:
        QueueUnavailableError: Redis did not take the record.
        NotAcceptedError: the job is refused, by one of its kinds; nothing is left behind.
        OverQuotaError: so it is, because its artwork may be too much.
        OSError: the storage did not take the manifest; nothing is left behind.
    """
    if job_id:
        with suppress(JobNotFoundError):
            there = records.get(job_id)
            records.manifests.write_first(there)
            return there
    links = {"retry_of": retry_of, "recolor_of": recolor_of}
    job = _queued(records, job_id or secrets.token_hex(16), request, planned_work, client, **links)
    (job,) = _accept(records, [job], limits)
    records.hints.send(job.id)
    return job


def create_all(
    records: JobRecords,
    requests: Sequence[tuple[PaintRequest, float]],
    job_ids: Sequence[str],
    *,
    client: str = "",
    limits: Limits = Limits(),
) -> list[Job]:
    """Accept several jobs, each a request with its planned work: all of them or none, as `create` does with one.

    With the same ids once more, what is there stays as it is, and what is missing is added.

    Raises:
        QueueUnavailableError, NotAcceptedError, OverQuotaError, OSError: as in `create`.
    """
    there = {job.id: job for job in records.get_all(job_ids)}
    for job in there.values():
        records.manifests.write_first(job)
    fresh = [
        _queued(records, job_id, request, planned_work, client)
        for job_id, (request, planned_work) in zip(job_ids, requests, strict=True)
        if job_id not in there
    ]
    for job in _accept(records, fresh, limits) if fresh else []:
        records.hints.send(job.id)
        there[job.id] = job
    return [there[job_id] for job_id in job_ids]


def withdraw(records: JobRecords, jobs: Sequence[Job]) -> None:
    """Take the records of jobs back that nobody has begun. Where somebody else has written one's manifest at the
    same moment, because the same was asked for twice, it is accepted, and comes back from there.
    """
    try:
        records.in_redis.withdraw(jobs)
    except redis.RedisError as error:
        log.warning("%d jobs that were refused could not be taken back: %s", len(jobs), error)


def _queued(
    records: JobRecords, job_id: str, request: PaintRequest, planned_work: float, client: str, **links: str | None
) -> Job:
    return Job(
        id=job_id,
        state=JobState.QUEUED,
        request=request,
        planned_work=planned_work,
        created_at=records.storage.now(),
        client=client,
        **links,
    )


def _accept(records: JobRecords, jobs: Sequence[Job], limits: Limits) -> list[Job]:
    """Store the records of new jobs, then their manifests; where that fails, both are taken back.

    Raises:
        QueueUnavailableError, NotAcceptedError, OverQuotaError: nothing was stored.
        OSError: a manifest could not be.
    """
    try:
        accepted = records.in_redis.put(jobs, limits)
    except redis.RedisError as error:
        raise QueueUnavailableError(str(error)) from error
    written = []
    try:
        for job in accepted:
            if records.manifests.write_first(job):
                written.append(job)
    except OSError:
        for job in written:
            records.storage.delete(keys.manifest_key(job.id))
        withdraw(records, accepted)
        raise
    return accepted
