"""Many deaths in a row."""

from __future__ import annotations

import random
import threading

import psutil
import pytest

from app.jobs.models import Job
from tests.bench import CELERY, Workers, kill
from tests.faults.promise import MarkedBench, Promise
from tests.faults.test_worker_deaths import LONG

JOBS, KILLS, AT_WORK = 20, 50, 2
LONGEST_S = 2.5  # from one worker's start to the next one's death


@pytest.mark.slow_fault
@pytest.mark.faults("F2", "kill -9 of one of two workers at a random moment, 50 times in a row, with 20 jobs waiting")
def test_fifty_kills_lose_double_and_swap_no_job(bench: MarkedBench, workers: Workers, promise: Promise) -> None:
    """With more attempts than usual: with three a job, so many kills would, as they should, end some jobs."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)

    def begin() -> psutil.Popen:
        return workers.start(CELERY, wait=False, ATELIER_MAX_ATTEMPTS="100", ATELIER_CHECKPOINT_S="0.2")

    at_work = [begin() for _ in range(AT_WORK)]
    for worker in at_work:
        workers.ready(worker)
    jobs = [bench.job(**LONG) for _ in range(JOBS)]
    hits = 0
    for _ in range(KILLS):
        spare = begin()  # ahead of time: to import torch takes seconds
        pause(chance.uniform(0.1, LONGEST_S))
        victim = at_work.pop(chance.randrange(AT_WORK))
        hits += any(holds(victim, job) for job in bench.records.running())
        kill(victim)
        workers.ready(spare)
        at_work.append(spare)
    done = promise.kept(within_s=300)
    attempts = sorted(job.attempt for job in done)
    print(f"{hits} of {KILLS} kills struck a worker that was painting; attempts {attempts}")
    assert sorted(job.id for job in done) == sorted(job.id for job in jobs)
    assert hits > KILLS / 3, "too many kills struck idle workers"
    assert sum(attempts) > JOBS + hits / 2, "attempts must have been lost"


def holds(worker: psutil.Popen, job: Job) -> bool:
    """Whether a worker's child holds a job."""
    return any(job.holder.endswith(f":{child.pid}") for child in worker.children())


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)
