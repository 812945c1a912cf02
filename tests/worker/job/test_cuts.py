"""Attempts that were cut off: what is remembered of them, when there are too many, and how long a job rests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from app.jobs.models import Attempt, Cut, Job, JobState, Progress
from app.jobs.records import accepting, redis_keys
from app.jobs.records.records import PAUSES_S, JobRecords
from app.jobs.storage import keys
from tests.worker.conftest import WISH
from worker.job.cuts import oom_kills, why
from worker.job.lease import holder_name, is_alive

LONG_S = 1000.0


def tried(*reached: float) -> Job:
    """A job whose attempts got so far."""
    history = tuple(Attempt(began_at=0, ended_at=1, reached=each, cut=Cut.KILLED) for each in reached)
    return Job(id="a" * 32, state=JobState.RUNNING, request=WISH, planned_work=1.0, created_at=0, history=history)


def cut(records: JobRecords, job_id: str, fraction: float | None = None) -> Job:
    """Have an attempt at a job cut off by its holder's death, after it told this progress; the next attempt."""
    held = records.get(job_id)
    if held.state is not JobState.RUNNING:
        held = claimed(records, job_id)
    if fraction is not None:
        progress = Progress(stage=0, stages=1, scale=128, iteration=1, iterations=9, fraction=fraction)
        records.heartbeat(held, LONG_S, {"progress": progress})
    return claimed(records, job_id)


def claimed(records: JobRecords, job_id: str) -> Job:
    job = records.claim(job_id, LONG_S, "elsewhere:1", lambda _: False, lambda _: Cut.KILLED)
    assert job
    return job


@pytest.mark.parametrize(
    ("reached", "tries"),
    [
        ((), 0),
        ((0.0,), 1),
        ((0.0, 0.0, 0.0), 3),
        ((0.5, 0.5, 0.5), 3),
        ((0.5, 0.2, 0.4), 3),
        ((0.1, 0.2, 0.3, 0.4), 1),
        ((0.1, 0.3, 0.3, 0.6, 0.6), 2),
        ((0.3, 0.301, 0.302), 3),  # chance
        ((0.3, 0.311, 0.322, 0.333), 2),  # slow, and yet further
    ],
)
def test_only_attempts_that_got_no_further_are_counted(reached: tuple[float, ...], tries: int) -> None:
    assert tried(*reached).tries == tries


def test_the_next_holder_notes_how_far_the_one_before_came_and_what_became_of_it(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    first = claimed(records, job.id)
    second = cut(records, job.id, 0.25)
    third = cut(records, job.id, 0.75)
    assert [each.reached for each in third.history] == [0.25, 0.75]
    assert [each.began_at for each in third.history] == [first.started_at, second.started_at]
    assert all(each.began_at <= each.ended_at <= records.now() for each in third.history)
    assert (third.attempt, third.tries) == (3, 1)
    records.end(third, JobState.FINISHED, {})
    records.redis.flushall()
    assert records.get(job.id).history == third.history, "the manifest has it too"


def test_pauses_grow_and_are_bounded(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    pauses = []
    for _ in range(len(PAUSES_S) + 2):
        held = cut(records, job.id)
        pauses.append(round(held.rests_until - held.history[-1].ended_at, 3))
    assert pauses == [*PAUSES_S, PAUSES_S[-1], PAUSES_S[-1]]
    assert pauses == sorted(pauses)
    assert pauses[-1] <= 60


def test_a_job_that_rests_is_taken_and_hinted_only_after_its_pause(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    cut(records, job.id)
    held = cut(records, job.id)
    resting = records.end(held, JobState.QUEUED, {"holder": ""})
    assert resting.rests_until > records.now()
    assert records.hints.missing(0) == []
    assert records.claim(job.id, LONG_S, "a:1", is_alive) is None
    over = records.now() - 0.001
    records.redis.hset(redis_keys.record(job.id), "rests_until", repr(over))
    assert records.hints.missing(LONG_S) == [job.id], "its last hint was sent before it rested"
    records.hints.send(job.id)
    records.redis.lpush("paint", "its hint")
    assert records.hints.missing(0) == []
    assert records.claim(job.id, LONG_S, "a:1", is_alive)


def test_records_and_manifests_of_earlier_releases_are_read(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    added = ("history", "rests_until", "oom_kills")
    records.redis.hdel(redis_keys.record(job.id), *added)
    assert claimed(records, job.id).history == ()
    written = json.loads(records.storage.get(keys.manifest_key(job.id)))
    for name in added:
        written.pop(name, None)
    records.storage.put(keys.manifest_key(job.id), json.dumps(written).encode())
    records.redis.flushall()
    again = records.get(job.id)
    assert (again.history, again.rests_until, again.tries) == ((), 0.0, 0)


def test_a_holder_that_ended_was_killed_and_one_that_may_live_fell_silent() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    job = tried().model_copy(update={"holder": f"{holder_name().rpartition(':')[0]}:{process.pid}"})
    assert why(job) is Cut.SILENT
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert why(job) is Cut.KILLED
    assert why(job.model_copy(update={"oom_kills": oom_kills()})) is Cut.KILLED
    assert why(job.model_copy(update={"holder": "elsewhere:1"})) is Cut.SILENT


@pytest.mark.skipif(oom_kills() is None, reason="this system does not tell how often memory ran out")
def test_a_holder_that_ended_as_memory_ran_out_was_ended_for_that() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    before = (oom_kills() or 0) - 1
    job = tried().model_copy(update={"holder": f"{holder_name().rpartition(':')[0]}:{process.pid}"})
    assert why(job.model_copy(update={"oom_kills": before})) is Cut.MEMORY
