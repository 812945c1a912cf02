"""How a worker is connected to Redis."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE_S = 5.0  # for an answer of Redis


def connect(redis_url: str) -> redis.Redis:
    """A worker's connection to Redis: one retry for a connection gone stale, and no long wait for a server that hangs.

    redis-py's own default is several tries with growing pauses, in which a painting would stand still.
    """
    return redis.Redis.from_url(
        redis_url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, retry=Retry(NoBackoff(), 1)
    )
