"""A photo and its artworks go together: when their time has come, or at once, wherever a deletion was cut off."""

from __future__ import annotations

import json
import secrets
import threading
from pathlib import Path

import pytest
import redis

from app.jobs.housekeeping import retention
from app.jobs.ids import own_style
from app.jobs.models import Job, JobState, PaintRequest, StyleChoice
from app.jobs.records import accepting, redis_keys
from app.jobs.records.errors import JobNotFoundError, LeaseLostError, PaintingGoneError, PhotoGoneError
from app.jobs.records.hashes import text
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage

LONG_S, AT_ONCE_S = 1000.0, 0.0


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path)


@pytest.fixture
def kept(connection: redis.Redis, storage: LocalStorage) -> JobRecords:
    """Records whose photos stay."""
    return JobRecords(connection, storage, retention_s=LONG_S)


@pytest.fixture
def due(connection: redis.Redis, storage: LocalStorage) -> JobRecords:
    """Records of the same jobs whose photos may go at once."""
    return JobRecords(connection, storage, retention_s=AT_ONCE_S)


def photo(storage: LocalStorage, created_at: float = 0.0) -> str:
    photo_id = secrets.token_hex(16)
    storage.put(keys.photo_key(photo_id), b"photo")
    storage.put(keys.photo_meta_key(photo_id), json.dumps({"created_at": created_at}).encode())
    return photo_id


def wish(photo_id: str) -> PaintRequest:
    return PaintRequest(photo=photo_id, styles=[StyleChoice(id="strokes")])


def painted(records: JobRecords, photo_id: str) -> Job:
    """A finished job with all the blobs that one has."""
    job = records.claim(accepting.create(records, wish(photo_id), 1.0).id, LONG_S, "a:1", lambda _: True)
    assert job
    for key in (keys.artwork_key(job.id, job.fence), keys.preview_key(job.id, job.fence, 1)):
        records.storage.put(key, b"pixels")
    return records.end(job, JobState.FINISHED, {})


def left_of(records: JobRecords, *jobs: Job) -> list[str]:
    """Keys of all blobs but the manifests of these jobs."""
    found = [key for folder in ("photos/", "jobs/", "shares/") for key in records.storage.list(folder)]
    return [key for key in found if key not in {keys.manifest_key(job.id) for job in jobs}]


def test_what_is_not_due_stays(kept: JobRecords, storage: LocalStorage) -> None:
    used, fresh = photo(storage), photo(storage, kept.now())
    job = painted(kept, used)
    before = left_of(kept)
    retention.sweep(kept)
    assert left_of(kept) == before
    assert kept.get(job.id).state is JobState.FINISHED
    assert kept.photos.goes_at(used) == pytest.approx((job.finished_at or 0) + LONG_S, abs=1)
    assert kept.photos.goes_at(fresh) == pytest.approx(kept.now() + LONG_S, abs=5)


def test_a_photo_goes_with_all_that_was_made_from_it(due: JobRecords, storage: LocalStorage) -> None:
    photo_id = photo(storage)
    first, second = painted(due, photo_id), painted(due, photo_id)
    retention.sweep(due)
    assert left_of(due, first, second) == []
    assert {due.get(each.id).state for each in (first, second)} == {JobState.EXPIRED}
    with pytest.raises(PhotoGoneError):
        accepting.create(due, wish(photo_id), 1.0)
    retention.sweep(due)
    assert left_of(due, first, second) == []


@pytest.mark.parametrize("is_running", [False, True])
def test_a_photo_stays_as_long_as_a_job_needs_it(due: JobRecords, storage: LocalStorage, is_running: bool) -> None:
    photo_id = photo(storage)
    ended = painted(due, photo_id)
    waiting = accepting.create(due, wish(photo_id), 1.0)
    if is_running:
        due.claim(waiting.id, LONG_S, "a:1", lambda _: True)
    retention.sweep(due)
    assert storage.exists(keys.photo_key(photo_id))
    assert due.get(ended.id).state is JobState.FINISHED
    due.request_cancel(waiting.id)
    if is_running:
        due.end(due.get(waiting.id), JobState.CANCELLED, {})
    retention.sweep(due)
    assert left_of(due, ended, waiting) == []


def test_a_photo_that_no_job_used_goes_too(due: JobRecords, kept: JobRecords, storage: LocalStorage) -> None:
    old = photo(storage)
    unfinished = secrets.token_hex(16)
    storage.put(keys.photo_key(unfinished), b"its upload was cut off")
    retention.sweep(due)
    assert not storage.exists(keys.photo_key(old))
    retention.sweep(due)
    assert left_of(due) == []


def test_deleting_at_once_takes_the_job_from_its_worker(kept: JobRecords, storage: LocalStorage) -> None:
    photo_id = photo(storage)
    held = kept.claim(accepting.create(kept, wish(photo_id), 1.0).id, LONG_S, "a:1", lambda _: True)
    assert held
    retention.delete_photo(kept, photo_id)
    with pytest.raises(LeaseLostError):
        kept.heartbeat(held, LONG_S, {})
    # The worker was about to store something when it lost the job.
    storage.put(keys.artwork_key(held.id, held.fence), b"late")
    with pytest.raises(LeaseLostError):
        kept.end(held, JobState.FINISHED, {})
    retention.sweep(kept)
    assert left_of(kept, held) == []
    retention.delete_photo(kept, photo_id)
    assert kept.get(held.id).state is JobState.EXPIRED


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_deletion_that_was_cut_off_is_finished(kept: JobRecords, storage: LocalStorage, steps: int) -> None:
    photo_id = photo(storage, kept.now())
    jobs = [painted(kept, photo_id) for _ in range(2)]
    kept.photos.retire(photo_id, at_once=True)
    for job in jobs[:steps]:
        kept.expire(job)
    retention.sweep(kept)
    assert left_of(kept, *jobs) == []
    assert {kept.get(job.id).state for job in jobs} == {JobState.EXPIRED}


def test_a_wiped_redis_brings_nothing_back_and_forgets_no_time(due: JobRecords, storage: LocalStorage) -> None:
    expired = painted(due, photo(storage))
    retention.sweep(due)
    ended = painted(due, photo(storage))
    due.redis.flushall()
    assert due.get(expired.id).state is JobState.EXPIRED
    assert due.get(ended.id).state is JobState.FINISHED
    retention.sweep(due)
    assert left_of(due, expired, ended) == []


def test_tombstones_go_in_the_end(due: JobRecords, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    job = painted(due, photo(storage))
    retention.sweep(due)
    monkeypatch.setattr(retention, "TOMBSTONE_S", -1.0)
    retention.sweep(due)
    assert storage.list("jobs/") == []
    with pytest.raises(JobNotFoundError):
        due.get(job.id)


def test_two_sweepers_and_new_jobs_at_the_same_time_lose_nothing(
    due: JobRecords, redis_server: str, storage: LocalStorage
) -> None:
    photos = [photo(storage) for _ in range(20)]
    accepted: list[Job] = []
    stop = threading.Event()

    def sweep_on() -> None:
        with redis.Redis.from_url(redis_server) as connection:
            records = JobRecords(connection, storage, retention_s=AT_ONCE_S)
            while not stop.is_set():
                retention.sweep(records)

    sweepers = [threading.Thread(target=sweep_on) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    for photo_id in photos:
        try:
            accepted.append(accepting.create(due, wish(photo_id), 1.0))
        except PhotoGoneError:
            continue
    stop.set()
    for sweeper in sweepers:
        sweeper.join()
    for job in accepted:
        assert due.get(job.id).state is JobState.QUEUED
        assert storage.exists(keys.photo_key(job.request.photo)), "a job was accepted and its photo deleted"


def painting(storage: LocalStorage, created_at: float = 0.0) -> str:
    painting_id = secrets.token_hex(16)
    for key, content in (
        (keys.painting_key(painting_id), b"painting"),
        (f"{keys.painting_prefix(painting_id)}fingerprint.safetensors", b"measured"),
        (keys.painting_meta_key(painting_id), json.dumps({"created_at": created_at}).encode()),
    ):
        storage.put(key, content)
    return painting_id


def after(photo_id: str, *paintings: str) -> PaintRequest:
    styles = [StyleChoice(id=own_style(each)) for each in paintings]
    return PaintRequest(photo=photo_id, styles=[*styles, StyleChoice(id="strokes")])


@pytest.mark.parametrize("is_running", [False, True])
def test_a_painting_stays_as_long_as_a_job_needs_it(due: JobRecords, storage: LocalStorage, is_running: bool) -> None:
    needed, idle = painting(storage), painting(storage)
    job = accepting.create(due, after(photo(storage), needed), 1.0)
    if is_running:
        due.claim(job.id, LONG_S, "a:1", lambda _: True)
    retention.sweep(due)
    assert len(storage.list(keys.painting_prefix(needed))) == 3
    assert storage.list(keys.painting_prefix(idle)) == []
    due.request_cancel(job.id)
    if is_running:
        due.end(due.get(job.id), JobState.CANCELLED, {})
    retention.sweep(due)
    assert storage.list("paintings/") == []


def test_a_painting_is_kept_for_a_time_after_its_last_job(kept: JobRecords, storage: LocalStorage) -> None:
    first, second = painting(storage), painting(storage)
    job = kept.claim(
        accepting.create(kept, after(photo(storage), first, second), 1.0).id, LONG_S, "a:1", lambda _: True
    )
    assert job
    ended = kept.end(job, JobState.FINISHED, {"artwork_width": 1})
    assert ended.artwork_width == 1, "ids of paintings and fields were mixed up"
    retention.sweep(kept)
    for each in (first, second):
        assert kept.paintings.goes_at(each) == pytest.approx((ended.finished_at or 0) + LONG_S, abs=1)


def test_a_wiped_redis_neither_loses_a_painting_that_is_needed_nor_keeps_one_for_ever(
    due: JobRecords, storage: LocalStorage
) -> None:
    needed, idle, deleted = painting(storage), painting(storage), painting(storage)
    job = accepting.create(due, after(photo(storage), needed), 1.0)
    due.redis.flushall()
    due.get(job.id)
    retention.delete_painting(due, deleted)
    retention.sweep(due)
    assert {key.split("/")[1] for key in storage.list("paintings/")} == {needed}
    assert idle not in due.paintings.kept()
    due.request_cancel(job.id)
    due.redis.flushall()
    due.get(job.id)
    retention.sweep(due)
    assert storage.list("paintings/") == []


def test_no_job_can_be_made_from_a_painting_that_is_deleted(kept: JobRecords, storage: LocalStorage) -> None:
    painting_id, photo_id = painting(storage), photo(storage)
    waiting = accepting.create(kept, after(photo_id, painting_id), 1.0)
    retention.delete_painting(kept, painting_id)
    with pytest.raises(PaintingGoneError):
        accepting.create(kept, after(photo_id, painting_id), 1.0)
    assert storage.list("paintings/") == []
    assert [key for key in storage.list("jobs/") if waiting.id not in key] == []
    # What ends later does not bring it back, nor does a worker that was still measuring it.
    kept.request_cancel(waiting.id)
    assert kept.paintings.kept() == set()
    storage.put(f"{keys.painting_prefix(painting_id)}fingerprint.safetensors", b"late")
    retention.sweep(kept)
    assert storage.list("paintings/") == []


def test_a_paintings_deletion_that_was_cut_off_is_finished(kept: JobRecords, storage: LocalStorage) -> None:
    painting_id = painting(storage)
    kept.paintings.retire(painting_id, at_once=True)
    retention.sweep(kept)
    assert storage.list("paintings/") == []


def test_recolouring_needs_no_painting_any_more(kept: JobRecords, storage: LocalStorage) -> None:
    painting_id, photo_id = painting(storage), photo(storage)
    painted_after = accepting.create(kept, after(photo_id, painting_id), 1.0)
    retention.delete_painting(kept, painting_id)
    again = accepting.create(kept, after(photo_id, painting_id), 0.0, recolor_of=painted_after.id)
    assert kept.get(again.id).recolor_of == painted_after.id


def test_jobs_that_are_accepted_together_each_keep_their_own_paintings(kept: JobRecords, storage: LocalStorage) -> None:
    first, second, third, idle = (painting(storage) for _ in range(4))
    wishes = [wish(photo(storage)), after(photo(storage), first, second), after(photo(storage), third)]
    jobs = accepting.create_all(
        kept, [(each, 1.0) for each in wishes], [secrets.token_hex(16) for _ in wishes], client=""
    )
    for each, users in ((first, {jobs[1].id}), (second, {jobs[1].id}), (third, {jobs[2].id}), (idle, set())):
        assert {text(user) for user in kept.redis.smembers(redis_keys.painting_jobs(each))} == users
    assert kept.paintings.kept() == {first, second, third}
    kept.paintings.retire(third, at_once=True)
    with pytest.raises(PaintingGoneError):
        accepting.create_all(kept, [(each, 1.0) for each in wishes], [secrets.token_hex(16) for _ in wishes], client="")
    assert len({key.split("/")[1] for key in storage.list("jobs/")}) == 3
