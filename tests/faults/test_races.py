"""Things that happen twice, at once, too late, or by another clock."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import httpx2
import pytest

from app.jobs.housekeeping import retention
from app.jobs.models import TERMINAL, JobState
from app.jobs.queue import QUEUE
from app.jobs.records import redis_keys
from app.jobs.records.hashes import text
from app.jobs.records.records import RETENTION_S
from app.logs import shortened
from tests.bench import Hold, StartWorker, Workers, kill
from tests.faults.ledger import Recovery
from tests.faults.promise import MarkedBench, Promise
from tests.faults.servers import Web, wish
from tests.faults.test_worker_deaths import LONG
from tests.waiting import until
from worker.reconcile import reconcile


@pytest.mark.faults("F11", "kill -9 of the web server between a job's record and its manifest, manifest and hint")
@pytest.mark.parametrize("fault", ["pause_before_first_manifest", "pause_before_publish"])
def test_a_job_whose_web_server_died_is_painted(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, recovery: Recovery, web: Web, flag: Path,
    fault: str,
) -> None:  # fmt: skip
    web.start("tests.faults.spoiled", FAULT=fault, FAULT_FLAG=str(flag), FAULT_MODULE="uvicorn")
    start_worker()
    mark = bench.new_mark()
    photo = web.upload(mark)
    visitor = threading.Thread(target=ask_in_vain, args=(web, photo))
    visitor.start()
    until(flag.exists, "the record")
    recovery.struck()
    web.kill()
    visitor.join()
    (job_id,) = bench.records.redis.smembers(redis_keys.photo_jobs(photo))
    job = bench.records.get(text(job_id))
    bench.expect(job.id, mark)
    bench.begun(job)
    recovery.over()
    promise.kept()


def ask_in_vain(web: Web, photo: str) -> None:
    with pytest.raises(httpx2.TransportError):
        web.ask("POST", "/api/v1/jobs", json=wish(photo))


@pytest.mark.slow_fault
@pytest.mark.faults("F12", "a worker whose clock is 2 h ahead, 2 h behind, or 4 h ahead, beside one that is right")
@pytest.mark.parametrize("seconds", [7200, -7200, 14400])
def test_a_wrong_clock_changes_nothing(
    bench: MarkedBench, start_spoiled: StartWorker, start_worker: StartWorker, promise: Promise, workers: Workers,
    seconds: int,
) -> None:  # fmt: skip
    """4 h are more than Celery's visibility timeout: that worker hands out again what the other is painting."""
    limit = {"ATELIER_JOB_TIME_LIMIT_S": "3600"}  # twice that and an hour is the visibility timeout
    start_worker(**limit)
    start_spoiled("other_clock", FAULT_SECONDS=str(seconds), **limit)
    jobs = [bench.job(size=512, quality="best"), bench.job(), bench.job()]
    assert [job.attempt for job in promise.kept()] == [1] * len(jobs)
    received = workers.log().count("Task worker.paint")
    assert (received > 2 * len(jobs)) == (seconds > 3 * 3600), "each hint is received once and succeeds once"


@pytest.mark.faults("F12", "a web server whose clock is two days behind, or ahead: photos are kept as long as promised")
@pytest.mark.parametrize("days", [-2, 2])
def test_a_web_servers_wrong_clock_keeps_a_photo_no_longer_and_no_shorter(
    bench: MarkedBench, web: Web, days: int
) -> None:
    web.start("tests.faults.spoiled", FAULT="other_clock", FAULT_SECONDS=str(days * 86400), FAULT_MODULE="uvicorn")
    records = bench.records
    photo = web.upload(bench.new_mark())
    retention.sweep(records)
    assert records.photos.goes_at(photo) == pytest.approx(records.now() + RETENTION_S, abs=60)
    assert records.get(web.accepts(photo)).created_at == pytest.approx(records.now(), abs=60)


@pytest.mark.slow_fault
@pytest.mark.faults("F13", "five more hints of a job at once, to two workers, and five after it was finished")
def test_repeated_hints_paint_once(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, workers: Workers
) -> None:
    start_worker()
    start_worker()
    job = bench.job(**LONG)
    for _ in range(5):
        bench.publisher.publish(job.id)
    bench.ended(job)
    for _ in range(5):
        bench.publisher.publish(job.id)
    bench.job()
    assert [job.attempt for job in promise.kept()] == [1, 1]
    assert workers.log().count(shortened(f"job {job.id}: attempt")) == 1


@pytest.mark.faults("F18", "cancel while queued, at once, twice, and again after the end")
def test_a_queued_job_is_cancelled_once(bench: MarkedBench, start_worker: StartWorker, promise: Promise) -> None:
    job = bench.job()
    first = bench.records.request_cancel(job.id)
    assert first.state is JobState.CANCELLED
    assert bench.records.request_cancel(job.id) == first
    start_worker()
    follower = bench.job()
    bench.ended(follower)
    assert bench.records.request_cancel(follower.id).state is JobState.FINISHED
    promise.check(bench.records.get(follower.id))
    promise.check(bench.records.get(job.id))
    assert bench.records.get(job.id) == first


@pytest.mark.slow_fault
@pytest.mark.faults("F18", "cancel while running, from five threads at once")
def test_a_running_job_is_cancelled_once_and_keeps_what_there_is(
    bench: MarkedBench, hold: Hold, promise: Promise, flag: Path
) -> None:
    _, job = hold(0.3)
    at_once([lambda: bench.records.request_cancel(job.id)] * 5)
    flag.unlink()
    done = bench.ended(job)
    assert (done.state, done.keeps) == (JobState.CANCELLED, True)
    assert bench.artwork(done).size == (done.artwork_width, done.artwork_height)
    promise.check(done)


@pytest.mark.slow_fault
@pytest.mark.faults("F18", "cancel as jobs begin and as they finish, at random moments, 20 times")
def test_a_cancel_that_races_the_beginning_or_the_end_has_one_winner(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    start_worker()
    ends = []
    for turn in range(20):
        job = bench.job()
        if turn % 2:
            bench.begun(job)
            until(partial(near_its_end, bench, job.id), "the end")
        threading.Event().wait(chance.uniform(0, 0.1))
        asked = bench.records.request_cancel(job.id)
        done = bench.ended(job)
        assert done.state in (JobState.CANCELLED, JobState.FINISHED)
        if asked.state in TERMINAL:
            assert done.state is asked.state
        promise.check(done)
        ends.append(done.state)
    print({state.value: ends.count(state) for state in set(ends)})


def near_its_end(bench: MarkedBench, job_id: str) -> bool:
    now = bench.records.get(job_id)
    return now.state in TERMINAL or bool(now.progress and now.progress.fraction > 0.9)


@pytest.mark.slow_fault
@pytest.mark.faults(
    "F20", "kill -9 of the worker that is looking for lost jobs, in the middle of its pass; another one is there"
)
def test_a_dead_reaper_is_replaced(
    bench: MarkedBench, start_spoiled: StartWorker, start_worker: StartWorker, promise: Promise, recovery: Recovery,
    flag: Path,
) -> None:  # fmt: skip
    reaper = start_spoiled("pause_in_reaper")
    until(flag.exists, "its pass")
    start_worker()
    publisher, bench.records.hints.publisher = bench.records.hints.publisher, None
    job = bench.job()
    bench.records.hints.publisher = publisher
    recovery.struck()
    kill(reaper)
    until(lambda: bench.records.get(job.id).state is not JobState.QUEUED, "somebody who finds it", 90)
    recovery.over()
    promise.kept()


@pytest.mark.slow_fault
@pytest.mark.faults("F20", "ten passes for lost jobs at the same time, with a dead worker's job and jobs without hints")
def test_several_reapers_at_once_do_no_harm(
    bench: MarkedBench, hold: Hold, start_worker: StartWorker, promise: Promise, recovery: Recovery
) -> None:
    lost, job = hold(0.2)
    recovery.struck()
    kill(lost)
    publisher, bench.records.hints.publisher = bench.records.hints.publisher, None
    for _ in range(4):
        bench.job()
    bench.records.hints.publisher = publisher
    at_once([lambda: reconcile(bench.records, bench.storage, lease_s=30)] * 10)
    assert bench.records.redis.llen(QUEUE) >= 5
    start_worker()
    start_worker()
    bench.attempt(job, 2)
    recovery.over()
    promise.kept()
    assert bench.records.get(job.id).attempt == 2


def at_once(calls: Sequence[Callable[[], object]]) -> None:
    """Make all calls at the same time, each in a thread of its own."""
    start = threading.Barrier(len(calls))
    failed = []

    def run(call: Callable[[], object]) -> None:
        start.wait()
        try:
            call()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
