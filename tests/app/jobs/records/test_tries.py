"""Which tries are wanted, on a real Redis."""

from __future__ import annotations

import pytest
import redis

from app.jobs.queue import TRIES_QUEUE
from app.jobs.records import redis_keys
from app.jobs.records.tries import WANTED_S, Tries

PHOTO, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def tries(connection: redis.Redis) -> Tries:
    return Tries(connection)


def test_tries_are_taken_in_their_order_each_once(tries: Tries) -> None:
    tries.want(PHOTO, ["a-1-1", "b-1-1"])
    tries.want(OTHER, ["c-1-1"])
    assert [tries.take(PHOTO) for _ in range(3)] == ["a-1-1", "b-1-1", None]
    assert tries.take(OTHER) == "c-1-1"


def test_the_newest_wish_takes_the_place_of_the_one_before(tries: Tries) -> None:
    tries.want(PHOTO, ["a-1-1", "b-1-1"])
    tries.want(PHOTO, ["c-1-1"])
    assert tries.take(PHOTO) == "c-1-1"
    assert not tries.are_wanted(PHOTO)


def test_what_is_being_painted_is_not_painted_twice(tries: Tries) -> None:
    tries.want(PHOTO, ["a-1-1", "b-1-1"])
    taken = tries.take(PHOTO)
    tries.want(PHOTO, ["a-1-1", "b-1-1"])
    assert taken == "a-1-1"
    assert tries.left(PHOTO) == 2
    assert [tries.take(PHOTO), tries.take(PHOTO)] == ["b-1-1", None]
    tries.over(PHOTO, "a-1-1")
    tries.over(PHOTO, "b-1-1")
    assert tries.left(PHOTO) == 0


def test_what_nobody_asks_for_any_more_is_not_wanted_for_long(tries: Tries, connection: redis.Redis) -> None:
    wanted = redis_keys.tries_wanted(PHOTO)
    tries.want(PHOTO, ["a-1-1"])
    assert 0 < connection.ttl(wanted) <= WANTED_S
    connection.expire(wanted, 2)
    tries.left(PHOTO)
    assert connection.ttl(wanted) > 2, "whoever looks still wants it"
    tries.take(PHOTO)
    assert connection.ttl(redis_keys.tries_under_way(PHOTO)) > 0, "a dead worker's are forgotten"


def test_tries_are_forgotten_where_no_hint_tells_of_them(tries: Tries, connection: redis.Redis) -> None:
    assert not tries.are_forgotten(PHOTO)
    tries.want(PHOTO, ["a-1-1", "b-1-1"])
    assert tries.are_forgotten(PHOTO)
    connection.rpush(TRIES_QUEUE, "a hint")
    assert not tries.are_forgotten(PHOTO)
    connection.delete(TRIES_QUEUE)
    tries.take(PHOTO)
    assert not tries.are_forgotten(PHOTO), "somebody paints one"


def test_dropped_tries_leave_nothing(tries: Tries, connection: redis.Redis) -> None:
    tries.want(PHOTO, ["a-1-1", "b-1-1"])
    tries.take(PHOTO)
    tries.drop(PHOTO)
    assert connection.keys() == []
