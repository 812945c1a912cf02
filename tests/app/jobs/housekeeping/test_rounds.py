"""How a Redis that is there but takes no writes is told from one that is away: in all the ways in which it says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from app.jobs.housekeeping.rounds import takes, takes_nothing
from tests.app.jobs.refusing import REFUSING, refusing


def command(connection: redis.Redis) -> None:
    connection.set("told", "x" * 1000)


def script(connection: redis.Redis) -> None:
    connection.register_script("return redis.call('SET', KEYS[1], ARGV[1])")(keys=["told"], args=["x" * 1000])


def transaction(connection: redis.Redis) -> None:
    with connection.pipeline() as pipeline:
        pipeline.get("told")
        pipeline.set("told", "x" * 1000)
        pipeline.execute()


def pipeline(connection: redis.Redis) -> None:
    with connection.pipeline(transaction=False) as several:
        several.get("told")
        several.set("told", "x" * 1000)
        several.execute()


@pytest.mark.parametrize("tell", [command, script, transaction, pipeline], ids=lambda tell: tell.__name__)
@pytest.mark.parametrize("why", REFUSING)
def test_a_refusal_is_known_whatever_is_refused(
    connection: redis.Redis, why: str, tell: Callable[[redis.Redis], None]
) -> None:
    tell(connection)
    assert takes(connection)
    with refusing(connection, why):
        with pytest.raises(redis.ResponseError) as refused:
            tell(connection)
        assert takes_nothing(refused.value), refused.value
        assert not takes(connection)
    assert takes(connection)


def test_to_ask_writes_nothing(connection: redis.Redis) -> None:
    assert takes(connection)
    assert connection.dbsize() == 0


def test_an_error_of_another_kind_is_none(connection: redis.Redis) -> None:
    connection.set("MISCONFIGURED", "x")
    with connection.pipeline() as pipeline:
        pipeline.lpush("MISCONFIGURED", "x")
        with pytest.raises(redis.ResponseError) as wrong:
            pipeline.execute()
    assert not takes_nothing(wrong.value)
