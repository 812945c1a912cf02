"""The reaper on a real Redis: what it finds, what it leaves alone, and that nothing stops it."""

from __future__ import annotations

from app.jobs.models import JobState
from app.jobs.records import accepting, redis_keys
from app.jobs.records.hashes import text
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from tests.worker.conftest import WISH, Hints
from worker.job.lease import holder_name
from worker.reconcile import alone, reconcile

LEASE_S = 30.0


def test_a_queued_job_without_a_hint_gets_one_and_only_one(records: JobRecords, hints: Hints) -> None:
    records.hints.publisher = None
    job = accepting.create(records, WISH, 1.0)
    records.hints.publisher = hints  # type: ignore[assignment]
    reconcile(records, records.storage, LEASE_S)
    reconcile(records, records.storage, LEASE_S)
    assert hints.sent == [job.id]


def test_a_hint_that_was_lost_is_sent_again_once_no_hint_is_left(records: JobRecords, hints: Hints) -> None:
    job = accepting.create(records, WISH, 1.0)
    records.redis.lpush("paint", "another job's hint")
    reconcile(records, records.storage, LEASE_S, lost_s=0)
    assert hints.sent == [job.id]
    records.redis.delete("paint")
    reconcile(records, records.storage, LEASE_S, lost_s=0)
    assert hints.sent == [job.id, job.id]


def test_a_job_whose_worker_died_or_whose_lease_ran_out_is_hinted(records: JobRecords, hints: Hints) -> None:
    dead, lapsed, held = (accepting.create(records, WISH, 1.0) for _ in range(3))
    records.claim(dead.id, LEASE_S, holder_name(), lambda _: True)  # our own number: its process is no more
    records.claim(lapsed.id, 0.0005, "elsewhere:1", lambda _: True)
    records.claim(held.id, LEASE_S, "elsewhere:1", lambda _: True)
    hints.sent.clear()
    reconcile(records, records.storage, LEASE_S)
    assert sorted(hints.sent) == sorted([dead.id, lapsed.id])
    reconcile(records, records.storage, LEASE_S)
    assert len(hints.sent) == 2, "the hint is still under way"


def test_a_job_that_was_cancelled_and_that_nobody_takes_is_ended(records: JobRecords, hints: Hints) -> None:
    stopped, wanted = (accepting.create(records, WISH, 1.0) for _ in range(2))
    for job in (stopped, wanted):
        records.claim(job.id, LEASE_S, "elsewhere:1", lambda _: True)
    records.request_cancel(stopped.id)

    def lapsed_for(seconds: float) -> None:
        for job in (stopped, wanted):
            records.redis.zadd(redis_keys.RUNNING, {job.id: records.now() - seconds})

    lapsed_for(LEASE_S / 2)
    reconcile(records, records.storage, LEASE_S)
    assert records.get(stopped.id).state is JobState.RUNNING, "who takes it first keeps what is painted"
    lapsed_for(LEASE_S + 1)
    reconcile(records, records.storage, LEASE_S)
    assert records.get(stopped.id).state is JobState.CANCELLED
    assert records.get(wanted.id).state is JobState.RUNNING


def test_after_a_wipe_jobs_come_back_in_their_order_and_the_ended_stay_ended(records: JobRecords, hints: Hints) -> None:
    reconcile(records, records.storage, LEASE_S)
    waiting = [accepting.create(records, WISH, 1.0) for _ in range(6)]
    records.request_cancel(waiting[2].id)
    records.redis.flushall()
    hints.sent.clear()
    reconcile(records, records.storage, LEASE_S)
    left = [job.id for job in waiting if job is not waiting[2]]
    assert [text(each) for each in records.redis.zrange(redis_keys.QUEUED, 0, -1)] == left
    assert hints.sent == left
    assert records.get(waiting[2].id).state is JobState.CANCELLED


def test_a_record_that_redis_lost_in_a_crash_is_rebuilt_at_its_next_start(records: JobRecords, hints: Hints) -> None:
    reconcile(records, records.storage, LEASE_S)
    job = accepting.create(records, WISH, 1.0)
    records.redis.delete(redis_keys.record(job.id), redis_keys.QUEUED)
    records.redis.set(redis_keys.REBUILT, "the server's start before this one")
    hints.sent.clear()
    reconcile(records, records.storage, LEASE_S)
    assert hints.sent == [job.id]


def test_an_end_that_its_manifest_does_not_say_is_written_down(records: JobRecords) -> None:
    job = records.claim(accepting.create(records, WISH, 1.0).id, LEASE_S, "a:1", lambda _: True)
    assert job
    manifest = records.storage.get(keys.manifest_key(job.id))
    ended = records.end(job, JobState.FINISHED, {})
    records.redis.sadd(redis_keys.ENDING, job.id)  # as the worker left it that died before it wrote the manifest
    records.storage.put(keys.manifest_key(job.id), manifest)
    reconcile(records, records.storage, LEASE_S)
    assert not records.redis.exists(redis_keys.ENDING)
    records.redis.flushall()
    assert records.get(job.id).state is ended.state


def test_what_cannot_be_read_hides_no_other_job(records: JobRecords, hints: Hints) -> None:
    lost = accepting.create(records, WISH, 1.0)
    records.claim(lost.id, 0.0005, "elsewhere:1", lambda _: True)
    records.redis.zadd(redis_keys.RUNNING, {"f" * 32: 0.0, "not an id": 0.0})
    records.storage.put(keys.manifest_key("e" * 32), b"{ half a manifest")
    hints.sent.clear()
    reconcile(records, records.storage, LEASE_S)
    assert hints.sent == [lost.id]


def test_one_worker_at_a_time_looks_and_takes_nobody_elses_turn(records: JobRecords) -> None:
    records.redis.set(redis_keys.REAPER, "another worker")
    with alone(records) as is_mine:
        assert not is_mine
    assert records.redis.get(redis_keys.REAPER) == b"another worker"
    records.redis.delete(redis_keys.REAPER)
    with alone(records) as is_mine, alone(records) as is_also_mine:
        assert (is_mine, is_also_mine) == (True, False)
    assert not records.redis.exists(redis_keys.REAPER)
