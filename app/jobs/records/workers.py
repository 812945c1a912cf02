"""The workers as a whole: which were seen lately, what memory they have, how fast they paint, whether work goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import redis

from app.jobs.records import redis_keys
from app.jobs.records.hashes import text

SEEN_S = 30.0  # a worker that was not seen for so long is not there
STILL_S = 90.0  # jobs that wait for so long without anybody at work wait in vain; three of the usual leases
SPEED_WEIGHT = 0.3  # of the newest measurement in the moving average
ANY_EXTRACTOR = "auto"


class Workers:
    """What workers tell of themselves. Speeds are seconds per megapixel-evaluation, as moving averages, by extractor,
    and of whatever is used here; `now` gives unix seconds.
    """

    def __init__(self, connection: redis.Redis, now: Callable[[], float]) -> None:
        self.redis = connection
        self._now = now

    def saw(self, name: str, memory_bytes: int, has_just_come: bool = False) -> None:
        """Note that a worker is there, and how many bytes it has for a job."""
        self.redis.zadd(redis_keys.WORKERS, {name: self._now()})
        if has_just_come:
            self.redis.set(redis_keys.MOVED, self._now())
        self.redis.hset(redis_keys.MEMORY, name, memory_bytes)
        self.redis.zremrangebyscore(redis_keys.WORKERS, 0, self._now() - 100 * SEEN_S)

    def left(self, name: str) -> None:
        """Note that a worker said goodbye."""
        self.redis.zrem(redis_keys.WORKERS, name)
        self.redis.hdel(redis_keys.MEMORY, name)

    def count(self) -> int:
        """Workers seen lately."""
        return int(self.redis.zcount(redis_keys.WORKERS, self._now() - SEEN_S, "+inf"))

    def is_any(self) -> bool:
        """Whether any worker was seen lately."""
        return self.count() > 0

    def memory(self) -> int | None:
        """Bytes that the best equipped of the workers seen lately has for a job; None where none has told."""
        told: Any = self.redis.hgetall(redis_keys.MEMORY)
        seen: Any = self.redis.zrangebyscore(redis_keys.WORKERS, self._now() - SEEN_S, "+inf")
        return max((int(told[name]) for name in seen if name in told), default=None)

    def is_moving(self) -> bool:
        """Whether work goes on, or there is none: lately somebody took a job or renewed a lease, the first job began to
        wait, or a worker came.
        """
        with self.redis.pipeline(transaction=False) as pipeline:
            pipeline.zcard(redis_keys.QUEUED)
            pipeline.zcard(redis_keys.RUNNING)
            pipeline.get(redis_keys.MOVED)
            queued, running, moved = pipeline.execute()
        return not (queued or running) or moved is None or self._now() - float(moved) < STILL_S

    def measured(self, extractor: str, seconds_per_unit: float) -> None:
        """Fold a measured speed into the moving averages."""
        for name in (extractor, ANY_EXTRACTOR):
            before = self.redis.hget(redis_keys.SPEED, name)
            mixed = seconds_per_unit
            if before:
                mixed = float(before) + SPEED_WEIGHT * (seconds_per_unit - float(before))
            self.redis.hset(redis_keys.SPEED, name, mixed)

    def speeds(self) -> dict[str, float]:
        """All measured speeds, by extractor."""
        return speeds_of(self.redis.hgetall(redis_keys.SPEED))

    def speed(self, extractor: str = ANY_EXTRACTOR) -> float | None:
        """The measured speed; None before the first job."""
        return speed_of(self.speeds(), extractor)


def speeds_of(fields: Mapping[Any, Any]) -> dict[str, float]:
    """Speeds by extractor, from Redis's hash of them."""
    return {text(name): float(value) for name, value in fields.items()}


def speed_of(speeds: Mapping[str, float], extractor: str) -> float | None:
    """The speed with an extractor, or else with whatever is used here; None where nothing was measured."""
    return speeds.get(extractor) or speeds.get(ANY_EXTRACTOR)
