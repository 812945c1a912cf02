"""The lease and its heartbeat on a real Redis."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from app.jobs.models import JobState
from app.jobs.records import accepting, redis_keys
from app.jobs.records.errors import LeaseLostError
from app.jobs.records.records import JobRecords
from tests.waiting import until
from tests.worker.conftest import WISH
from worker.job.lease import Lease, holder_name, is_alive

BEAT_S = 0.02


def test_a_held_job_stays_held_however_long_it_takes(records: JobRecords) -> None:
    job = records.claim(accepting.create(records, WISH, 1.0).id, 0.5, "a:1", lambda _: True)
    assert job
    first = records.redis.zscore(redis_keys.RUNNING, job.id)
    with Lease(records, job, 0.5, BEAT_S):
        until(lambda: (records.redis.zscore(redis_keys.RUNNING, job.id) or 0) > (first or 0) + 0.5, "renewals", 10)
        assert records.lapsed() == []
    until(lambda: [each.id for each in records.lapsed()] == [job.id], "the end of the lease", 10)


def test_the_heartbeat_brings_the_wish_to_cancel(records: JobRecords) -> None:
    job = records.claim(accepting.create(records, WISH, 1.0).id, 30, "a:1", lambda _: True)
    assert job
    with Lease(records, job, 30, BEAT_S) as lease:
        assert not lease.is_cancelled
        records.request_cancel(job.id)
        until(lambda: lease.is_cancelled, "the flag", 10)


def test_a_holder_that_was_replaced_learns_it_and_can_tell_nothing_more(records: JobRecords) -> None:
    job = records.claim(accepting.create(records, WISH, 1.0).id, 30, "a:1", lambda _: True)
    assert job
    with Lease(records, job, 30, BEAT_S) as lease:
        newest = records.claim(job.id, 30, "b:1", lambda _: False)
        assert newest
        until(lambda: lease.is_lost, "the loss", 10)
        with pytest.raises(LeaseLostError):
            lease.report({})
    assert records.end(newest, JobState.FINISHED, {}).state is JobState.FINISHED


def test_a_process_that_ended_is_dead_and_one_elsewhere_may_live() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    place = holder_name().rpartition(":")[0]
    assert is_alive(f"{place}:{process.pid}")
    process.communicate()
    assert not is_alive(f"{place}:{process.pid}")
    assert is_alive(f"elsewhere:{process.pid}")
    assert is_alive("")


def test_a_job_held_under_our_own_process_number_is_nobodys() -> None:
    assert holder_name().endswith(f":{os.getpid()}")
    assert not is_alive(holder_name())
