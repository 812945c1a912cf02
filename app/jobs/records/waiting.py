"""How jobs stand for those who wait for them: their places in the queue, and the time that is left."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from app.jobs.models import TERMINAL, Job, JobState, Progress
from app.jobs.records import redis_keys
from app.jobs.records.hashes import job_of, pairs, text
from app.jobs.records.redis_records import RedisRecords
from app.jobs.records.scripts import LOOK
from app.jobs.records.workers import Workers, speed_of, speeds_of

ETA_SPREAD = (0.8, 1.4)  # measured times of equal jobs on a busy machine lie within
SAMPLE = 20  # so many jobs at the front are looked at for the time left; the rest is taken to be like them
PACE_S = 1.0  # for so long the queue's pace is taken to be the same


@dataclass(frozen=True)
class Pace:
    """What all waiting jobs' times are reckoned from: work left in the first ones of the queue and in what runs."""

    read_at: float
    ahead: list[float]
    running: float
    workers: int

    def before(self, rank: int) -> float:
        """Work before the turn of the job at `rank`, were there one worker; its cost does not grow with the queue."""
        ahead = self.ahead[:rank]
        return self.running + (fmean(ahead) * rank if ahead else 0.0)


@dataclass(frozen=True)
class Standing:
    """How a job stands, from one look; `position` as in `Waiting.position`. The record, the speeds as in
    `Workers.speeds`, and the pace of the queue it waits in are left out where whoever asked knows the job as it is.
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
        return job_of(self.record)


class Waiting:
    """Looks up how jobs stand."""

    def __init__(self, in_redis: RedisRecords, workers: Workers) -> None:
        self._in_redis = in_redis
        self._redis = in_redis.redis
        self._workers = workers
        self._look = in_redis.redis.register_script(LOOK)
        self._last_pace: Pace | None = None

    def standings(self, asked: Sequence[tuple[str, str]]) -> list[Standing | None]:
        """How jobs stand, in one round trip, and now and then a second for the queue's pace; None where Redis has no
        record.

        Each is asked for by its id and by what is known of it: `version`, or `version.position` while it waits; several
        are separated by commas. That counts for waiting and running jobs only: what has ended is always news.

        Raises:
            ValueError: what should be an id is none.
        """
        names = [redis_keys.QUEUED, redis_keys.SPEED, *(redis_keys.record(job_id) for job_id, _ in asked)]
        speeds, *looks = self._look(keys=names, args=[known for each in asked for known in each])
        measured = speeds_of(pairs(speeds))
        found = [_standing(measured, *look) if look else None for look in looks]
        if any(each and each.is_news and each.state is JobState.QUEUED for each in found):
            pace = self._pace()
            found = [each and replace(each, pace=pace) for each in found]
        return found

    def position(self, job: Job) -> int | None:
        """How many jobs wait before this one; None unless it is queued."""
        rank: Any = self._redis.zrank(redis_keys.QUEUED, job.id) if job.state is JobState.QUEUED else None
        return None if rank is None else int(rank)

    def positions(self, job_ids: Sequence[str]) -> list[int | None]:
        """How many jobs wait before each of these, in one round trip; None for what is not queued."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.zrank(redis_keys.QUEUED, job_id)
            return pipeline.execute()

    def eta(
        self, job: Job, position: int | None = None, standing: Standing | None = None
    ) -> tuple[float, float] | None:
        """Seconds left, at least and at most, by measured speed; None where nothing was measured or it has ended.

        `position` is the job's, where the caller knows it. With a `standing` that is news, nothing is looked up.
        """
        if job.state in TERMINAL:
            return None
        speed = job.seconds_per_unit if job.state is JobState.RUNNING else None
        speed = speed or speed_of(standing.speeds if standing else self._workers.speeds(), job.request.extractor)
        if speed is None:
            return None
        work = _left(job.planned_work, job.progress)
        if job.state is JobState.QUEUED:
            pace = standing.pace if standing and standing.pace else self._pace()
            rank = self.position(job) if position is None else position
            work += pace.before(rank or 0) / max(1, pace.workers)
        return work * speed * ETA_SPREAD[0], work * speed * ETA_SPREAD[1]

    def _pace(self) -> Pace:
        """The pace of the whole queue, looked up at most once in PACE_S: when it moves, all who wait ask at once."""
        pace = self._last_pace
        if pace is None or time.monotonic() > pace.read_at + PACE_S:
            first, running = (
                self._redis.zrange(redis_keys.QUEUED, 0, SAMPLE - 1),
                self._redis.zrange(redis_keys.RUNNING, 0, SAMPLE - 1),
            )
            found = self._in_redis.fields([text(each) for each in (*first, *running)], "planned_work", "progress")
            lefts = [
                _left(float(planned or 0), Progress.model_validate_json(progress) if progress else None)
                for planned, progress in found
            ]
            ahead, under_way = lefts[: len(first)], sum(lefts[len(first) :])
            self._last_pace = pace = Pace(time.monotonic(), ahead, under_way, self._workers.count())
        return pace


def _left(planned_work: float, progress: Progress | None) -> float:
    return planned_work * (1 - progress.fraction) if progress else planned_work


def _standing(speeds: Mapping[str, float], state: Any, version: Any, place: int, record: list[Any]) -> Standing:
    position = None if place < 0 else place
    if not record:
        return Standing(JobState(text(state)), int(version), position)
    return Standing(JobState(text(state)), int(version), position, pairs(record), speeds)
