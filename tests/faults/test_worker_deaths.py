"""Workers that die or are told to stop, at the worst moments."""

from __future__ import annotations

import signal
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from app.jobs.models import Cut, Job, JobState
from tests.bench import Hold, StartWorker, Workers, kill
from tests.conftest import address, close, launch
from tests.faults.ledger import Recovery
from tests.faults.promise import MarkedBench, Promise
from tests.waiting import until
from worker.engine.paint import REBUILT

# A worker notices after two leases that its painter stands still; the same as usual in less time.
SHORT_LEASE = {"ATELIER_LEASE_S": "4", "ATELIER_HEARTBEAT_S": "0.5"}
LONG = {"size": 384, "quality": "good"}  # some seconds on one core
SLOW = pytest.mark.slow_fault
STOPPING = "Warm shutdown"  # as Celery says it


def again(bench: MarkedBench, job: Job, recovery: Recovery) -> Job:
    """Wait until another attempt at the job is painting, and stop the watch."""

    def painting() -> Job | None:
        now = bench.records.get(job.id)
        is_later = now.fence > job.fence and now.preview_fence == now.fence
        return now if is_later or now.state is JobState.FINISHED else None

    now = until(painting, "the next attempt's first preview")
    recovery.over()
    return now


@pytest.mark.faults("F1", "kill -9 of the painting process at 0, 50 and 99 % of the job")
@pytest.mark.parametrize("share", [pytest.param(0, marks=SLOW), 0.5, pytest.param(0.99, marks=SLOW)])
def test_a_killed_painter_costs_seconds(
    bench: MarkedBench, hold: Hold, promise: Promise, recovery: Recovery, flag: Path, share: float
) -> None:
    worker, before = hold(share, others=1, ATELIER_CHECKPOINT_S="0.1")
    flag.with_suffix(".passed").touch()
    recovery.struck()
    (child,) = worker.children()
    child.kill()
    now = again(bench, before, recovery)
    if share:
        assert now.progress
        assert now.progress.fraction > share - 0.3, "it began anew instead of at its checkpoint"
    promise.kept()
    assert bench.records.get(before.id).attempt == 2
    assert worker.is_running()


@pytest.mark.faults(
    "F1", "kill -9 of the painting process between artwork and record, record and manifest, end and ack"
)
@pytest.mark.parametrize(
    "fault",
    ["pause_before_manifest", *(pytest.param(each, marks=SLOW) for each in ("pause_before_end", "pause_before_ack"))],
)
def test_a_painter_killed_while_it_ends_a_job_ends_it_once(
    bench: MarkedBench, start_spoiled: StartWorker, promise: Promise, recovery: Recovery, flag: Path, fault: str
) -> None:
    worker = start_spoiled(fault)
    job = bench.job()
    follower = bench.job()
    until(flag.exists, "the end")
    flag.with_suffix(".passed").touch()
    recovery.struck()
    (child,) = worker.children()
    child.kill()
    bench.ended(follower)
    bench.ended(job)
    recovery.over()
    promise.kept()
    assert bench.records.get(job.id).attempt == (2 if fault == "pause_before_end" else 1)


@pytest.mark.faults("F1", "SIGSTOP of the painting process, for good, while another job waits; the only worker")
def test_a_painter_that_is_stopped_for_good_is_replaced(
    bench: MarkedBench, hold: Hold, promise: Promise, recovery: Recovery, flag: Path
) -> None:
    worker, before = hold(0.4, others=1, ATELIER_CHECKPOINT_S="0.1", **SHORT_LEASE)
    (child,) = worker.children()
    child.suspend()
    flag.with_suffix(".passed").touch()
    recovery.struck()
    now = again(bench, before, recovery)
    assert not child.is_running()
    assert now.progress
    assert before.progress
    assert now.progress.fraction > before.progress.fraction - 0.2
    promise.kept()
    (attempt,) = bench.records.get(before.id).history
    assert attempt.cut is Cut.STUCK
    assert worker.is_running()


@pytest.mark.slow_fault
@pytest.mark.faults("F1", "SIGSTOP of the painting process before a job comes, and of one whose job is then cancelled")
def test_a_painter_that_is_stopped_keeps_no_job_from_being_taken_or_cancelled(
    bench: MarkedBench, start_spoiled: StartWorker, promise: Promise, recovery: Recovery, flag: Path
) -> None:
    worker = start_spoiled("pause_at", FAULT_AT="0.1", **SHORT_LEASE)
    (child,) = worker.children()
    child.suspend()
    stopped = bench.job()
    recovery.struck()
    bench.held(stopped, flag)
    recovery.over()
    (child,) = worker.children()
    child.suspend()
    flag.with_suffix(".passed").touch()
    until(lambda: bench.records.lapsed(), "the end of the lease")
    assert bench.records.request_cancel(stopped.id).state is JobState.CANCELLED
    ended = bench.job()
    assert bench.ended(ended).state is JobState.FINISHED
    for job in (stopped, ended):
        promise.check(bench.records.get(job.id))


@pytest.mark.slow_fault
@pytest.mark.faults("F2", "SIGSTOP of the whole worker that `make run` has started, for good")
def test_a_worker_that_is_stopped_for_good_is_started_anew(tmp_path: Path, recovery: Recovery) -> None:
    product = launch(tmp_path)
    url = address(product)

    def worker() -> psutil.Process | None:
        with suppress(psutil.NoSuchProcess):  # one has just ended
            return next((each for each in psutil.Process(product.pid).children() if "celery" in each.cmdline()), None)
        return None

    def is_ready() -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    try:
        stopped = worker()
        assert stopped
        for process in (stopped, *stopped.children()):
            process.suspend()
        recovery.struck()
        until(lambda: not is_ready(), "word that nobody paints", 120)
        until(lambda: worker() not in {stopped, None}, "another worker", 180)
        until(is_ready, "word that somebody paints", 120)
        recovery.over()
        assert not stopped.is_running()
    finally:
        close(product)


@pytest.mark.slow_fault
@pytest.mark.faults("F2", "kill -9 of the whole worker in the middle of a job; another one is started")
def test_a_killed_worker_is_replaced(
    bench: MarkedBench, hold: Hold, start_worker: StartWorker, promise: Promise, recovery: Recovery
) -> None:
    worker, before = hold(0.4, others=1)
    recovery.struck()
    kill(worker)
    start_worker()
    now = again(bench, before, recovery)
    assert now.progress
    assert before.progress
    assert now.progress.fraction > before.progress.fraction - 0.2
    promise.kept()


@pytest.mark.slow_fault
@pytest.mark.faults("F2", "kill -9 of the worker's parent alone; its child paints on as an orphan")
def test_an_orphan_that_paints_on_is_not_doubled(
    bench: MarkedBench, hold: Hold, start_worker: StartWorker, promise: Promise, recovery: Recovery, flag: Path
) -> None:
    worker, _ = hold(0.1)
    (orphan,) = worker.children()
    recovery.struck()
    worker.kill()
    worker.wait(10)
    flag.unlink()
    try:
        start_worker()
        bench.job()
        recovery.over()
        promise.kept()
    finally:
        if orphan.is_running():
            orphan.kill()
            psutil.wait_procs([orphan], timeout=10)


@pytest.mark.faults("F3", "kill -9 of the worker between taking a hint off the queue and noting that it was taken")
@pytest.mark.slow_fault
def test_a_hint_that_dies_with_its_taker_is_sent_again(
    bench: MarkedBench, start_spoiled: StartWorker, start_worker: StartWorker, promise: Promise, recovery: Recovery,
    flag: Path,
) -> None:  # fmt: skip
    worker = start_spoiled("pause_after_pop")
    job = bench.job()
    until(flag.exists, "the taken hint")
    assert bench.records.redis.llen("paint") == 0
    assert bench.records.redis.hlen("unacked") == 0
    recovery.struck()
    kill(worker)
    start_worker()
    again(bench, job, recovery)
    promise.kept()
    assert bench.records.get(job.id).attempt == 1


@pytest.mark.slow_fault
@pytest.mark.faults("F4", "SIGTERM to the worker in the middle of a job; another one is started")
def test_a_stopped_worker_hands_its_job_on(
    bench: MarkedBench, hold: Hold, start_worker: StartWorker, promise: Promise, recovery: Recovery, flag: Path,
    workers: Workers,
) -> None:  # fmt: skip
    worker, before = hold(0.4, others=1, ATELIER_CHECKPOINT_S="600")
    recovery.struck()
    worker.send_signal(signal.SIGTERM)
    until(lambda: STOPPING in workers.log(), "the stop")
    flag.unlink()
    assert worker.wait(20) == 0
    handed_back = bench.records.get(before.id)
    assert (handed_back.state, handed_back.attempt) == (JobState.QUEUED, 0)
    start_worker()
    now = again(bench, before, recovery)
    assert now.progress
    assert before.progress
    stopped_at = (before.progress.stage, before.progress.iteration - REBUILT)
    assert (now.progress.stage, now.progress.iteration) > stopped_at, "the stop kept the newest iterate"
    promise.kept()
    assert bench.records.get(before.id).attempt == 1
