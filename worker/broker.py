"""Redis as Celery's broker, where an answer that it takes nothing more is waited out, as a lost connection is.

Kombu calls such an answer an error of a channel, which Celery does not expect: one to an acknowledgement ends the
worker. And where one is lost while its connection holds, kombu counts the hint as under way for ever, and a worker that
takes one at a time takes no other. It counts as answered here: in Redis it lies until somebody looks for what belongs
to nobody, or comes again, and does no harm.
"""

from __future__ import annotations

from kombu.transport import TRANSPORT_ALIASES, _transport_cache, redis
from kombu.transport.virtual import QoS
from redis import ResponseError

SCHEMES = ("redis", "rediss")


class Hints(redis.QoS):  # type: ignore[misc]  # kombu has no types
    """Those that were taken; each is done with once it was answered, whether Redis noted that or not."""

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        finally:
            QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        try:
            super().reject(delivery_tag, requeue)  # type: ignore[no-untyped-call]
        finally:
            QoS.ack(self, delivery_tag)


class Channel(redis.Channel):  # type: ignore[misc]
    """Kombu's own, with these hints."""

    QoS = Hints


class Transport(redis.Transport):  # type: ignore[misc]
    """Kombu's own, in which any answer that is an error breaks the connection, and no process."""

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)


def install() -> None:
    """Have every connection that this process makes from now on be one of these."""
    TRANSPORT_ALIASES.update(dict.fromkeys(SCHEMES, f"{__name__}:{Transport.__name__}"))
    for scheme in SCHEMES:  # what was looked up before is remembered there
        _transport_cache.pop(scheme, None)
