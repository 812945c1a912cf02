"""A Redis that is there, is read, and takes no writes: by its memory, for want of copies, and as a copy itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

REFUSING = ("maxmemory", "min-replicas-to-write", "replicaof")


@contextmanager
def refusing(connection: redis.Redis, why: str) -> Iterator[None]:
    """Redis takes no writes within the block, for one of the reasons above."""
    if why == "replicaof":
        connection.replicaof("127.0.0.1", "1")
    else:
        connection.config_set(why, "1")
    try:
        yield
    finally:
        if why == "replicaof":
            connection.replicaof("NO", "ONE")
        else:
            connection.config_set(why, "0")
