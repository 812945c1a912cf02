"""Tries whose worker dies, whose Redis forgets, or whose photo goes: nothing stuck, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.jobs.housekeeping import retention
from app.jobs.models import JobState
from app.jobs.queue import TAKEN, TRIES_QUEUE
from app.jobs.storage import keys
from app.jobs.tries import Try
from tests.bench import StartWorker, kill
from tests.faults.ledger import Recovery
from tests.faults.promise import MarkedBench, Promise
from tests.faults.servers import RedisServer
from tests.faults.test_worker_deaths import SLOW
from tests.waiting import until

MANY = [Try("starry_night", strength / 10, brush).name for strength in range(8, 12) for brush in (0.5, 1, 2, 4)]


def asked(bench: MarkedBench, photo: str, names: list[str] = MANY) -> None:
    """As the front end does it, and again where nothing has come of it."""
    there = names_there(bench, photo)
    bench.records.tries.want(photo, [name for name in names if name not in there])
    bench.publisher.publish_tries(photo)


def names_there(bench: MarkedBench, photo: str) -> set[str]:
    """As the front end looks, whereby they are still wanted, and told of again where the hint was lost."""
    if bench.records.tries.are_forgotten(photo):
        bench.publisher.publish_tries(photo)
    bench.records.tries.left(photo)
    listed = bench.storage.list(keys.tries_prefix(photo))
    return {name for name in map(keys.try_name, listed) if Try.named(name)}


def all_there(bench: MarkedBench, photo: str, names: list[str] = MANY) -> None:
    """As the page does, what has not come although nothing is left is asked for again."""

    def are_there() -> bool:
        if names_there(bench, photo) == set(names):
            return True
        if not bench.records.tries.left(photo):
            asked(bench, photo, names)
        return False

    until(are_there, "all tries", 120)


def begun(bench: MarkedBench, photo: str) -> None:
    until(lambda: len(names_there(bench, photo)) >= 3, "the first tries", 60)


def nothing_stuck(bench: MarkedBench) -> None:
    """No hint is left, waiting or taken, and no try is under way."""

    def is_empty() -> bool:
        redis = bench.records.redis
        return not (redis.llen(TRIES_QUEUE) or redis.hlen(TAKEN) or redis.keys("atelier:try*:*"))

    until(is_empty, "the end of all tries", 60)


@pytest.mark.faults("F1", "kill -9 of the painting process in the middle of a photo's tries: the others come")
def test_a_killed_painter_costs_the_tries_that_it_painted(
    bench: MarkedBench, start_worker: StartWorker, recovery: Recovery
) -> None:
    worker = start_worker()
    photo = bench.photo()
    asked(bench, photo)
    begun(bench, photo)
    before = len(names_there(bench, photo))
    recovery.struck()
    (child,) = worker.children()
    child.kill()
    until(lambda: len(names_there(bench, photo)) > before + 2, "more tries", 60)
    recovery.over()
    all_there(bench, photo)
    nothing_stuck(bench)


@SLOW
@pytest.mark.faults("F2", "kill -9 of the whole worker in the middle of a photo's tries; another one is asked again")
def test_a_killed_worker_leaves_tries_to_be_asked_for_again(bench: MarkedBench, start_worker: StartWorker) -> None:
    worker = start_worker()
    photo = bench.photo()
    asked(bench, photo)
    begun(bench, photo)
    kill(worker)
    start_worker()
    asked(bench, photo)
    all_there(bench, photo)


@pytest.mark.faults("F5", "kill -9 of a Redis that keeps nothing, in the middle of a photo's tries, asked for again")
@pytest.mark.parametrize("server", [False], indirect=True, ids=["nothing kept"])
def test_a_redis_that_forgets_tries_is_asked_again(
    bench: MarkedBench, start_worker: StartWorker, server: RedisServer, recovery: Recovery
) -> None:
    worker = start_worker()
    photo = bench.photo()
    asked(bench, photo)
    begun(bench, photo)
    recovery.struck()
    server.kill()
    server.start()
    until(lambda: not bench.records.tries.are_wanted(photo), "a Redis that knows of nothing")
    asked(bench, photo)
    all_there(bench, photo)
    recovery.over()
    assert worker.is_running()
    nothing_stuck(bench)


@pytest.mark.faults("F21", "a photo is deleted while a worker paints its tries")
def test_a_deleted_photo_takes_its_tries_with_it(bench: MarkedBench, start_worker: StartWorker, data: Path) -> None:
    start_worker()
    photo, other = bench.photo(), bench.photo()
    asked(bench, photo)
    begun(bench, photo)
    retention.delete_photo(bench.records, photo)
    asked(bench, other, MANY[:3])
    all_there(bench, other, MANY[:3])
    nothing_stuck(bench)
    assert not (data / keys.photo_prefix(photo)).exists()


@pytest.mark.faults("F13", "a job that comes in the middle of a photo's tries: it goes before them, and they go on")
def test_a_job_goes_before_all_tries(bench: MarkedBench, start_worker: StartWorker, promise: Promise) -> None:
    start_worker()
    photo = bench.photo()
    asked(bench, photo)
    begun(bench, photo)
    job = bench.job(preset="instant", start=None)
    until(lambda: bench.records.get(job.id).state is not JobState.QUEUED, "the job's begin", 30)
    there = len(names_there(bench, photo))
    assert there < len(MANY), "they were all painted first"
    bench.ended(job)
    assert len(names_there(bench, photo)) == there, "tries were painted beside a job"
    all_there(bench, photo)
    promise.kept()
    nothing_stuck(bench)
