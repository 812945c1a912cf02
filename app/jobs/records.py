"""Job records: one Redis hash a job, changed only by compare-and-set, rebuilt from manifests when Redis lost them.

Time is Redis's own (`TIME`), so that clocks of different machines need not agree. Every change raises the version.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any, Literal

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.jobs import keys
from app.jobs.blobs import BlobNotFoundError, Storage
from app.jobs.models import TERMINAL, TRANSITIONS, Job, JobError, JobState, PaintRequest, Progress
from app.jobs.queue import QUEUE, Publisher, QueueUnavailableError
from app.jobs.scripts import CHANGE, HINTED, STORE

PATIENCE_S = 5.0  # for an answer of Redis
WORKER_SEEN_S = 30.0  # a worker that was not seen for so long is not there
ETA_SPREAD = (0.8, 1.4)  # measured times of equal jobs on a busy machine lie within
SPEED_WEIGHT = 0.3  # of the newest measurement in the moving average
SAMPLE = 20  # so many of the jobs ahead are looked at for the time left; the rest is taken to be like them
ANY_EXTRACTOR = "auto"
PREVIEW = re.compile(r"jobs/[0-9a-f]{32}/(\d+)/preview-(\d+)\.webp")
log = logging.getLogger(__name__)

How = Literal["", "claim", "seize"]


class JobNotFoundError(Exception):
    """No job has this id."""


class LeaseLostError(Exception):
    """Another worker holds this job now, or it has ended: what was being painted must be dropped."""


class JobRecords:
    """The records of all jobs."""

    def __init__(self, connection: redis.Redis, storage: Storage, publisher: Publisher | None = None) -> None:
        self.redis = connection
        self.storage = storage
        self.publisher = publisher
        self._change = connection.register_script(CHANGE)
        self._store = connection.register_script(STORE)
        self._hinted = connection.register_script(HINTED)

    # What the front end does.

    def create(self, request: PaintRequest, planned_work: float) -> Job:
        """Accept a job: manifest, record, then the hint to the workers, so that a crash in between loses nothing.

        Raises:
            QueueUnavailableError: Redis did not take the record; nothing is left behind.
            OSError: the storage did not take the manifest.
        """
        job = Job(
            id=secrets.token_hex(16),
            state=JobState.QUEUED,
            request=request,
            planned_work=planned_work,
            created_at=time.time(),
        )
        self.write_manifest(job)
        try:
            job = self._put(job)
        except redis.RedisError as error:
            self.storage.delete_prefix(keys.job_prefix(job.id))
            raise QueueUnavailableError(str(error)) from error
        self.publish(job.id)
        return job

    def get(self, job_id: str) -> Job:
        """The job's record; rebuilt from its manifest where Redis has none.

        Raises:
            JobNotFoundError: there is no such job.
            ValueError: `job_id` is not an id.
        """
        fields = self.redis.hgetall(keys.record(job_id))
        return _job(fields) if fields else self.rebuild(job_id)

    def request_cancel(self, job_id: str) -> Job:
        """Cancel: at once while queued; while running by a flag that the worker sees; no change when it has ended."""
        job = self.get(job_id)
        while job.state is JobState.QUEUED or (job.state is JobState.RUNNING and not job.cancel_requested):
            asked = JobState.CANCELLED if job.state is JobState.QUEUED else JobState.RUNNING
            if asked in TERMINAL:
                self.redis.sadd(keys.ENDING, job.id)
            changed = self.change(job, asked, {"cancel_requested": True})
            if changed and changed.state is JobState.CANCELLED:
                self._write_end(changed)
            job = changed or self.get(job_id)  # it was claimed, handed back or ended meanwhile: look again
        return job

    def position(self, job: Job) -> int | None:
        """How many jobs wait before this one; None unless it is queued."""
        rank: Any = self.redis.zrank(keys.QUEUED, job.id) if job.state is JobState.QUEUED else None
        return None if rank is None else int(rank)

    def eta(self, job: Job) -> tuple[float, float] | None:
        """Seconds left, at least and at most, by measured speed; None where nothing was measured or it has ended."""
        speed = job.seconds_per_unit if job.state is JobState.RUNNING else None
        speed = speed or self.seconds_per_unit(job.request.extractor)
        if speed is None or job.state in TERMINAL:
            return None
        work = _left(job.planned_work, job.progress.fraction if job.progress else 0.0)
        if job.state is JobState.QUEUED:
            work += self._work_ahead(job) / max(1, self.workers())
        return work * speed * ETA_SPREAD[0], work * speed * ETA_SPREAD[1]

    def seconds_per_unit(self, extractor: str = ANY_EXTRACTOR) -> float | None:
        """Measured seconds per megapixel-evaluation, a moving average; None before the first job."""
        value = self.redis.hget(keys.SPEED, extractor) or self.redis.hget(keys.SPEED, ANY_EXTRACTOR)
        return float(value) if value else None

    def workers(self) -> int:
        """Workers seen lately."""
        return int(self.redis.zcount(keys.WORKERS, self.now() - WORKER_SEEN_S, "+inf"))

    def worker_seen(self) -> bool:
        """Whether any worker was seen lately."""
        return self.workers() > 0

    # What the worker does.

    def claim(self, job_id: str, lease_s: float, holder: str, is_alive: Callable[[str], bool]) -> Job | None:
        """Take the job: a new fence, one more attempt, a lease. None if somebody else has it or it has ended.

        A running job is taken over when its lease has run out, or at once when its holder is known to be dead.
        """
        job = self.get(job_id)
        if job.state in TERMINAL or self._restore_end(job):
            return None
        how: How = "seize" if job.state is JobState.RUNNING and not is_alive(job.holder) else "claim"
        states = (JobState.QUEUED, JobState.RUNNING)
        return self.change(job, JobState.RUNNING, {"holder": holder}, states, lease_s, how)

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
        if state in TERMINAL:
            self.redis.sadd(keys.ENDING, job.id)
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
            before = self.redis.hget(keys.SPEED, name)
            mixed = seconds_per_unit
            if before:
                mixed = float(before) + SPEED_WEIGHT * (seconds_per_unit - float(before))
            self.redis.hset(keys.SPEED, name, mixed)

    def saw_worker(self, name: str) -> None:
        """Note that a worker is there."""
        self.redis.zadd(keys.WORKERS, {name: self.now()})
        self.redis.zremrangebyscore(keys.WORKERS, 0, self.now() - 100 * WORKER_SEEN_S)

    def worker_left(self, name: str) -> None:
        """Note that a worker said goodbye."""
        self.redis.zrem(keys.WORKERS, name)

    # What both and the reconciler do.

    def lapsed(self) -> list[Job]:
        """Running jobs whose lease has run out."""
        return self._found(self.redis.zrangebyscore(keys.RUNNING, 0, self.now()))

    def running(self) -> list[Job]:
        """Running jobs, whether or not their lease lives."""
        return self._found(self.redis.zrange(keys.RUNNING, 0, -1))

    def is_hinted(self, job: Job, recently_s: float) -> bool:
        """Whether a hint was sent since the running job's attempt began, and not too long ago to be still under way."""
        published = self.redis.hget(keys.record(job.id), "published_at")
        return published is not None and float(published) > max(job.started_at or 0, self.now() - recently_s)

    def unpublished(self, older_than_s: float) -> list[str]:
        """Ids of queued jobs whose hint was never sent, or so long ago that it may be lost while the queue is empty."""
        drained = self.redis.llen(QUEUE) == 0
        overdue = self.now() - older_than_s
        waiting = [_text(each) for each in self.redis.zrange(keys.QUEUED, 0, -1)]
        hinted = self._fields(waiting, "published_at")
        return [
            job_id
            for job_id, (published,) in zip(waiting, hinted, strict=True)
            if published is None or (drained and float(published) < overdue)
        ]

    def unwritten(self) -> list[Job]:
        """Ended jobs whose manifests do not say so yet: whoever ended them died, or the storage had no room."""
        return [job for job in self._found(self.redis.smembers(keys.ENDING)) if job.state in TERMINAL]

    def publish(self, job_id: str) -> None:
        """Send the hint; one that cannot be sent is sent again by the reaper, for the record says `queued`."""
        if self.publisher:
            try:
                self.publisher.publish(job_id)
                self._hinted(keys=[keys.record(job_id)])
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
    ) -> Job | None:
        """Compare-and-set: to `state` with `fields` if the record still has the job's state (or one of `states`),
        attempt, fence and holder, and, with `claim`, no living lease. A lease of 0 s leaves it as it is.

        Returns the changed job, or None.

        Raises:
            ValueError: there is no such change in the table.
        """
        states = states or (job.state,)
        for before in states:
            if state is not before and state not in TRANSITIONS[before]:
                raise ValueError(f"a {before} job cannot become {state}")
        stands = [job.id, ",".join(states), job.attempt, job.fence, job.holder]
        arguments: list[Any] = [*stands, state, lease_s, how, *_flat(fields)]
        answer = self._change(keys=[keys.record(job.id), keys.QUEUED, keys.RUNNING], args=arguments)
        return _job(_pairs(answer)) if answer else None

    def rebuild(self, job_id: str) -> Job:
        """Restore a record that Redis lost: as it ended, or queued again with a fence above every one that was used.

        Raises:
            JobNotFoundError: there is no manifest either.
        """
        try:
            job = Job.model_validate_json(self.storage.get(keys.manifest_key(job_id)))
        except BlobNotFoundError as error:
            raise JobNotFoundError(job_id) from error
        if job.state not in TERMINAL:
            job = job.model_copy(update={"state": JobState.QUEUED} | self._traces(job_id))
        return self._put(job)

    def write_manifest(self, job: Job) -> None:
        """Store what a record is rebuilt from."""
        self.storage.put(keys.manifest_key(job.id), job.model_dump_json(indent=1).encode())
        if job.state in TERMINAL:
            self.redis.srem(keys.ENDING, job.id)

    def _write_end(self, job: Job) -> None:
        """Write an ended job's manifest; where that cannot be done, the reaper tries again."""
        try:
            self.write_manifest(job)
        except OSError as error:
            log.warning("job %s: its manifest does not say yet that it is %s: %s", job.id, job.state, error)

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
            pipeline.delete(keys.record(job.id))
            pipeline.zrem(keys.QUEUED, job.id)
            pipeline.zrem(keys.RUNNING, job.id)
            pipeline.execute()
        self._put(written)
        return True

    def now(self) -> float:
        """Redis's own time in unix seconds."""
        seconds, microseconds = self.redis.time()
        return float(seconds) + float(microseconds) / 1e6

    def _put(self, job: Job) -> Job:
        fields = job.model_dump(mode="json", exclude_none=True)
        names = [keys.record(job.id), keys.QUEUED, keys.SEQUENCE]
        return _job(_pairs(self._store(keys=names, args=[job.id, job.state, *_flat(fields)])))

    def _traces(self, job_id: str) -> dict[str, int]:
        """What the blobs still tell of a job: its newest preview, and a fence above every one that may have written."""
        found = self.storage.list(keys.job_prefix(job_id))
        fences = [int(part) for key in found if (part := key.split("/")[2]).isdigit()]
        previews = [(int(trace[1]), int(trace[2])) for key in found if (trace := PREVIEW.fullmatch(key))]
        fence, number = max(previews, default=(0, 0))
        # One more: somebody may hold the next fence and not have written yet. Pages know versions up to the wipe.
        return {
            "fence": max(fences, default=0) + 1,
            "preview": number,
            "preview_fence": fence,
            "version": int(self.now()),
        }

    def _work_ahead(self, job: Job) -> float:
        """Work that is left before a queued job's turn; its cost does not grow with the queue."""
        rank = self.position(job) or 0
        ahead = self.redis.zrange(keys.QUEUED, max(0, rank - SAMPLE), rank - 1) if rank else []
        running = self.redis.zrange(keys.RUNNING, 0, SAMPLE - 1)
        lefts = []
        for planned, progress in self._fields([_text(each) for each in (*ahead, *running)], "planned_work", "progress"):
            fraction = Progress.model_validate_json(progress).fraction if progress else 0.0
            lefts.append(_left(float(planned or 0), fraction))
        waiting = fmean(lefts[: len(ahead)]) * rank if ahead else 0.0
        return waiting + sum(lefts[len(ahead) :])

    def _fields(self, job_ids: list[str], *names: str) -> list[list[Any]]:
        """These fields of each record, in one round trip; None for what is not there."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.hmget(keys.record(job_id), names)
            return pipeline.execute()

    def _found(self, job_ids: Iterable[Any]) -> list[Job]:
        """The jobs of these ids. One that cannot be read is left out: it must not hide the others from the reaper."""
        found = []
        for job_id in map(_text, job_ids):
            try:
                found.append(self.get(job_id))
            except (JobNotFoundError, ValueError):
                log.exception("job %s: its record cannot be read", job_id)
        return found


def connect(redis_url: str) -> redis.Redis:
    """A worker's connection to Redis: one retry for a connection gone stale, and no long wait for a server that hangs.

    redis-py's own default is several tries with growing pauses, in which a painting would stand still.
    """
    return redis.Redis.from_url(
        redis_url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, retry=Retry(NoBackoff(), 1)
    )


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
            known[name] = value if name in {"id", "state", "holder"} else json.loads(value)
    return Job.model_validate(known)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
