"""The records of all jobs: read, claimed and ended. What they are made of, and what is told by them, stands beside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import redis

from app.jobs.models import TERMINAL, Attempt, Cut, Job, JobState
from app.jobs.queue import Publisher
from app.jobs.records import redis_keys
from app.jobs.records.errors import JobNotFoundError, LeaseLostError
from app.jobs.records.hashes import text
from app.jobs.records.hints import Hints
from app.jobs.records.keeping import PAINTINGS, PHOTOS, Keeping
from app.jobs.records.manifests import Manifests
from app.jobs.records.quota import Tally
from app.jobs.records.redis_records import RedisRecords, Terms
from app.jobs.records.tries import Tries
from app.jobs.records.waiting import Waiting
from app.jobs.records.workers import Workers
from app.jobs.storage.protocol import Storage, is_full

RETENTION_S = 24 * 3600.0
PAUSES_S = (0.0, 5.0, 10.0, 20.0, 30.0)  # after the first attempt that was cut off, the second, … and all later ones
log = logging.getLogger(__name__)


class JobRecords:
    """The records of all jobs. Photos and people's own paintings are kept for `retention_s` seconds after the last of
    their jobs has ended.

    Attributes:
        in_redis: the records themselves, each step by itself.
        manifests: what they are rebuilt from.
        photos, paintings: how long these are kept.
        tally: how many bytes are kept.
        hints: what wakes workers up.
        workers: what these tell of themselves.
        waiting: how jobs stand for those who wait.
        tries: which of photos are wanted.
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
        self.in_redis = RedisRecords(connection, retention_s)
        self.photos = Keeping(connection, PHOTOS, retention_s, self.now)
        self.paintings = Keeping(connection, PAINTINGS, retention_s, self.now)
        self.tally = tally or Tally(connection, storage)
        self.manifests = Manifests(storage, self.in_redis, self.tally)
        self.hints = Hints(self.in_redis, publisher)
        self.workers = Workers(connection, self.now)
        self.waiting = Waiting(self.in_redis, self.workers)
        self.tries = Tries(connection)

    def now(self) -> float:
        """Redis's own time in unix seconds."""
        return self.in_redis.now()

    def get(self, job_id: str) -> Job:
        """The job's record; rebuilt from its manifest where Redis has none.

        Raises:
            JobNotFoundError: there is no such job.
            ValueError: `job_id` is not an id.
        """
        return self.manifests.newest(job_id)

    def get_all(self, job_ids: Sequence[str]) -> list[Job]:
        """The records of those of the jobs that there are, in one round trip."""
        found = []
        for job_id, job in zip(job_ids, self.in_redis.read_all(job_ids), strict=True):
            try:
                found.append(job or self.manifests.rebuild(job_id))
            except JobNotFoundError:
                continue
        return found

    def found(self, job_ids: Iterable[Any]) -> list[Job]:
        """The jobs of these ids. One that cannot be read is left out: it must not hide the others from the reaper."""
        found = []
        for job_id in map(text, job_ids):
            try:
                found.append(self.get(job_id))
            except (JobNotFoundError, ValueError, OSError, redis.ResponseError):
                log.exception("job %s: its record cannot be read", job_id)
        return found

    def running(self) -> list[Job]:
        """Running jobs, whether or not their lease lives."""
        return self.found(self.redis.zrange(redis_keys.RUNNING, 0, -1))

    def lapsed(self, for_s: float = 0.0) -> list[Job]:
        """Running jobs whose lease has run out, at least so many seconds ago."""
        return self.found(self.redis.zrangebyscore(redis_keys.RUNNING, 0, self.now() - for_s))

    def unwritten(self) -> list[Job]:
        """Ended jobs whose manifests do not say so yet: whoever ended them died, or the storage had no room."""
        return self.found(self.redis.smembers(redis_keys.ENDING))

    def expired(self) -> list[tuple[str, float]]:
        """Ids of expired jobs, each with the unix seconds of its expiry."""
        found: Any = self.redis.zrange(redis_keys.EXPIRED, 0, -1, withscores=True)
        return [(text(job_id), float(when)) for job_id, when in found]

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
        if job.state in TERMINAL or self.manifests.restore_end(job):
            return None
        if job.state is JobState.QUEUED and job.rests_until > self.now():
            return None
        fields: dict[str, Any] = {"holder": holder, "oom_kills": oom_kills}
        is_dead = False
        if job.state is JobState.RUNNING:
            is_dead = not is_alive(job.holder)
            fields |= self.cut_off(job, why(job))
        states = (JobState.QUEUED, JobState.RUNNING)
        terms = Terms(states, how="seize" if is_dead else "claim", lease_s=lease_s)
        return self.in_redis.change(job, JobState.RUNNING, fields, terms)

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
        renewed = self.in_redis.change(job, JobState.RUNNING, fields, Terms(lease_s=lease_s))
        if renewed is None:
            raise LeaseLostError(job.id)
        return renewed

    def end(self, job: Job, state: JobState, fields: Mapping[str, Any]) -> Job:
        """Bring a running job to its end (or back to the queue), and write its manifest.

        To ask again for what was done is no error: the answer may have been lost on its way.

        Raises:
            LeaseLostError: the fence is not the newest any more; nothing was changed.
        """
        ended = self.in_redis.change(job, state, fields)
        if ended is None:
            ended = self.get(job.id)
            if (ended.state, ended.fence) != (state, job.fence):
                raise LeaseLostError(job.id)
        if state in TERMINAL:
            self.manifests.write_end(ended)
        return ended

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
            changed = self.in_redis.change(job, asked, {"cancel_requested": True})
            if changed and changed.state is JobState.CANCELLED:
                self.manifests.write_end(changed)
            job = changed or self.get(job_id)  # it was claimed, handed back or ended meanwhile: look again
        return job

    def note(self, job: Job, fields: Mapping[str, Any]) -> Job:
        """Write fields that do not belong to the painting into a record, whatever its state, and into its manifest."""
        while True:
            changed = self.in_redis.change(job, job.state, fields)
            if changed:
                self.manifests.write(changed)
                return changed
            job = self.get(job.id)

    def change_exactly(self, job: Job, fields: Mapping[str, Any]) -> Job | None:
        """Write such fields into a record that has not changed since it was read; None where it has. The manifest is
        the caller's to write.
        """
        return self.in_redis.change(job, job.state, fields, Terms(is_exact=True))

    def expire(self, job: Job) -> Job:
        """End a job in any state for good: its worker loses it at the next stroke. The caller deletes the files.

        The manifest stays as a tombstone, so that a Redis that forgets does not bring the job back. Where there is no
        room for one, the reaper writes it when the files are gone.
        """
        while job.state is not JobState.EXPIRED:
            job = self.in_redis.change(job, JobState.EXPIRED, {"client": ""}) or self.get(job.id)
        try:
            self.manifests.write(job)
        except OSError as error:
            if not is_full(error):
                raise
            log.warning("job %s: there is no room for its tombstone yet", job.id)
        return job

    def forget(self, job_id: str) -> None:
        """Remove an expired job's record."""
        self.redis.zrem(redis_keys.EXPIRED, job_id)
        self.redis.delete(redis_keys.record(job_id))

    def _is_lapsed(self, job: Job) -> bool:
        """Whether it is running and its lease has run out."""
        until: Any = self.redis.zscore(redis_keys.RUNNING, job.id) if job.state is JobState.RUNNING else None
        return until is not None and float(until) < self.now()
