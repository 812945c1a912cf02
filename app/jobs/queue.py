"""Publishing a job, or a photo's tries, to the workers, by the task's name: the front end knows nothing else of their
side.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

TASK = "worker.paint"
QUEUE = "paint"
# Workers take from the queue whose name sorts first, as long as there is anything in it: jobs go before tries.
TRIES_TASK = "worker.try_on"
TRIES_QUEUE = "tries"
# Kombu's own names: hints that a worker took and has not acknowledged yet, by tag, and when each was taken.
TAKEN, TAKEN_AT = "unacked", "unacked_index"
# A request must not wait for a broker that is away: the reaper publishes again what could not be published now.
PATIENCE_S = 2.0


class QueueUnavailableError(Exception):
    """Redis can't be reached or can't store anything, so no job can be accepted now."""


class Publisher:
    """Sends wake-up hints. The message carries an id and nothing else; what Redis has of it is the truth."""

    def __init__(self, redis_url: str) -> None:
        # Not the current app: inside a worker that place is taken.
        self._celery = Celery("atelier-publisher", broker=broker_url(redis_url), set_as_current=False)
        self._celery.conf.update(
            task_ignore_result=True,
            task_serializer="json",
            accept_content=["json"],
            broker_connection_timeout=PATIENCE_S,
            broker_pool_acquire_timeout=PATIENCE_S,
            broker_transport_options={"socket_timeout": PATIENCE_S, "socket_connect_timeout": PATIENCE_S},
        )

    def publish(self, job_id: str) -> None:
        """Tell some worker that this job waits.

        Raises:
            QueueUnavailableError: the broker did not take the message in time.
        """
        self._send(TASK, job_id, QUEUE)

    def publish_tries(self, photo_id: str) -> None:
        """Tell some worker that tries of this photo are wanted.

        Raises:
            QueueUnavailableError: as in `publish`.
        """
        self._send(TRIES_TASK, photo_id, TRIES_QUEUE)

    def _send(self, task: str, identifier: str, queue: str) -> None:
        policy = {"max_retries": 1, "interval_start": 0.1, "interval_step": 0.1, "interval_max": 0.2}
        try:
            self._celery.send_task(task, args=[identifier], queue=queue, retry=True, retry_policy=policy)
        except (OperationalError, RedisError, OSError) as error:
            raise QueueUnavailableError(str(error)) from error

    def close(self) -> None:
        """Give the connections back."""
        self._celery.close()


def taken_hints(connection: Redis, before: float) -> dict[str, str]:
    """The ids of jobs, and of photos to be tried, whose hints were taken before that time (unix seconds) and never
    acknowledged, by hints' tags.

    Such a hint comes back by itself only when no job may still be under way. Other programs' messages are left out.
    """
    found: dict[str, str] = {}
    tags: Any = connection.zrangebyscore(TAKEN_AT, 0, before)
    for tag in map(bytes.decode, tags):
        taken: Any = connection.hget(TAKEN, tag)
        try:
            message = json.loads(taken or b"")[0]
            if message["headers"]["task"] in (TASK, TRIES_TASK):
                ((job_id, *_), *_) = json.loads(base64.b64decode(message["body"]))
                found[tag] = str(job_id)
        except (ValueError, KeyError, TypeError, IndexError):
            continue
    return found


def forget_hint(connection: Redis, tag: str) -> None:
    """Remove a hint that was taken and will never be acknowledged."""
    with connection.pipeline() as pipeline:
        pipeline.zrem(TAKEN_AT, tag)
        pipeline.hdel(TAKEN, tag)
        pipeline.execute()


def broker_url(redis_url: str) -> str:
    """The same server and database as kombu spells them: a socket's scheme is `redis+socket` there.

    `db` is called `virtual_host` for a socket, and for a port it is the path.
    """
    parts = urlsplit(redis_url)
    scheme, path, options = parts.scheme, parts.path, dict(parse_qsl(parts.query))
    database = options.pop("db", None)
    if scheme == "unix":
        scheme = "redis+socket"
        options |= {"virtual_host": database} if database else {}
    elif database:
        path = f"/{database}"
    return f"{scheme}://{parts.netloc}{path}?{urlencode(options)}".removesuffix("?")
