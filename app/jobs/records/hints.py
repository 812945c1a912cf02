"""The hints that wake workers up: sent, and found out to be missing. A job's record is the truth, whatever they say."""

from __future__ import annotations

import logging

import redis

from app.jobs.models import Job
from app.jobs.queue import QUEUE, Publisher, QueueUnavailableError
from app.jobs.records import redis_keys
from app.jobs.records.hashes import text
from app.jobs.records.redis_records import RedisRecords
from app.jobs.records.scripts import HINTED

log = logging.getLogger(__name__)


class Hints:
    """Sends hints by a publisher; without one nothing is sent, and the reaper finds that out."""

    def __init__(self, in_redis: RedisRecords, publisher: Publisher | None) -> None:
        self.publisher = publisher
        self._in_redis = in_redis
        self._redis = in_redis.redis
        self._hinted = in_redis.redis.register_script(HINTED)

    def send(self, job_id: str) -> None:
        """Send the hint; one that cannot be sent is sent again by the reaper, for the record says `queued`."""
        if self.publisher:
            try:
                self.publisher.publish(job_id)
                self._hinted(keys=[redis_keys.record(job_id)])
            except (QueueUnavailableError, redis.RedisError) as error:
                log.warning("job %s: the hint could not be sent: %s", job_id, error)

    def is_sent(self, job: Job, recently_s: float) -> bool:
        """Whether a hint was sent since the running job's attempt began, and not too long ago to be still under way."""
        published = self._redis.hget(redis_keys.record(job.id), "published_at")
        return published is not None and float(published) > max(job.started_at or 0, self._in_redis.now() - recently_s)

    def missing(self, older_than_s: float) -> list[str]:
        """Ids of queued jobs whose hint was never sent, or not since they rested, or so long ago that it may be lost
        while the queue is empty. Those that still rest are left out.
        """
        drained = self._redis.llen(QUEUE) == 0
        now = self._in_redis.now()
        overdue = now - older_than_s if drained else 0.0
        waiting = [text(each) for each in self._redis.zrange(redis_keys.QUEUED, 0, -1)]
        hinted = self._in_redis.fields(waiting, "published_at", "rests_until")
        return [
            job_id
            for job_id, (published, rests) in zip(waiting, hinted, strict=True)
            if float(rests or 0) <= now and (not published or float(published) < max(overdue, float(rests or 0)))
        ]
