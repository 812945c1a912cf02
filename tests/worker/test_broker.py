"""Hints by kombu on a real Redis that refuses what it is told: no answer that is lost keeps other hints from coming."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from kombu import Connection
from kombu.simple import SimpleQueue

from app.jobs.queue import TAKEN, broker_url
from tests.app.jobs.refusing import refusing
from worker.broker import Transport, install

log = logging.getLogger(__name__)


@pytest.fixture
def hints(redis_server: str) -> Iterator[SimpleQueue]:
    """A queue from which one hint at a time is taken, as workers do."""
    install()
    with Connection(broker_url(redis_server)) as broker, broker.channel() as channel:
        channel.basic_qos(0, 1, False)
        yield SimpleQueue(channel, "hints")


@pytest.mark.parametrize(
    "answer",
    [
        lambda hint: hint.ack_log_error(log, Transport.connection_errors),
        lambda hint: hint.reject_log_error(log, Transport.connection_errors),
        lambda hint: hint.reject_log_error(log, Transport.connection_errors, requeue=True),
    ],
    ids=["done", "not mine", "for somebody else"],
)
def test_the_next_hint_comes_after_an_answer_that_was_lost(
    connection: redis.Redis, hints: SimpleQueue, answer: Callable[[Any], None], caplog: pytest.LogCaptureFixture
) -> None:
    hints.put("first")
    hints.put("second")
    first = hints.get(timeout=5)
    with refusing(connection, "min-replicas-to-write"):
        answer(first)
    assert hints.get(timeout=5).payload == "second"
    assert connection.hlen(TAKEN) == 2, "the lost one is left to who looks for what belongs to nobody"
    assert "NOREPLICAS" in caplog.text
