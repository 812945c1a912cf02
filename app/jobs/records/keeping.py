"""What is kept for some time after the last job that needed it, photos and people's own paintings: until when.

Redis may forget all of this: the sweep in retention.py gives whatever is stored its time anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis

from app.jobs.records import redis_keys
from app.jobs.records.scripts import RETIRE

GONE_S = 7 * 24 * 3600  # so long it is remembered that something was deleted


@dataclass(frozen=True)
class Names:
    """Redis keys: a sorted set of ids by when they go, each one's jobs, each one's mark that it is gone."""

    due: str
    jobs: Callable[[str], str]
    gone: Callable[[str], str]


PHOTOS = Names(redis_keys.PHOTOS, redis_keys.photo_jobs, redis_keys.photo_gone)
PAINTINGS = Names(redis_keys.PAINTINGS, redis_keys.painting_jobs, redis_keys.painting_gone)


class Keeping:
    """The time of all things of one kind, each kept for `retention_s` seconds after the last of its jobs has ended."""

    def __init__(self, connection: redis.Redis, names: Names, retention_s: float, now: Callable[[], float]) -> None:
        self.redis = connection
        self.names = names
        self.retention_s = retention_s
        self._now = now
        self._retire = connection.register_script(RETIRE)

    def retire(self, identifier: str, at_once: bool) -> list[str] | None:
        """Take it out of use: no job can be made from it any more. Unless `at_once`, only what is due.

        Returns the ids of all jobs that used it, or None if it stays.
        """
        names = [self.names.jobs(identifier), self.names.gone(identifier), self.names.due]
        arguments: list[Any] = [identifier, redis_keys.RECORDS, self._now(), GONE_S, "now" if at_once else ""]
        answer = self._retire(keys=names, args=arguments)
        return None if answer is None else [each.decode() for each in answer]

    def jobs(self, identifier: str) -> list[str]:
        """Ids of all jobs that use it, or did."""
        found: Any = self.redis.smembers(self.names.jobs(identifier))
        return [each.decode() for each in found]

    def due(self) -> list[str]:
        """Ids of those whose time has come, unless a job uses them."""
        found: Any = self.redis.zrangebyscore(self.names.due, 0, self._now())
        return [each.decode() for each in found]

    def keep(self, identifier: str, since: float) -> None:
        """Let its time run from `since` (unix seconds), unless it runs already."""
        self.redis.zadd(self.names.due, {identifier: since + self.retention_s}, nx=True)

    def goes_at(self, identifier: str) -> float | None:
        """Unix seconds at which it is deleted; None while that is not known."""
        due: Any = self.redis.zscore(self.names.due, identifier)
        return None if due is None else float(due)

    def kept(self) -> set[str]:
        """Ids of all whose time runs."""
        found: Any = self.redis.zrange(self.names.due, 0, -1)
        return {each.decode() for each in found}

    def is_gone(self, identifier: str) -> bool:
        """Whether it is being deleted, or was."""
        return bool(self.redis.exists(self.names.gone(identifier)))

    def forget(self, identifier: str) -> None:
        """Remove what is noted of something deleted, but for the mark that it is gone."""
        self.redis.delete(self.names.jobs(identifier))
