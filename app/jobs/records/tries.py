"""Tries that are wanted, in Redis: wanted by whoever asked lately, and by nobody soon after. All of it may be lost.

There is nothing to hold and nothing to give back: what a worker took with it when it died is asked for again by whoever
still wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import redis

from app.jobs.queue import QUEUE, TRIES_QUEUE
from app.jobs.records import redis_keys
from app.jobs.records.hashes import text

WANTED_S = 30  # tries are wanted so long after somebody has asked for them, or how they go
UNDER_WAY_S = 30  # whoever has not finished one by then has died

Count = Literal["asked", "refused", "painted", "failed"]


class Tries:
    """Of each photo, the names of the tries that are wanted, in their order, and of those that are being painted."""

    def __init__(self, connection: redis.Redis) -> None:
        self.redis = connection

    def want(self, photo_id: str, names: Sequence[str]) -> None:
        """From now on these are wanted of a photo, and no others, but for those that are being painted."""
        wanted = redis_keys.tries_wanted(photo_id)
        under_way = set(map(text, self.redis.lrange(redis_keys.tries_under_way(photo_id), 0, -1)))
        names = [name for name in names if name not in under_way]
        with self.redis.pipeline() as pipeline:
            pipeline.delete(wanted)
            if names:
                pipeline.rpush(wanted, *names)
                pipeline.expire(wanted, WANTED_S)
            pipeline.execute()

    def left(self, photo_id: str) -> int:
        """How many are still to come; whoever asks still wants them."""
        wanted = redis_keys.tries_wanted(photo_id)
        with self.redis.pipeline(transaction=False) as pipeline:
            pipeline.expire(wanted, WANTED_S)
            pipeline.llen(wanted)
            pipeline.llen(redis_keys.tries_under_way(photo_id))
            _, waiting, under_way = pipeline.execute()
        return int(waiting) + int(under_way)

    def take(self, photo_id: str) -> str | None:
        """The next one's name, which only this caller is given; None where no more are wanted."""
        under_way = redis_keys.tries_under_way(photo_id)
        with self.redis.pipeline() as pipeline:
            pipeline.lmove(redis_keys.tries_wanted(photo_id), under_way, "LEFT", "RIGHT")
            pipeline.expire(under_way, UNDER_WAY_S)
            taken: Any = pipeline.execute()[0]
        return None if taken is None else text(taken)

    def over(self, photo_id: str, name: str) -> None:
        """One that was taken is painted, or could not be."""
        self.redis.lrem(redis_keys.tries_under_way(photo_id), 0, name)

    def are_wanted(self, photo_id: str) -> bool:
        """Whether any are that nobody has taken."""
        return bool(self.redis.exists(redis_keys.tries_wanted(photo_id)))

    def are_forgotten(self, photo_id: str) -> bool:
        """Whether some are wanted, but nobody paints any and no hint waits that would tell somebody."""
        with self.redis.pipeline(transaction=False) as pipeline:
            pipeline.exists(redis_keys.tries_wanted(photo_id))
            pipeline.exists(redis_keys.tries_under_way(photo_id))
            pipeline.llen(TRIES_QUEUE)
            wanted, under_way, hints = pipeline.execute()
        return bool(wanted) and not under_way and not hints

    def drop(self, photo_id: str) -> None:
        """None are wanted any more."""
        self.redis.delete(redis_keys.tries_wanted(photo_id), redis_keys.tries_under_way(photo_id))

    def give_way(self) -> bool:
        """Whether a job's hint waits, which goes before all tries."""
        return bool(self.redis.llen(QUEUE))

    def photos_waiting(self) -> int:
        """How many hints wait that tell of photos to be tried."""
        return int(self.redis.llen(TRIES_QUEUE))

    def count(self, what: Count, number: int = 1) -> None:
        """Count for `/metrics`."""
        self.redis.hincrby(redis_keys.TRIED, what, number)

    def counted(self, what: Count) -> int:
        """How many were counted."""
        return int(self.redis.hget(redis_keys.TRIED, what) or 0)
