"""A round of housekeeping: each step stands alone, and what could not be done is counted and told to whoever asks."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from app.jobs.records import redis_keys

AWAY = (redis.ConnectionError, redis.TimeoutError)
# Redis takes no writes, because its own can't be kept or copied. Pipelines put such a word behind the command's number.
REFUSED = re.compile(r"\b(MISCONF|NOREPLICAS)\b")
OVERDUE_S = 300.0  # a pass over fifty deleted photos takes seconds
log = logging.getLogger(__name__)


class Round:
    """The steps of one round; `failed` are the names of those that could not be done."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What fails within is noted, and ends nothing else; without Redis all of the round has to wait.

        Raises:
            redis.RedisError: Redis is away, or takes nothing more.
        """
        try:
            yield
        except Exception as error:
            if isinstance(error, AWAY) or takes_nothing(error):
                raise
            log.exception("housekeeping could not %s", name)
            self.failed.append(name)


def takes_nothing(error: Exception) -> bool:
    """Whether it is Redis's answer that it is there, but takes no writes: its disk or its memory is full, or it is the
    copy of another, or has no copies that it must have.
    """
    if isinstance(error, OutOfMemoryError | ReadOnlyError):
        return True
    return isinstance(error, redis.ResponseError) and REFUSED.search(str(error)) is not None


def takes(connection: redis.Redis) -> bool:
    """Whether Redis takes what it is told: not while its disk or its memory is full.

    Raises:
        redis.RedisError: it is away.
    """
    try:
        connection.set(redis_keys.NOTHING, "", xx=True)  # refused as any write would be, and writes nothing
    except redis.ResponseError as error:
        if not takes_nothing(error):
            raise
        return False
    return True


@dataclass(frozen=True)
class Report:
    """How housekeeping goes: rounds so far and those of them that failed, what the newest could not do, and how many
    manifests lie in quarantine.
    """

    rounds: int
    failed_rounds: int
    failing: list[str]
    quarantined: int
    is_overdue: bool

    @property
    def is_well(self) -> bool:
        """Whether all was done that had to be, lately."""
        return not self.failing and not self.is_overdue


def tell(connection: redis.Redis, part: str, steps: Round, now: float) -> None:
    """Note how a part of a round went; what it could not do is remembered until its next time."""
    with connection.pipeline() as pipeline:
        pipeline.hset(redis_keys.HOUSEKEEPING, mapping={f"failing:{part}": "; ".join(steps.failed[:10]), "at": now})
        pipeline.hincrby(redis_keys.HOUSEKEEPING, "rounds", 1)
        pipeline.hincrby(redis_keys.HOUSEKEEPING, "failed_rounds", int(bool(steps.failed)))
        pipeline.execute()


def told(connection: redis.Redis, now: float) -> Report:
    """How housekeeping goes. Where nothing is known yet, nothing is wrong."""
    fields: dict[Any, Any] = connection.hgetall(redis_keys.HOUSEKEEPING)
    known = {name.decode(): value.decode() for name, value in fields.items()}
    return Report(
        rounds=int(known.get("rounds", 0)),
        failed_rounds=int(known.get("failed_rounds", 0)),
        failing=[text for name, text in known.items() if name.startswith("failing:") and text],
        quarantined=int(known.get("quarantined", 0)),
        is_overdue=now - float(known.get("at", now)) > OVERDUE_S,
    )
