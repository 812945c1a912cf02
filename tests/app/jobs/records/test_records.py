"""Job records against a real Redis: every order of events that the table allows, and those it does not."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.jobs.models import TERMINAL, TRANSITIONS, Job, JobError, JobState, PaintRequest, Progress, StyleChoice
from app.jobs.queue import QueueUnavailableError
from app.jobs.records import accepting, redis_keys
from app.jobs.records.errors import JobNotFoundError, LeaseLostError
from app.jobs.records.records import JobRecords
from app.jobs.records.workers import STILL_S
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage

WISH = PaintRequest(photo="0" * 32, styles=[StyleChoice(id="strokes")])
LONG_S = 1000.0


def alive(holder: str) -> bool:
    return True


def dead(holder: str) -> bool:
    return False


@pytest.fixture
def records(connection: redis.Redis, tmp_path: Path) -> JobRecords:
    return JobRecords(connection, LocalStorage(tmp_path))


class JobLife(RuleBasedStateMachine):
    """One job, two workers that may each be late, a person who cancels, a Redis that forgets."""

    url = ""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.redis = redis.Redis.from_url(self.url)
        self.redis.flushall()
        self.records = JobRecords(self.redis, LocalStorage(Path(self.folder.name)))
        self.job = accepting.create(self.records, WISH, 10.0)
        self.holders: list[Job] = []
        self.before = self.job
        self.ended: JobState | None = None

    def teardown(self) -> None:
        self.redis.close()
        self.folder.cleanup()

    @rule(lease=st.sampled_from([0.0005, LONG_S]), crashed=st.booleans())
    def claim(self, lease: float, crashed: bool) -> None:
        held = self.records.claim(self.job.id, lease, "here:1", dead if crashed else alive)
        if held:
            assert held.state is JobState.RUNNING
            assert all(held.fence > other.fence for other in self.holders)
            self.holders.append(held)

    @rule(which=st.integers(0, 3), fraction=st.floats(0, 1))
    def heartbeat(self, which: int, fraction: float) -> None:
        if self.holders:
            holder = self.holders[which % len(self.holders)]
            progress = Progress(stage=0, stages=1, scale=128, iteration=1, iterations=2, fraction=fraction)
            try:
                self.records.heartbeat(holder, LONG_S, {"progress": progress})
                assert holder.fence == max(each.fence for each in self.holders)
            except LeaseLostError:
                pass

    @rule(which=st.integers(0, 3), state=st.sampled_from(sorted(TRANSITIONS[JobState.RUNNING])))
    def end(self, which: int, state: JobState) -> None:
        if self.holders:
            holder = self.holders[which % len(self.holders)]
            fields = {"error": JobError(code="x", message="y")} if state is JobState.FAILED else {}
            before = self.records.get(self.job.id)
            try:
                after = self.records.end(holder, state, fields)
            except LeaseLostError:
                return
            if before.state is not JobState.RUNNING:
                assert after.state is state, "a job ended twice"
                assert after == before, "asking again for what was done changed something"
                return
            assert self.ended is None, "a job ended twice"
            assert holder.fence == max(each.fence for each in self.holders), "a late worker overwrote the newest one"
            self.ended = state if state in TERMINAL else None

    @rule()
    def cancel(self) -> None:
        job = self.records.request_cancel(self.job.id)
        assert job.state in TERMINAL or job.cancel_requested
        if job.state is JobState.CANCELLED and self.ended is None:
            self.ended = JobState.CANCELLED

    @rule()
    def expire(self) -> None:
        assert self.records.expire(self.records.get(self.job.id)).state is JobState.EXPIRED
        self.ended = JobState.EXPIRED

    @rule()
    def note(self) -> None:
        before = self.records.get(self.job.id)
        after = self.records.note(before, {"share": "a" * 32})
        assert (after.share, after.state, after.finished_at) == ("a" * 32, before.state, before.finished_at)

    @rule()
    def redis_forgets(self) -> None:
        self.redis.flushall()
        self.before = self.records.get(self.job.id)
        self.holders = []
        assert self.before.state is (self.ended or JobState.QUEUED)

    @invariant()
    def moves_only_along_the_table(self) -> None:
        job = self.records.get(self.job.id)
        if job.version != self.before.version:
            assert job.version > self.before.version
            assert job.fence >= self.before.fence
        if self.before.state in TERMINAL:
            assert job.state in {self.before.state, JobState.EXPIRED}
        assert (self.redis.zscore(redis_keys.QUEUED, job.id) is not None) == (job.state is JobState.QUEUED)
        assert (self.redis.zscore(redis_keys.RUNNING, job.id) is not None) == (job.state is JobState.RUNNING)
        self.before = job


def test_no_order_of_events_ends_a_job_twice_or_by_a_late_worker(redis_server: str) -> None:
    JobLife.url = redis_server
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    limits = settings(
        max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=checks, database=None
    )
    run_state_machine_as_test(JobLife, settings=limits)


@pytest.mark.parametrize("before", JobState)
@pytest.mark.parametrize("after", JobState)
def test_a_change_outside_the_table_is_refused(records: JobRecords, before: JobState, after: JobState) -> None:
    job = accepting.create(records, WISH, 1.0).model_copy(update={"state": before})
    if after is before or after in TRANSITIONS[before]:
        records.in_redis.change(job, after, {})
    else:
        with pytest.raises(ValueError, match="cannot become"):
            records.in_redis.change(job, after, {})


def test_a_second_claim_steps_back_while_the_lease_lives(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    assert records.claim(job.id, LONG_S, "a:1", alive)
    assert records.claim(job.id, LONG_S, "b:1", alive) is None


def test_a_dead_holders_job_is_taken_over_at_once_and_its_late_result_refused(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    late = records.claim(job.id, LONG_S, "a:1", alive)
    newest = records.claim(job.id, LONG_S, "b:1", dead)
    assert late
    assert newest
    assert (newest.attempt, newest.fence) == (2, 2)
    with pytest.raises(LeaseLostError):
        records.end(late, JobState.FINISHED, {})
    assert records.end(newest, JobState.FINISHED, {}).state is JobState.FINISHED


def test_cancelling_is_at_once_while_queued_and_a_flag_while_running(records: JobRecords) -> None:
    waiting, running = accepting.create(records, WISH, 1.0), accepting.create(records, WISH, 1.0)
    held = records.claim(running.id, LONG_S, "a:1", alive)
    assert held
    assert records.request_cancel(waiting.id).state is JobState.CANCELLED
    assert records.request_cancel(waiting.id).state is JobState.CANCELLED
    assert records.request_cancel(running.id).cancel_requested
    assert records.heartbeat(held, LONG_S, {}).cancel_requested


def test_cancelling_is_at_once_while_nobody_renews_the_lease(records: JobRecords) -> None:
    """Its painter may be stopped for good, and then nobody would ever look at a flag."""
    asked_before, asked_after = (accepting.create(records, WISH, 1.0) for _ in range(2))
    for job in (asked_before, asked_after):
        records.claim(job.id, LONG_S, "elsewhere:1", alive)
    assert records.request_cancel(asked_before.id).state is JobState.RUNNING
    for job in (asked_before, asked_after):
        records.redis.zadd(redis_keys.RUNNING, {job.id: records.now() - 1})
        assert records.request_cancel(job.id).state is JobState.CANCELLED
        assert Job.model_validate_json(records.storage.get(keys.manifest_key(job.id))).state is JobState.CANCELLED


def test_work_moves_while_somebody_takes_jobs_and_renews_leases(records: JobRecords) -> None:
    def pass_by() -> None:
        records.redis.set(redis_keys.MOVED, records.now() - STILL_S - 1)

    assert records.workers.is_moving(), "there is none"
    pass_by()
    assert records.workers.is_moving(), "there is still none"
    job = accepting.create(records, WISH, 1.0)
    assert records.workers.is_moving(), "the first has just begun to wait"
    pass_by()
    assert not records.workers.is_moving()
    accepting.create(records, WISH, 1.0)
    assert not records.workers.is_moving(), "more that wait are no work that is done"
    held = records.claim(job.id, LONG_S, "here:1", alive)
    assert held
    assert records.workers.is_moving()
    pass_by()
    assert not records.workers.is_moving()
    records.request_cancel(job.id)
    assert not records.workers.is_moving(), "a wish is no work either"
    records.heartbeat(held, LONG_S, {})
    assert records.workers.is_moving()
    pass_by()
    records.workers.saw("tests", 1)
    assert not records.workers.is_moving(), "it was there all the time"
    records.workers.saw("tests", 1, has_just_come=True)
    assert records.workers.is_moving()


def test_position_counts_the_jobs_ahead(records: JobRecords) -> None:
    jobs = [accepting.create(records, WISH, 1.0) for _ in range(3)]
    assert [records.waiting.position(job) for job in jobs] == [0, 1, 2]
    records.request_cancel(jobs[0].id)
    assert [records.waiting.position(records.get(job.id)) for job in jobs] == [None, 0, 1]


def test_time_left_adds_up_the_work_ahead_at_the_measured_speed(records: JobRecords) -> None:
    first, second = accepting.create(records, WISH, 10.0), accepting.create(records, WISH, 10.0)
    assert records.waiting.eta(second) is None
    records.workers.measured("compact", 0.5)
    low, high = records.waiting.eta(first) or (0, 0)
    assert low < 10 * 0.5 < high
    low, high = records.waiting.eta(second) or (0, 0)
    assert low < 20 * 0.5 < high


def test_time_left_in_a_long_queue_takes_the_rest_to_be_like_the_nearest(records: JobRecords) -> None:
    jobs = [accepting.create(records, WISH, 10.0) for _ in range(60)]
    held = records.claim(jobs[0].id, LONG_S, "a:1", alive)
    assert held
    half = Progress(stage=0, stages=1, scale=128, iteration=1, iterations=2, fraction=0.5)
    records.heartbeat(held, LONG_S, {"progress": half})
    records.workers.measured("vgg19", 2.0)
    low, high = records.waiting.eta(jobs[-1]) or (0, 0)
    assert (low / 0.8 + high / 1.4) / 2 == pytest.approx((5 + 58 * 10 + 10) * 2.0)


def test_speed_is_known_per_extractor_and_for_whatever_is_used_here(records: JobRecords) -> None:
    assert records.workers.speed() is None
    records.workers.measured("compact", 1.0)
    records.workers.measured("vgg19", 3.0)
    assert records.workers.speed("compact") == 1.0
    assert records.workers.speed("vgg19") == 3.0
    assert 1.0 < (records.workers.speed() or 0) < 3.0


def test_a_job_given_back_keeps_its_place_at_the_front(records: JobRecords) -> None:
    first = accepting.create(records, WISH, 1.0)
    held = records.claim(first.id, LONG_S, "a:1", alive)
    assert held
    second = accepting.create(records, WISH, 1.0)
    given_back = records.end(held, JobState.QUEUED, {"attempt": held.attempt - 1})
    assert (records.waiting.position(given_back), records.waiting.position(second)) == (0, 1)
    assert given_back.attempt == 0


def test_a_wiped_redis_loses_no_ended_and_no_waiting_job(records: JobRecords) -> None:
    waiting, ended = accepting.create(records, WISH, 1.0), accepting.create(records, WISH, 1.0)
    held = records.claim(ended.id, LONG_S, "a:1", alive)
    assert held
    ended = records.end(held, JobState.FINISHED, {"artwork_width": 5, "artwork_height": 4})
    records.redis.flushall()
    assert records.get(ended.id).model_dump(exclude={"version"}) == ended.model_dump(exclude={"version"})
    assert records.get(waiting.id).state is JobState.QUEUED
    with pytest.raises(JobNotFoundError):
        records.get("f" * 32)


def test_a_rebuilt_record_has_a_fence_above_every_one_that_wrote(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    records.storage.put(keys.checkpoint_key(job.id, 7), b"x")
    records.redis.flushall()
    claimed = records.claim(job.id, LONG_S, "a:1", alive)
    assert claimed
    assert claimed.fence > 8, "the eighth may have been given out and not have written yet"


def test_a_rebuilt_record_still_shows_the_newest_preview(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    for fence, number in ((1, 1), (1, 2), (2, 9), (2, 10)):
        records.storage.put(keys.preview_key(job.id, fence, number), b"x")
    records.redis.flushall()
    rebuilt = records.get(job.id)
    assert (rebuilt.preview_fence, rebuilt.preview) == (2, 10)
    assert rebuilt.version > job.version, "a page that knows the old version must not be told that nothing changed"


def test_a_worker_that_slept_through_a_wipe_cannot_end_the_job_of_the_next_one(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    late = records.claim(job.id, LONG_S, "a:1", alive)
    records.redis.flushall()
    newest = records.claim(job.id, LONG_S, "b:1", alive)
    assert late
    assert newest
    with pytest.raises(LeaseLostError):
        records.end(late, JobState.FINISHED, {})
    assert records.get(job.id).state is JobState.RUNNING


def test_an_end_that_is_asked_for_again_is_no_error(records: JobRecords) -> None:
    held = records.claim(accepting.create(records, WISH, 1.0).id, LONG_S, "a:1", alive)
    assert held
    done = records.end(held, JobState.FINISHED, {})
    assert records.end(held, JobState.FINISHED, {}) == done


class HandsBackMeanwhile(JobRecords):
    """A worker hands the job back just between a look at it and the change that follows."""

    held: Job | None = None

    def get(self, job_id: str) -> Job:
        job = super().get(job_id)
        if self.held:
            held, self.held = self.held, None
            self.end(held, JobState.QUEUED, {"attempt": 0, "holder": ""})
        return job


def test_a_cancel_that_races_with_a_job_handed_back_is_not_lost(records: JobRecords) -> None:
    racing = HandsBackMeanwhile(records.redis, records.storage)
    job = accepting.create(records, WISH, 1.0)
    racing.held = records.claim(job.id, LONG_S, "a:1", alive)
    assert racing.request_cancel(job.id).state is JobState.CANCELLED


def test_a_hint_noted_for_a_record_that_is_gone_leaves_no_half_record(records: JobRecords) -> None:
    class WipedMeanwhile:
        def publish(self, job_id: str) -> None:
            records.redis.flushall()

    job = accepting.create(records, WISH, 1.0)
    records.hints.publisher = WipedMeanwhile()  # type: ignore[assignment]
    records.hints.send(job.id)
    assert records.get(job.id).state is JobState.QUEUED


def test_a_job_whose_hint_cannot_be_sent_is_accepted_and_found_by_the_reaper(records: JobRecords) -> None:
    class Away:
        def publish(self, job_id: str) -> None:
            raise QueueUnavailableError("away")

    records.hints.publisher = Away()  # type: ignore[assignment]
    job = accepting.create(records, WISH, 1.0)
    assert records.hints.missing(1000) == [job.id]
