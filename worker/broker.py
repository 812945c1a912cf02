"""Redis as Celery's broker, where an answer that it takes nothing more is waited out, as a lost connection is.

Kombu calls such an answer an error of a channel, which Celery does not expect: one to an acknowledgement ends the
worker. A hint whose acknowledgement is lost comes again, and does no harm.
"""

from __future__ import annotations

from kombu.transport import TRANSPORT_ALIASES, redis
from redis import ResponseError

SCHEMES = ("redis", "rediss")


class Transport(redis.Transport):  # type: ignore[misc]  # kombu has no types
    """Kombu's own, in which any answer that is an error breaks the connection, and no process."""

    connection_errors = (*redis.Transport.connection_errors, ResponseError)


def install() -> None:
    """Have every connection that this process makes from now on be one of these."""
    TRANSPORT_ALIASES.update(dict.fromkeys(SCHEMES, f"{__name__}:{Transport.__name__}"))
