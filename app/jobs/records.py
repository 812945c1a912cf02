"""Job records: one Redis hash a job, changed only by compare-and-set, rebuilt from manifests when Redis lost them.

Time is Redis's own (`TIME`), so that clocks of different machines need not agree. Every change raises the version.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import redis

from app.jobs import keys
from app.jobs.blobs import BlobNotFoundError, Storage
from app.jobs.models import TERMINAL, TRANSITIONS, Job, JobError, JobState, PaintRequest, Progress
from app.jobs.queue import QUEUE, Publisher, QueueUnavailableError

WORKER_SEEN_S = 30.0  # a worker that was not seen for so long is not there
ETA_SPREAD = (0.8, 1.4)  # measured times of equal jobs on a busy machine lie within
SPEED_WEIGHT = 0.3  # of the newest measurement in the moving average
MOST_AHEAD = 200  # how many jobs ahead are added up one by one for the time left

# KEYS: 1 record, 2 queued set, 3 running set.
# ARGV: 1 job id, 2 states it may be in now (comma-separated), 3 fence it must have ("" = any), 4 new state,
#       5 lease in seconds (new state running), 6 "lapsed" if a running job's lease must have run out, 7… field, value.
# Returns the record after the change as a flat list, or false if it does not stand as the caller thinks.
CHANGE = """
local record = redis.call('HMGET', KEYS[1], 'state', 'fence', 'sequence')
if not record[1] then return false end
if not string.find(',' .. ARGV[2] .. ',', ',' .. record[1] .. ',', 1, true) then return false end
if ARGV[3] ~= '' and record[2] ~= ARGV[3] then return false end
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
if ARGV[6] == 'claim' and record[1] == 'running' then
  local lease = redis.call('ZSCORE', KEYS[3], ARGV[1])
  if lease and tonumber(lease) > now then return false end
end
for i = 7, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'state', ARGV[4])
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if ARGV[4] == 'queued' then redis.call('ZADD', KEYS[2], record[3], ARGV[1]) end
if ARGV[4] == 'running' then
  redis.call('ZADD', KEYS[3], now + ARGV[5], ARGV[1])
  if ARGV[6] ~= '' then
    redis.call('HINCRBY', KEYS[1], 'fence', 1)
    redis.call('HINCRBY', KEYS[1], 'attempt', 1)
    redis.call('HSET', KEYS[1], 'started_at', now)
  end
end
if ARGV[4] == 'finished' or ARGV[4] == 'failed' or ARGV[4] == 'cancelled' then
  redis.call('HSET', KEYS[1], 'finished_at', now)
end
return redis.call('HGETALL', KEYS[1])
"""

# KEYS: 1 record, 2 queued set, 3 running set, 4 sequence counter.  ARGV: 1 job id, 2 state, 3… field, value.
# Stores a record unless there is one; gives it its place in the queue. Returns the record as a flat list.
STORE = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
  if ARGV[2] == 'queued' then
    local sequence = redis.call('INCR', KEYS[4])
    redis.call('HSET', KEYS[1], 'sequence', sequence)
    redis.call('ZADD', KEYS[2], sequence, ARGV[1])
  end
end
return redis.call('HGETALL', KEYS[1])
"""


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
        if job.state is JobState.QUEUED:
            job = self.change(job, JobState.CANCELLED, {"cancel_requested": True}) or self.get(job_id)
            if job.state is JobState.CANCELLED:
                self.write_manifest(job)
        if job.state is JobState.RUNNING and not job.cancel_requested:
            job = self.change(job, JobState.RUNNING, {"cancel_requested": True}, lease_s=0) or self.get(job_id)
        return job

    def position(self, job: Job) -> int | None:
        """How many jobs wait before this one; None unless it is queued."""
        rank: Any = self.redis.zrank(keys.QUEUED, job.id) if job.state is JobState.QUEUED else None
        return None if rank is None else int(rank)

    def eta(self, job: Job) -> tuple[float, float] | None:
        """Seconds left, at least and at most, by measured speed; None where nothing was measured or it has ended."""
        speed = job.seconds_per_unit if job.state is JobState.RUNNING else None
        speed = speed or self.seconds_per_unit()
        if speed is None or job.state in TERMINAL:
            return None
        work = _work_left(job)
        if job.state is JobState.QUEUED:
            ahead: list[Any] = self.redis.zrangebyscore(keys.QUEUED, 0, f"({job.sequence}", start=0, num=MOST_AHEAD)
            ahead += self.redis.zrange(keys.RUNNING, 0, MOST_AHEAD)
            waiting = sum(_work_left(self.get(_text(each))) for each in ahead)
            work += waiting / max(1, self.workers())
        return work * speed * ETA_SPREAD[0], work * speed * ETA_SPREAD[1]

    def seconds_per_unit(self, extractor: str = "compact") -> float | None:
        """Measured seconds per megapixel-evaluation, a moving average; None before the first job."""
        value = self.redis.hget(keys.SPEED, extractor)
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
        if job.state in TERMINAL:
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

        Raises:
            LeaseLostError: the fence is not the newest any more; nothing was changed.
        """
        ended = self.change(job, state, fields)
        if ended is None:
            raise LeaseLostError(job.id)
        if state in TERMINAL:
            self.write_manifest(ended)
        return ended

    def measured(self, extractor: str, seconds_per_unit: float) -> None:
        """Fold a measured speed into the moving average."""
        before = self.seconds_per_unit(extractor)
        mixed = seconds_per_unit if before is None else before + SPEED_WEIGHT * (seconds_per_unit - before)
        self.redis.hset(keys.SPEED, extractor, mixed)

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
        return [self.get(_text(each)) for each in self.redis.zrangebyscore(keys.RUNNING, 0, self.now())]

    def running(self) -> list[Job]:
        """Running jobs, whether or not their lease lives."""
        return [self.get(_text(each)) for each in self.redis.zrange(keys.RUNNING, 0, -1)]

    def is_hinted(self, job: Job, recently_s: float) -> bool:
        """Whether a hint was sent since the running job's attempt began, and not too long ago to be still under way."""
        published = self.redis.hget(keys.record(job.id), "published_at")
        return published is not None and float(published) > max(job.started_at or 0, self.now() - recently_s)

    def unpublished(self, older_than_s: float) -> list[str]:
        """Ids of queued jobs whose hint was never sent, or so long ago that it may be lost while the queue is empty."""
        drained = self.redis.llen(QUEUE) == 0
        found = []
        for job_id in map(_text, self.redis.zrange(keys.QUEUED, 0, -1)):
            published = self.redis.hget(keys.record(job_id), "published_at")
            if published is None or (drained and float(published) < self.now() - older_than_s):
                found.append(job_id)
        return found

    def publish(self, job_id: str) -> None:
        """Send the hint; one that cannot be sent is sent again by the reaper, for the record says `queued`."""
        if self.publisher:
            try:
                self.publisher.publish(job_id)
            except QueueUnavailableError:
                self.redis.hdel(keys.record(job_id), "published_at")
                return
            self.redis.hset(keys.record(job_id), "published_at", self.now())

    def change(
        self,
        job: Job,
        state: JobState,
        fields: Mapping[str, Any],
        states: tuple[JobState, ...] | None = None,
        lease_s: float = 0,
        how: How = "",
    ) -> Job | None:
        """Compare-and-set: to `state` with `fields` if the record still has the job's state (or one of `states`) and
        fence, and, with `claim`, no living lease. The changed job, or None.

        Raises:
            ValueError: there is no such change in the table.
        """
        states = states or (job.state,)
        for before in states:
            if state is not before and state not in TRANSITIONS[before]:
                raise ValueError(f"a {before} job cannot become {state}")
        lease = lease_s if lease_s or state is not JobState.RUNNING else self._lease_left(job.id)
        flat = [text for name, value in fields.items() for text in (name, _encoded(value))]
        arguments: list[Any] = [job.id, ",".join(states), job.fence, state, lease, how, *flat]
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
            used = [key.split("/")[2] for key in self.storage.list(keys.job_prefix(job_id)) if key.count("/") > 2]
            fence = max((int(name) for name in used if name.isdigit()), default=0)
            job = job.model_copy(update={"state": JobState.QUEUED, "fence": fence, "preview": 0})
        return self._put(job)

    def write_manifest(self, job: Job) -> None:
        """Store what a record is rebuilt from."""
        self.storage.put(keys.manifest_key(job.id), job.model_dump_json(indent=1).encode())

    def now(self) -> float:
        """Redis's own time in unix seconds."""
        seconds, microseconds = self.redis.time()
        return float(seconds) + float(microseconds) / 1e6

    def _lease_left(self, job_id: str) -> float:
        score = self.redis.zscore(keys.RUNNING, job_id)
        return max(0.001, float(score) - self.now()) if score else 0.001

    def _put(self, job: Job) -> Job:
        fields = job.model_dump(mode="json", exclude_none=True)
        flat = [text for name, value in fields.items() for text in (name, _encoded(value))]
        names = [keys.record(job.id), keys.QUEUED, keys.RUNNING, keys.SEQUENCE]
        return _job(_pairs(self._store(keys=names, args=[job.id, job.state, *flat])))


def _work_left(job: Job) -> float:
    return job.planned_work * (1 - (job.progress.fraction if job.progress else 0.0))


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
