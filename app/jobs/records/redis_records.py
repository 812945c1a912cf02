"""Job records as Redis has them: one hash a job, which is stored, changed and taken back in one atomic step each.

Time is Redis's own (`TIME`), so that clocks of different machines need not agree. Every change raises the version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import redis

from app.jobs.models import TRANSITIONS, Job, JobState
from app.jobs.records import redis_keys
from app.jobs.records.errors import REFUSED
from app.jobs.records.hashes import flat, job_of, pairs, text
from app.jobs.records.quota import Quota
from app.jobs.records.scripts import CHANGE, STORE, WITHDRAW
from app.jobs.storage import keys


@dataclass(frozen=True)
class Limits:
    """How many jobs may be queued, and how many of one client may be under way; 0 is no limit. How many bytes may be
    kept.
    """

    queue: int = 0
    client: int = 0
    quota: Quota = field(default_factory=Quota)


@dataclass(frozen=True)
class Terms:
    """On what terms a record is changed, beside that its attempt, fence and holder are those that the caller saw.

    Attributes:
        states: the states that it may be in; with none, the one that the caller saw.
        is_exact: whether nothing else of it may have changed either.
        how: whether it is taken: `claim`, if no living lease is in the way, or `seize`, whatever its lease says.
        lease_s: its lease from now on, in seconds; 0 leaves it as it is.
    """

    states: tuple[JobState, ...] = ()
    is_exact: bool = False
    how: Literal["", "claim", "seize"] = ""
    lease_s: float = 0.0


class RedisRecords:
    """The records. With the last of its jobs to end, a photo or an own painting gets `retention_s` seconds more."""

    def __init__(self, connection: redis.Redis, retention_s: float) -> None:
        self.redis = connection
        self.retention_s = retention_s
        self._change = connection.register_script(CHANGE)
        self._store = connection.register_script(STORE)
        self._withdraw = connection.register_script(WITHDRAW)

    def now(self) -> float:
        """Redis's own time in unix seconds."""
        seconds, microseconds = self.redis.time()
        return float(seconds) + float(microseconds) / 1e6

    def read(self, job_id: str) -> Job | None:
        """The job's record; None where there is none.

        Raises:
            ValueError: `job_id` is not an id, or the record cannot be read.
        """
        fields = self.redis.hgetall(redis_keys.record(job_id))
        return job_of(fields) if fields else None

    def read_all(self, job_ids: Sequence[str]) -> list[Job | None]:
        """As `read`, in one round trip."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.hgetall(redis_keys.record(job_id))
            return [job_of(fields) if fields else None for fields in pipeline.execute()]

    def fields(self, job_ids: Sequence[str], *names: str) -> list[list[Any]]:
        """These fields of each record, in one round trip; None for what is not there."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.hmget(redis_keys.record(job_id), names)
            return pipeline.execute()

    def put(self, jobs: Sequence[Job], limits: Limits = Limits()) -> list[Job]:
        """Store those records that are not there, all of them or none, and return the ones that are there then.

        The jobs are of one client.

        Raises:
            NotAcceptedError, OverQuotaError: nothing was stored.
        """
        names = [
            redis_keys.QUEUED,
            redis_keys.SEQUENCE,
            redis_keys.client_jobs(jobs[0].client),
            redis_keys.PHOTOS,
            redis_keys.EXPIRED,
            redis_keys.PAINTINGS,
            redis_keys.KEPT,
            redis_keys.USED,
            redis_keys.MOVED,
        ]
        for job in jobs:
            photo = job.request.photo
            names += [redis_keys.record(job.id), redis_keys.photo_jobs(photo), redis_keys.photo_gone(photo)]
            for painting in job.paintings:
                names += [redis_keys.painting_jobs(painting), redis_keys.painting_gone(painting)]
        now = self.now()
        entries = json.dumps([self._entry(job, now) for job in jobs])
        most = [limits.quota.client, limits.quota.all]
        arguments: list[Any] = [limits.client, limits.queue, redis_keys.RECORDS, entries, *most]
        outcome, *records = self._store(keys=names, args=arguments)
        if text(outcome) in REFUSED:
            raise REFUSED[text(outcome)](jobs[0].id)
        return [job_of(pairs(record)) for record in records]

    def change(self, job: Job, state: JobState, fields: Mapping[str, Any], terms: Terms = Terms()) -> Job | None:
        """Compare-and-set: to `state` with `fields` if the record is still as the terms have it.

        Returns the changed job, or None.

        Raises:
            ValueError: there is no such change in the table.
        """
        states = terms.states or (job.state,)
        for before in states:
            if state is not before and state not in TRANSITIONS[before]:
                raise ValueError(f"a {before} job cannot become {state}")
        names = [
            redis_keys.record(job.id),
            redis_keys.QUEUED,
            redis_keys.RUNNING,
            redis_keys.EXPIRED,
            redis_keys.PHOTOS,
            redis_keys.ENDING,
            redis_keys.PAINTINGS,
            redis_keys.MOVED,
        ]
        stands = [job.id, ",".join(states), job.attempt, job.fence, job.holder]
        needed = [job.request.photo, self.retention_s, len(job.paintings), *job.paintings]
        version = job.version if terms.is_exact else ""
        arguments: list[Any] = [*stands, state, terms.lease_s, terms.how, *needed, version, *flat(fields)]
        answer = self._change(keys=names, args=arguments)
        return job_of(pairs(answer)) if answer else None

    def withdraw(self, jobs: Sequence[Job]) -> None:
        """Take the records of jobs back that nobody has begun."""
        for job in jobs:
            names = [
                redis_keys.record(job.id),
                redis_keys.QUEUED,
                redis_keys.KEPT,
                redis_keys.USED,
                redis_keys.client_jobs(job.client),
                redis_keys.photo_jobs(job.request.photo),
                *map(redis_keys.painting_jobs, job.paintings),
            ]
            self._withdraw(keys=names, args=[job.id, keys.job_prefix(job.id)])

    def drop(self, job_id: str) -> None:
        """Remove a record that is wrong, and with it the job from those that wait or run."""
        with self.redis.pipeline() as pipeline:
            pipeline.delete(redis_keys.record(job_id))
            pipeline.zrem(redis_keys.QUEUED, job_id)
            pipeline.zrem(redis_keys.RUNNING, job_id)
            pipeline.execute()

    def _entry(self, job: Job, now: float) -> dict[str, Any]:
        """A job as STORE takes it."""
        return {
            "id": job.id,
            "state": job.state,
            "photo": job.request.photo,
            "paintings": job.paintings,
            "goes_at": repr((job.finished_at or now) + self.retention_s),
            "fields": flat(job.model_dump(mode="json", exclude_none=True)),
            "folder": keys.job_prefix(job.id),
            "photo_folder": keys.photo_prefix(job.request.photo),
            "size": job.request.most_bytes,
        }
