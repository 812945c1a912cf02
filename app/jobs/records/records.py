"""Job records: one Redis hash a job, changed only by compare-and-set, rebuilt from manifests when Redis lost them.

Time is Redis's own (`TIME`), so that clocks of different machines need not agree. Every change raises the version.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Literal

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.jobs.models import (
    PAINTING_GONE,
    TERMINAL,
    TRANSITIONS,
    Attempt,
    Cut,
    Job,
    JobError,
    JobState,
    PaintRequest,
    Progress,
)
from app.jobs.queue import QUEUE, Publisher, QueueUnavailableError
from app.jobs.records import quota, redis_keys
from app.jobs.records.keeping import PAINTINGS, PHOTOS, Keeping
from app.jobs.records.quota import Quota, Tally
from app.jobs.records.scripts import CHANGE, HINTED, LOOK, STORE, WITHDRAW
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobExistsError, BlobNotFoundError, Storage, is_full

RETENTION_S = 24 * 3600.0
PATIENCE_S = 5.0  # for an answer of Redis
WORKER_SEEN_S = 30.0  # a worker that was not seen for so long is not there
STILL_S = 90.0  # jobs that wait for so long without anybody at work wait in vain; three of the usual leases
PAUSES_S = (0.0, 5.0, 10.0, 20.0, 30.0)  # after the first attempt that was cut off, the second, … and all later ones
ETA_SPREAD = (0.8, 1.4)  # measured times of equal jobs on a busy machine lie within
SPEED_WEIGHT = 0.3  # of the newest measurement in the moving average
SAMPLE = 20  # so many jobs at the front are looked at for the time left; the rest is taken to be like them
PACE_S = 1.0  # for so long the queue's pace is taken to be the same
TEXTS = {"id", "state", "holder", "client", "retry_of", "retried_by", "recolor_of", "share"}
ANY_EXTRACTOR = "auto"
NOTHING = "null"  # how None is written
log = logging.getLogger(__name__)

How = Literal["", "claim", "seize"]


class JobNotFoundError(Exception):
    """No job has this id."""


class LeaseLostError(Exception):
    """Another worker holds this job now, or it has ended: what was being painted must be dropped."""


class NotAcceptedError(Exception):
    """A job was not accepted, and nothing of it is left behind."""


class QueueFullError(NotAcceptedError):
    """As many jobs wait as may wait."""


class ClientBusyError(NotAcceptedError):
    """This client has as many jobs under way as one client may have."""


class PhotoGoneError(NotAcceptedError):
    """The photo is being deleted, or was."""


class PaintingGoneError(NotAcceptedError):
    """A person's own painting is being deleted, or was."""


@dataclass(frozen=True)
class Limits:
    """How many jobs may be queued, and how many of one client may be under way; 0 is no limit. How many bytes may be
    kept.
    """

    queue: int = 0
    client: int = 0
    quota: Quota = field(default_factory=Quota)


REFUSED: dict[str, type[Exception]] = {
    **quota.REFUSED,
    "queue": QueueFullError,
    "client": ClientBusyError,
    "gone": PhotoGoneError,
    "unhung": PaintingGoneError,
}


@dataclass(frozen=True)
class Pace:
    """What all waiting jobs' times are reckoned from: work left in the first ones of the queue and in what runs."""

    read_at: float
    ahead: list[float]
    running: float
    workers: int


@dataclass(frozen=True)
class Standing:
    """How a job stands, from one look; `position` as in `position`. The record, the speeds as in `speeds`, and the pace
    of the queue it waits in are left out where whoever asked knows the job as it is.
    """

    state: JobState
    version: int
    position: int | None
    record: Mapping[Any, Any] = field(default_factory=dict)
    speeds: Mapping[str, float] = field(default_factory=dict)
    pace: Pace | None = None

    @property
    def is_news(self) -> bool:
        """Whether there is anything that whoever asked does not know."""
        return bool(self.record)

    def job(self) -> Job:
        """The job, where it is news."""
        return _job(self.record)


class JobRecords:
    """The records of all jobs. Photos and people's own paintings are kept for `retention_s` seconds after the last of
    their jobs has ended.
    """

    def __init__(
        self,
        connection: redis.Redis,
        storage: Storage,
        publisher: Publisher | None = None,
        retention_s: float = RETENTION_S,
        tally: Tally | None = None,
    ) -> None:
        self.redis = connection
        self.storage = storage
        self.publisher = publisher
        self.retention_s = retention_s
        self._change = connection.register_script(CHANGE)
        self._store = connection.register_script(STORE)
        self._take_back = connection.register_script(WITHDRAW)
        self._hinted = connection.register_script(HINTED)
        self._look = connection.register_script(LOOK)
        self.photos = Keeping(connection, PHOTOS, retention_s, self.now)
        self.paintings = Keeping(connection, PAINTINGS, retention_s, self.now)
        self.tally = tally or Tally(connection, storage)
        self._last_pace: Pace | None = None

    # What the front end does.

    def create(
        self,
        request: PaintRequest,
        planned_work: float,
        *,
        job_id: str | None = None,
        client: str = "",
        limits: Limits = Limits(),
        retry_of: str | None = None,
        recolor_of: str | None = None,
    ) -> Job:
        """Accept a job: record, manifest, then the hint to the workers.

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
                there = self.get(job_id)
                self._write_first(there)
                return there
        job = Job(
            id=job_id or secrets.token_hex(16),
            state=JobState.QUEUED,
            request=request,
            planned_work=planned_work,
            created_at=time.time(),
            client=client,
            retry_of=retry_of,
            recolor_of=recolor_of,
        )
        (job,) = self._accept([job], limits)
        self.publish(job.id)
        return job

    def create_all(
        self,
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
        there = {job.id: job for job in self.get_all(job_ids)}
        for job in there.values():
            self._write_first(job)
        fresh = [
            Job(
                id=job_id,
                state=JobState.QUEUED,
                request=request,
                planned_work=planned_work,
                created_at=time.time(),
                client=client,
            )
            for job_id, (request, planned_work) in zip(job_ids, requests, strict=True)
            if job_id not in there
        ]
        for job in self._accept(fresh, limits) if fresh else []:
            self.publish(job.id)
            there[job.id] = job
        return [there[job_id] for job_id in job_ids]

    def note(self, job: Job, fields: Mapping[str, Any]) -> Job:
        """Write fields that do not belong to the painting into a record, whatever its state, and into its manifest."""
        while True:
            changed = self.change(job, job.state, fields)
            if changed:
                self.write_manifest(changed)
                return changed
            job = self.get(job.id)

    def expire(self, job: Job) -> Job:
        """End a job in any state for good: its worker loses it at the next stroke. The caller deletes the files.

        The manifest stays as a tombstone, so that a Redis that forgets does not bring the job back. Where there is no
        room for one, the reaper writes it when the files are gone.
        """
        while job.state is not JobState.EXPIRED:
            job = self.change(job, JobState.EXPIRED, {"client": ""}) or self.get(job.id)
        try:
            self.write_manifest(job)
        except OSError as error:
            if not is_full(error):
                raise
            log.warning("job %s: there is no room for its tombstone yet", job.id)
        return job

    def photo_goes_at(self, photo_id: str) -> float | None:
        """Unix seconds at which a photo and all that was made from it is deleted; None while that is not known."""
        return self.photos.goes_at(photo_id)

    def expired(self) -> list[tuple[str, float]]:
        """Ids of expired jobs, each with the unix seconds of its expiry."""
        found: Any = self.redis.zrange(redis_keys.EXPIRED, 0, -1, withscores=True)
        return [(_text(job_id), float(when)) for job_id, when in found]

    def forget(self, job_id: str) -> None:
        """Remove an expired job's record."""
        self.redis.zrem(redis_keys.EXPIRED, job_id)
        self.redis.delete(redis_keys.record(job_id))

    def memory(self) -> int | None:
        """Bytes that the best equipped of the workers seen lately has for a job; None where none has told."""
        told: Any = self.redis.hgetall(redis_keys.MEMORY)
        seen: Any = self.redis.zrangebyscore(redis_keys.WORKERS, self.now() - WORKER_SEEN_S, "+inf")
        return max((int(told[name]) for name in seen if name in told), default=None)

    def get(self, job_id: str) -> Job:
        """The job's record; rebuilt from its manifest where Redis has none.

        Raises:
            JobNotFoundError: there is no such job.
            ValueError: `job_id` is not an id.
        """
        fields = self.redis.hgetall(redis_keys.record(job_id))
        return _job(fields) if fields else self.rebuild(job_id)

    def get_all(self, job_ids: Sequence[str]) -> list[Job]:
        """The records of those of the jobs that there are, in one round trip."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.hgetall(redis_keys.record(job_id))
            answers = pipeline.execute()
        found = []
        for job_id, fields in zip(job_ids, answers, strict=True):
            try:
                found.append(_job(fields) if fields else self.rebuild(job_id))
            except JobNotFoundError:
                continue
        return found

    def standings(self, asked: Sequence[tuple[str, str]]) -> list[Standing | None]:
        """How jobs stand, in one round trip, and now and then a second for the queue's pace; None where Redis has no
        record.

        Each is asked for by its id and by what is known of it: `version`, or `version.position` while it waits; several
        are separated by commas. That counts for waiting and running jobs only: what has ended is always news.

        Raises:
            ValueError: what should be an id is none.
        """
        names = [redis_keys.QUEUED, redis_keys.SPEED, *(redis_keys.record(job_id) for job_id, _ in asked)]
        speeds, *looks = self._look(keys=names, args=[text for each in asked for text in each])
        measured = _speeds(_pairs(speeds))
        found = [_standing(measured, *look) if look else None for look in looks]
        if any(each and each.is_news and each.state is JobState.QUEUED for each in found):
            pace = self._pace()
            found = [each and replace(each, pace=pace) for each in found]
        return found

    def positions(self, job_ids: Sequence[str]) -> list[int | None]:
        """How many jobs wait before each of these, in one round trip; None for what is not queued."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.zrank(redis_keys.QUEUED, job_id)
            return pipeline.execute()

    def request_cancel(self, job_id: str) -> Job:
        """Cancel: at once while queued, or while its lease has run out, because its worker may never look again; while
        running by a flag that the worker sees; no change when it has ended.
        """
        job = self.get(job_id)
        while job.state not in TERMINAL:
            is_free = job.state is JobState.QUEUED or self._is_lapsed(job)
            if job.cancel_requested and not is_free:
                break
            asked = JobState.CANCELLED if is_free else JobState.RUNNING
            changed = self.change(job, asked, {"cancel_requested": True})
            if changed and changed.state is JobState.CANCELLED:
                self._write_end(changed)
            job = changed or self.get(job_id)  # it was claimed, handed back or ended meanwhile: look again
        return job

    def position(self, job: Job) -> int | None:
        """How many jobs wait before this one; None unless it is queued."""
        rank: Any = self.redis.zrank(redis_keys.QUEUED, job.id) if job.state is JobState.QUEUED else None
        return None if rank is None else int(rank)

    def eta(
        self, job: Job, position: int | None = None, standing: Standing | None = None
    ) -> tuple[float, float] | None:
        """Seconds left, at least and at most, by measured speed; None where nothing was measured or it has ended.

        `position` is the job's, where the caller knows it. With a `standing` that is news, nothing is looked up.
        """
        if job.state in TERMINAL:
            return None
        speed = job.seconds_per_unit if job.state is JobState.RUNNING else None
        speed = speed or _speed(standing.speeds if standing else self.speeds(), job.request.extractor)
        if speed is None:
            return None
        work = _left(job.planned_work, job.progress.fraction if job.progress else 0.0)
        if job.state is JobState.QUEUED:
            pace = standing.pace if standing and standing.pace else self._pace()
            rank = self.position(job) if position is None else position
            work += _work_ahead(pace, rank or 0) / max(1, pace.workers)
        return work * speed * ETA_SPREAD[0], work * speed * ETA_SPREAD[1]

    def seconds_per_unit(self, extractor: str = ANY_EXTRACTOR) -> float | None:
        """Measured seconds per megapixel-evaluation, a moving average; None before the first job."""
        return _speed(self.speeds(), extractor)

    def speeds(self) -> dict[str, float]:
        """Measured seconds per megapixel-evaluation by extractor, and of whatever is used here."""
        return _speeds(self.redis.hgetall(redis_keys.SPEED))

    def workers(self) -> int:
        """Workers seen lately."""
        return int(self.redis.zcount(redis_keys.WORKERS, self.now() - WORKER_SEEN_S, "+inf"))

    def worker_seen(self) -> bool:
        """Whether any worker was seen lately."""
        return self.workers() > 0

    def is_moving(self) -> bool:
        """Whether work goes on, or there is none: lately somebody took a job or renewed a lease, the first job began to
        wait, or a worker came.
        """
        with self.redis.pipeline(transaction=False) as pipeline:
            pipeline.zcard(redis_keys.QUEUED)
            pipeline.zcard(redis_keys.RUNNING)
            pipeline.get(redis_keys.MOVED)
            queued, running, moved = pipeline.execute()
        return not (queued or running) or moved is None or self.now() - float(moved) < STILL_S

    # What the worker does.

    def claim(
        self,
        job_id: str,
        lease_s: float,
        holder: str,
        is_alive: Callable[[str], bool],
        why: Callable[[Job], Cut] = lambda _: Cut.SILENT,
        oom_kills: int | None = None,
    ) -> Job | None:
        """Take the job: a new fence, one more attempt, a lease. None if somebody else has it, it rests or has ended.

        A running job is taken over when its lease has run out, or at once when its holder is known to be dead. The
        attempt that ended so goes into its history, with what cut it off as `why` tells from the job as it was.
        """
        job = self.get(job_id)
        if job.state in TERMINAL or self._restore_end(job):
            return None
        if job.state is JobState.QUEUED and job.rests_until > self.now():
            return None
        fields: dict[str, Any] = {"holder": holder, "oom_kills": oom_kills}
        how: How = "claim"
        if job.state is JobState.RUNNING:
            how = "claim" if is_alive(job.holder) else "seize"
            fields |= self.cut_off(job, why(job))
        states = (JobState.QUEUED, JobState.RUNNING)
        return self.change(job, JobState.RUNNING, fields, states, lease_s, how)

    def cut_off(self, job: Job, cut: Cut) -> dict[str, Any]:
        """The fields that tell of the attempt that was just cut off, and for how long the job rests before the next.

        `job` is as its record has it.
        """
        now = self.now()
        reached = job.progress.fraction if job.progress else 0.0
        attempt = Attempt(began_at=job.started_at or now, ended_at=now, reached=reached, cut=cut)
        history = [each.model_dump(mode="json") for each in (*job.history, attempt)]
        return {"history": history, "rests_until": now + PAUSES_S[min(len(history), len(PAUSES_S)) - 1]}

    def heartbeat(self, job: Job, lease_s: float, fields: Mapping[str, Any]) -> Job:
        """Renew the lease and store progress; the answer carries the cancel flag.

        Raises:
            LeaseLostError: the fence is not the newest any more.
        """
        renewed = self.change(job, JobState.RUNNING, fields, lease_s=lease_s)
        if renewed is None:
            raise LeaseLostError(job.id)
        return renewed

    def end(self, job: Job, state: JobState, fields: Mapping[str, Any]) -> Job:
        """Bring a running job to its end (or back to the queue), and write its manifest.

        To ask again for what was done is no error: the answer may have been lost on its way.

        Raises:
            LeaseLostError: the fence is not the newest any more; nothing was changed.
        """
        ended = self.change(job, state, fields)
        if ended is None:
            ended = self.get(job.id)
            if (ended.state, ended.fence) != (state, job.fence):
                raise LeaseLostError(job.id)
        if state in TERMINAL:
            self._write_end(ended)
        return ended

    def measured(self, extractor: str, seconds_per_unit: float) -> None:
        """Fold a measured speed into the moving averages, of this extractor and of whatever is used here."""
        for name in (extractor, ANY_EXTRACTOR):
            before = self.redis.hget(redis_keys.SPEED, name)
            mixed = seconds_per_unit
            if before:
                mixed = float(before) + SPEED_WEIGHT * (seconds_per_unit - float(before))
            self.redis.hset(redis_keys.SPEED, name, mixed)

    def saw_worker(self, name: str, memory_bytes: int, has_just_come: bool = False) -> None:
        """Note that a worker is there, and how many bytes it has for a job."""
        self.redis.zadd(redis_keys.WORKERS, {name: self.now()})
        if has_just_come:
            self.redis.set(redis_keys.MOVED, self.now())
        self.redis.hset(redis_keys.MEMORY, name, memory_bytes)
        self.redis.zremrangebyscore(redis_keys.WORKERS, 0, self.now() - 100 * WORKER_SEEN_S)

    def worker_left(self, name: str) -> None:
        """Note that a worker said goodbye."""
        self.redis.zrem(redis_keys.WORKERS, name)
        self.redis.hdel(redis_keys.MEMORY, name)

    # What both and the reconciler do.

    def lapsed(self, for_s: float = 0.0) -> list[Job]:
        """Running jobs whose lease has run out, at least so many seconds ago."""
        return self.found(self.redis.zrangebyscore(redis_keys.RUNNING, 0, self.now() - for_s))

    def running(self) -> list[Job]:
        """Running jobs, whether or not their lease lives."""
        return self.found(self.redis.zrange(redis_keys.RUNNING, 0, -1))

    def is_hinted(self, job: Job, recently_s: float) -> bool:
        """Whether a hint was sent since the running job's attempt began, and not too long ago to be still under way."""
        published = self.redis.hget(redis_keys.record(job.id), "published_at")
        return published is not None and float(published) > max(job.started_at or 0, self.now() - recently_s)

    def unpublished(self, older_than_s: float) -> list[str]:
        """Ids of queued jobs whose hint was never sent, or not since they rested, or so long ago that it may be lost
        while the queue is empty. Those that still rest are left out.
        """
        drained = self.redis.llen(QUEUE) == 0
        now = self.now()
        overdue = now - older_than_s if drained else 0.0
        waiting = [_text(each) for each in self.redis.zrange(redis_keys.QUEUED, 0, -1)]
        hinted = self._fields(waiting, "published_at", "rests_until")
        return [
            job_id
            for job_id, (published, rests) in zip(waiting, hinted, strict=True)
            if float(rests or 0) <= now and (not published or float(published) < max(overdue, float(rests or 0)))
        ]

    def unwritten(self) -> list[Job]:
        """Ended jobs whose manifests do not say so yet: whoever ended them died, or the storage had no room."""
        return self.found(self.redis.smembers(redis_keys.ENDING))

    def publish(self, job_id: str) -> None:
        """Send the hint; one that cannot be sent is sent again by the reaper, for the record says `queued`."""
        if self.publisher:
            try:
                self.publisher.publish(job_id)
                self._hinted(keys=[redis_keys.record(job_id)])
            except (QueueUnavailableError, redis.RedisError) as error:
                log.warning("job %s: the hint could not be sent: %s", job_id, error)

    def change(
        self,
        job: Job,
        state: JobState,
        fields: Mapping[str, Any],
        states: tuple[JobState, ...] | None = None,
        lease_s: float = 0,
        how: How = "",
        is_exact: bool = False,
    ) -> Job | None:
        """Compare-and-set: to `state` with `fields` if the record still has the job's state (or one of `states`),
        attempt, fence and holder, if `is_exact` nothing else has changed either, and, with `claim`, no living lease. A
        lease of 0 s leaves it as it is.

        Returns the changed job, or None.

        Raises:
            ValueError: there is no such change in the table.
        """
        states = states or (job.state,)
        for before in states:
            if state is not before and state not in TRANSITIONS[before]:
                raise ValueError(f"a {before} job cannot become {state}")
        stands = [job.id, ",".join(states), job.attempt, job.fence, job.holder]
        needed = [job.request.photo, self.retention_s, len(job.paintings), *job.paintings]
        version = job.version if is_exact else ""
        arguments: list[Any] = [*stands, state, lease_s, how, *needed, version, *_flat(fields)]
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
        answer = self._change(keys=names, args=arguments)
        return _job(_pairs(answer)) if answer else None

    def rebuild(self, job_id: str) -> Job:
        """Restore a record that Redis lost: as it ended, or queued again with a fence above every one that was used.

        A job that waited and whose photo was deleted meanwhile has expired; one whose own painting was, has failed.

        Raises:
            JobNotFoundError: there is no manifest either.
            ValueError: the manifest cannot be read, or is another job's.
        """
        try:
            job = Job.model_validate_json(self.storage.get(keys.manifest_key(job_id)))
        except BlobNotFoundError as error:
            raise JobNotFoundError(job_id) from error
        if job.id != job_id:
            raise ValueError(f"the manifest of {job_id} is of {job.id}")
        if job.state not in TERMINAL:
            job = job.model_copy(update={"state": JobState.QUEUED} | self._traces(job_id))
        try:
            return self._put([job])[0]
        except PhotoGoneError:
            end: dict[str, Any] = {"state": JobState.EXPIRED, "client": ""}
        except PaintingGoneError:
            end = {"state": JobState.FAILED, "error": PAINTING_GONE, "finished_at": self.now()}
        (ended,) = self._put([job.model_copy(update=end)])
        self._write_end(ended)
        return ended

    def write_manifest(self, job: Job) -> None:
        """Store what a record is rebuilt from: this version of it, or one that is newer by now.

        Of several who write at the same moment, whoever is last finds the newest version after having written.
        """
        while True:
            self.storage.put(keys.manifest_key(job.id), _manifest(job))
            newest = self.get(job.id)
            if newest.version <= job.version:
                break
            job = newest
        if job.state in TERMINAL:
            self.redis.srem(redis_keys.ENDING, job.id)

    def _write_end(self, job: Job) -> None:
        """Write an ended job's manifest; where that cannot be done, the reaper tries again. Count what it has left."""
        try:
            self.write_manifest(job)
            self.tally.settle(job)
        except OSError as error:
            log.warning("job %s: its manifest does not say yet that it is %s: %s", job.id, job.state, error)

    def _is_lapsed(self, job: Job) -> bool:
        """Whether it is running and its lease has run out."""
        until: Any = self.redis.zscore(redis_keys.RUNNING, job.id) if job.state is JobState.RUNNING else None
        return until is not None and float(until) < self.now()

    def _restore_end(self, job: Job) -> bool:
        """Whether a job has ended, although its record says that it waits or runs; the record is put right then.

        So it is after a power cut, with which Redis loses the last second of what it had acknowledged.
        """
        try:
            written = Job.model_validate_json(self.storage.get(keys.manifest_key(job.id)))
        except (BlobNotFoundError, ValueError):
            return False
        if written.state not in TERMINAL:
            return False
        with self.redis.pipeline() as pipeline:
            pipeline.delete(redis_keys.record(job.id))
            pipeline.zrem(redis_keys.QUEUED, job.id)
            pipeline.zrem(redis_keys.RUNNING, job.id)
            pipeline.execute()
        self._put([written])
        return True

    def now(self) -> float:
        """Redis's own time in unix seconds."""
        seconds, microseconds = self.redis.time()
        return float(seconds) + float(microseconds) / 1e6

    def _accept(self, jobs: Sequence[Job], limits: Limits) -> list[Job]:
        """Store the records of new jobs, as `_put`, then their manifests; where that fails, both are taken back.

        Raises:
            QueueUnavailableError, NotAcceptedError, OverQuotaError: nothing was stored.
            OSError: a manifest could not be.
        """
        try:
            accepted = self._put(jobs, limits)
        except redis.RedisError as error:
            raise QueueUnavailableError(str(error)) from error
        written = []
        try:
            for job in accepted:
                if self._write_first(job):
                    written.append(job)
        except OSError:
            for job in written:
                self.storage.delete(keys.manifest_key(job.id))
            self._withdraw(accepted)
            raise
        return accepted

    def _write_first(self, job: Job) -> bool:
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

    def _withdraw(self, jobs: Sequence[Job]) -> None:
        """Take the records of jobs back that nobody has begun. Where somebody else has written one's manifest at the
        same moment, because the same was asked for twice, it is accepted, and comes back from there.
        """
        try:
            for job in jobs:
                siblings = [redis_keys.photo_jobs(job.request.photo), *map(redis_keys.painting_jobs, job.paintings)]
                names = [
                    redis_keys.record(job.id),
                    redis_keys.QUEUED,
                    redis_keys.KEPT,
                    redis_keys.USED,
                    redis_keys.client_jobs(job.client),
                ]
                self._take_back(keys=[*names, *siblings], args=[job.id, keys.job_prefix(job.id)])
        except redis.RedisError as error:
            log.warning("%d jobs that were refused could not be taken back: %s", len(jobs), error)

    def _put(self, jobs: Sequence[Job], limits: Limits = Limits()) -> list[Job]:
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
        entries = [
            {
                "id": job.id,
                "state": job.state,
                "photo": job.request.photo,
                "paintings": job.paintings,
                "goes_at": repr((job.finished_at or now) + self.retention_s),
                "fields": _flat(job.model_dump(mode="json", exclude_none=True)),
                "folder": keys.job_prefix(job.id),
                "photo_folder": keys.photo_prefix(job.request.photo),
                "size": job.request.most_bytes,
            }
            for job in jobs
        ]
        most = [limits.quota.client, limits.quota.all]
        arguments: list[Any] = [limits.client, limits.queue, redis_keys.record_prefix(), json.dumps(entries), *most]
        outcome, *records = self._store(keys=names, args=arguments)
        if _text(outcome) in REFUSED:
            raise REFUSED[_text(outcome)](jobs[0].id)
        return [_job(_pairs(record)) for record in records]

    def _traces(self, job_id: str) -> dict[str, int]:
        """What the blobs still tell of a job: its newest preview, and a fence above every one that may have written."""
        found = self.storage.list(keys.job_prefix(job_id))
        previews = [preview for key in found if (preview := keys.preview_of(key))]
        fence, number = max(previews, default=(0, 0))
        # One more: somebody may hold the next fence and not have written yet. Pages know versions up to the wipe.
        return {
            "fence": max(keys.fences_of(found), default=0) + 1,
            "preview": number,
            "preview_fence": fence,
            "version": int(self.now()),
        }

    def _pace(self) -> Pace:
        """The pace of the whole queue, looked up at most once in PACE_S: when it moves, all who wait ask at once."""
        pace = self._last_pace
        if pace is None or time.monotonic() > pace.read_at + PACE_S:
            first, running = (
                self.redis.zrange(redis_keys.QUEUED, 0, SAMPLE - 1),
                self.redis.zrange(redis_keys.RUNNING, 0, SAMPLE - 1),
            )
            lefts = []
            found = self._fields([_text(each) for each in (*first, *running)], "planned_work", "progress")
            for planned, progress in found:
                fraction = Progress.model_validate_json(progress).fraction if progress else 0.0
                lefts.append(_left(float(planned or 0), fraction))
            ahead, under_way = lefts[: len(first)], sum(lefts[len(first) :])
            self._last_pace = pace = Pace(time.monotonic(), ahead, under_way, self.workers())
        return pace

    def _fields(self, job_ids: list[str], *names: str) -> list[list[Any]]:
        """These fields of each record, in one round trip; None for what is not there."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.hmget(redis_keys.record(job_id), names)
            return pipeline.execute()

    def found(self, job_ids: Iterable[Any]) -> list[Job]:
        """The jobs of these ids. One that cannot be read is left out: it must not hide the others from the reaper."""
        found = []
        for job_id in map(_text, job_ids):
            try:
                found.append(self.get(job_id))
            except (JobNotFoundError, ValueError, OSError, redis.ResponseError):
                log.exception("job %s: its record cannot be read", job_id)
        return found


def connect(redis_url: str) -> redis.Redis:
    """A worker's connection to Redis: one retry for a connection gone stale, and no long wait for a server that hangs.

    redis-py's own default is several tries with growing pauses, in which a painting would stand still.
    """
    return redis.Redis.from_url(
        redis_url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, retry=Retry(NoBackoff(), 1)
    )


def _manifest(job: Job) -> bytes:
    return job.model_dump_json(indent=1).encode()


def _standing(speeds: Mapping[str, float], state: Any, version: Any, place: int, record: list[Any]) -> Standing:
    position = None if place < 0 else place
    if not record:
        return Standing(JobState(_text(state)), int(version), position)
    return Standing(JobState(_text(state)), int(version), position, _pairs(record), speeds)


def _speeds(fields: Mapping[Any, Any]) -> dict[str, float]:
    return {_text(name): float(value) for name, value in fields.items()}


def _speed(speeds: Mapping[str, float], extractor: str) -> float | None:
    return speeds.get(extractor) or speeds.get(ANY_EXTRACTOR)


def _work_ahead(pace: Pace, rank: int) -> float:
    """Work before the turn of the job at `rank`, were there one worker; its cost does not grow with the queue."""
    ahead = pace.ahead[:rank]
    return pace.running + (fmean(ahead) * rank if ahead else 0.0)


def _left(planned_work: float, fraction: float) -> float:
    return planned_work * (1 - fraction)


def _flat(fields: Mapping[str, Any]) -> list[str]:
    return [text for name, value in fields.items() for text in (name, _encoded(value))]


def _encoded(value: Any) -> str:
    """Strings as they are, all else as JSON: states stay readable for the scripts."""
    if isinstance(value, Progress | JobError | PaintRequest):
        return value.model_dump_json()
    return value if isinstance(value, str) else json.dumps(value)


def _pairs(flat: list[Any]) -> dict[Any, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _job(fields: Mapping[Any, Any]) -> Job:
    """A job from its hash; fields that are Redis's own business are left out."""
    known = {}
    for name, value in ((_text(name), _text(value)) for name, value in fields.items()):
        if name in Job.model_fields:
            known[name] = value if name in TEXTS and value != NOTHING else json.loads(value)
    return Job.model_validate(known)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
