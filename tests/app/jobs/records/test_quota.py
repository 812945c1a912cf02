"""What is kept is counted, on a real Redis: as things come, change and go, and anew from the files."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.jobs import series
from app.jobs.housekeeping import retention
from app.jobs.models import Job, JobState, PaintRequest, Series
from app.jobs.records import accepting, redis_keys
from app.jobs.records.quota import ClientOverQuotaError, OverQuotaError, Quota, Tally, Usage
from app.jobs.records.records import JobRecords
from app.jobs.records.redis_records import Limits
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage

ANN, BEN = "a" * 32, "b" * 32
PHOTO_BYTES, ARTWORK_BYTES = 1000, 5000
SIZE = 256
MOST = 7 * SIZE**2


@pytest.fixture
def records(connection: redis.Redis, tmp_path: Path) -> JobRecords:
    return JobRecords(connection, LocalStorage(tmp_path))


def upload(records: JobRecords, client: str, quota: Quota = Quota()) -> str:
    """A photo of PHOTO_BYTES, with what is known of it."""
    photo_id = secrets.token_hex(16)
    meta = json.dumps({"created_at": 0, "client": client}).encode()
    records.storage.put(keys.photo_meta_key(photo_id), meta)
    records.storage.put(keys.photo_key(photo_id), bytes(PHOTO_BYTES - len(meta)))
    records.tally.add(keys.photo_prefix(photo_id), client, PHOTO_BYTES, quota)
    return photo_id


def wish(photo_id: str, **options: object) -> PaintRequest:
    return PaintRequest.model_validate({"photo": photo_id, "styles": [{"id": "strokes"}], "size": SIZE} | options)


def finish(records: JobRecords, job: Job) -> Job:
    held = records.claim(job.id, 30, "a:1", lambda _: True)
    assert held
    records.storage.put(keys.artwork_key(held.id, held.fence), bytes(ARTWORK_BYTES))
    return records.end(held, JobState.FINISHED, {})


def size_of(records: JobRecords, folder: str) -> int:
    assert isinstance(records.storage, LocalStorage)
    return sum(path.stat().st_size for path in (records.storage.root / folder).rglob("*") if path.is_file())


def test_a_photo_with_its_jobs_counts_for_whom_it_belongs_to_until_it_goes(records: JobRecords) -> None:
    photo_id, other = upload(records, ANN), upload(records, BEN)
    assert records.tally.usage(ANN) == Usage(PHOTO_BYTES, 2 * PHOTO_BYTES)
    job = accepting.create(records, wish(photo_id), 1.0, client=BEN)
    assert records.tally.usage(ANN).client == PHOTO_BYTES + MOST
    job = finish(records, job)
    left = size_of(records, keys.job_prefix(job.id))
    assert left > ARTWORK_BYTES
    assert records.tally.usage(ANN) == Usage(PHOTO_BYTES + left, 2 * PHOTO_BYTES + left)
    retention.delete_job(records, job)
    assert records.tally.usage(ANN) == Usage(PHOTO_BYTES, 2 * PHOTO_BYTES)
    finish(records, accepting.create(records, wish(photo_id), 1.0, client=ANN))
    retention.delete_photo(records, photo_id)
    assert records.tally.usage(ANN) == Usage(0, PHOTO_BYTES)
    retention.delete_photo(records, other)
    assert records.redis.exists(redis_keys.KEPT, redis_keys.USED) == 0, "nothing is left of who has nothing left"


def test_what_goes_by_itself_makes_room(records: JobRecords) -> None:
    photo_id = upload(records, ANN)
    finish(records, accepting.create(records, wish(photo_id), 1.0))
    painting = "d" * 32
    records.storage.put(keys.painting_meta_key(painting), b"{}")
    records.tally.add(keys.painting_prefix(painting), ANN, 500, Quota())
    for each in (records.photos, records.paintings):
        each.retention_s = 0
    records.in_redis.retention_s = 0
    records.redis.zadd(redis_keys.PHOTOS, {photo_id: 0})
    retention.sweep(records)
    retention.sweep(records)
    assert records.tally.usage(ANN) == Usage(0, 0)


def test_a_stopped_job_gives_back_what_it_may_have_taken(records: JobRecords) -> None:
    job = accepting.create(records, wish(upload(records, ANN)), 1.0)
    records.request_cancel(job.id)
    assert records.tally.usage(ANN).client == PHOTO_BYTES + size_of(records, keys.job_prefix(job.id))


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({}, 7 * SIZE**2),
        ({"output_size": 1024}, 7 * 1024**2 + 5 * SIZE**2),
        ({"keep_colors": 1.0}, 12 * SIZE**2),
    ],
)
def test_a_waiting_job_counts_with_what_its_artwork_may_take(
    records: JobRecords, options: dict[str, object], most: int
) -> None:
    accepting.create(records, wish(upload(records, ANN), **options), 1.0)
    assert records.tally.usage(ANN).client == PHOTO_BYTES + most


def test_nothing_is_accepted_beyond_the_quota_by_however_many_at_once(records: JobRecords) -> None:
    quota = Quota(client=5 * PHOTO_BYTES)

    def send(_: int) -> bool:
        try:
            upload(records, ANN, quota)
        except ClientOverQuotaError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(40))) == 5
    assert records.tally.usage(ANN).client == 5 * PHOTO_BYTES
    upload(records, BEN, quota)


def test_in_all_no_more_is_kept_than_may_be_whoever_sends_it(records: JobRecords) -> None:
    quota = Quota(all=2 * PHOTO_BYTES)
    for client in (ANN, BEN):
        upload(records, client, quota)
    with pytest.raises(OverQuotaError) as refused:
        upload(records, "c" * 32, quota)
    assert refused.type is OverQuotaError
    with pytest.raises(OverQuotaError):
        upload(records, "", quota)


@pytest.mark.parametrize("quota", [Quota(client=PHOTO_BYTES + 2 * MOST), Quota(all=PHOTO_BYTES + 2 * MOST)])
def test_jobs_that_may_make_too_much_are_refused_all_of_them(records: JobRecords, quota: Quota) -> None:
    photo_id, limits = upload(records, ANN), Limits(quota=quota)
    accepting.create(records, wish(photo_id), 1.0, client=BEN, limits=limits)
    with pytest.raises(OverQuotaError):
        accepting.create_all(records, [(wish(photo_id), 1.0)] * 2, ["e" * 32, "f" * 32], client=BEN, limits=limits)
    assert records.redis.zcard(redis_keys.QUEUED) == len(records.storage.list("jobs/")) == 1
    same = [accepting.create(records, wish(photo_id), 1.0, job_id="e" * 32, limits=limits).id for _ in range(3)]
    assert same == ["e" * 32] * 3, "what was accepted is asked for again at the limit"
    with pytest.raises(OverQuotaError):
        accepting.create(records, wish(photo_id), 1.0, limits=limits)
    assert records.tally.usage(ANN).client == PHOTO_BYTES + 2 * MOST


def test_a_job_taken_back_counts_no_more(records: JobRecords) -> None:
    job = accepting.create(records, wish(upload(records, ANN)), 1.0)
    accepting.withdraw(records, [job])
    assert records.tally.usage(ANN) == Usage(PHOTO_BYTES, PHOTO_BYTES)


def test_counted_anew_it_is_the_same(records: JobRecords) -> None:
    photos = [upload(records, client) for client in (ANN, BEN, ANN)]
    finish(records, accepting.create(records, wish(photos[0]), 1.0, client=BEN))
    accepting.create(records, wish(photos[1]), 1.0)
    retention.delete_job(records, accepting.create(records, wish(photos[0]), 1.0))
    painting = "d" * 32
    meta = json.dumps({"client": BEN}).encode()
    records.storage.put(keys.painting_meta_key(painting), meta)
    records.tally.add(keys.painting_prefix(painting), BEN, len(meta), Quota())
    before = records.redis.hgetall(redis_keys.USED)
    assert len(before) == 3
    records.tally.recount()
    assert records.redis.hgetall(redis_keys.USED) == before
    records.redis.flushall()
    records.get_all([key.split("/")[1] for key in records.storage.list("jobs/")])
    records.tally.recount()
    assert records.redis.hgetall(redis_keys.USED) == before


def test_counting_anew_puts_right_what_was_missed(records: JobRecords) -> None:
    photo_id, gone = upload(records, ANN), upload(records, ANN)
    records.storage.put(keys.mask_key(photo_id, "0" * 32), bytes(300))
    records.storage.delete_prefix(keys.photo_prefix(gone))
    painted = finish(records, accepting.create(records, wish(photo_id), 1.0))
    records.storage.put(keys.checkpoint_key(painted.id, painted.fence), bytes(700))
    records.tally.recount()
    left = size_of(records, keys.job_prefix(painted.id))
    assert records.tally.usage(ANN) == Usage(PHOTO_BYTES + 300 + left, PHOTO_BYTES + 300 + left)


def test_a_series_counts_for_whom_its_photos_belong_to_until_it_goes(records: JobRecords) -> None:
    photos = [upload(records, ANN), upload(records, ANN)]
    made = Series(id="5" * 32, created_at=0, photos=photos, jobs=["6" * 32, "7" * 32])
    jobs = series.create(records, made, [(wish(each), 1.0) for each in photos], client=BEN, limits=Limits())[1]
    for job in jobs:
        finish(records, job)
    used = size_of(records, "photos") + size_of(records, "jobs") + size_of(records, "series")
    for _ in range(2):
        assert records.tally.usage(ANN) == Usage(used, used)
        assert records.tally.usage(BEN).client == 0
        records.redis.delete(redis_keys.KEPT, redis_keys.USED)
        records.tally.recount()
    for photo in photos:
        retention.delete_photo(records, photo)
    retention.sweep(records)
    assert not records.storage.exists(keys.series_key(made.id))
    assert records.tally.usage(ANN).client == 0


def test_a_series_that_is_refused_counts_no_more(records: JobRecords) -> None:
    photo = upload(records, ANN)
    before = records.tally.usage(ANN)
    made = Series(id="5" * 32, created_at=0, photos=[photo], jobs=["6" * 32])
    with pytest.raises(ClientOverQuotaError):
        series.create(records, made, [(wish(photo), 1.0)], client=ANN, limits=Limits(quota=Quota(client=MOST)))
    assert records.tally.usage(ANN) == before


def test_a_waiting_job_without_its_files_keeps_what_it_may_take(records: JobRecords) -> None:
    job = accepting.create(records, wish(upload(records, ANN)), 1.0)
    records.storage.delete_prefix(keys.job_prefix(job.id))
    records.tally.recount()
    assert records.tally.usage(ANN).client == PHOTO_BYTES + MOST


def test_what_changes_while_all_is_counted_anew_is_left_alone(records: JobRecords) -> None:
    photo_id = upload(records, ANN)

    class ChangesMeanwhile(LocalStorage):
        def sizes(self, prefix: str) -> dict[str, int]:
            found = super().sizes(prefix)
            if prefix == "jobs/":
                records.tally.add(keys.photo_prefix(photo_id), ANN, 300, Quota())
                upload(records, BEN)
            return found

    records.tally.storage = ChangesMeanwhile(records.storage.root)  # type: ignore[attr-defined]
    records.tally.recount()
    assert records.tally.usage(ANN) == Usage(PHOTO_BYTES + 300, 2 * PHOTO_BYTES + 300)
    assert records.tally.usage(BEN).client == PHOTO_BYTES


def test_what_goes_while_redis_is_away_goes_and_is_counted_later(records: JobRecords, tmp_path: Path) -> None:
    job = finish(records, accepting.create(records, wish(upload(records, ANN)), 1.0))
    counting, records.tally = (
        records.tally,
        Tally(
            redis.Redis(unix_socket_path=str(tmp_path / "nobody.sock"), retry=Retry(NoBackoff(), 0)), records.storage
        ),
    )
    retention.delete_photo(records, job.request.photo)
    assert records.storage.list("photos/") == []
    assert records.get(job.id).state is JobState.EXPIRED
    assert counting.usage(ANN).client > 0
    counting.recount()
    assert counting.usage(ANN) == Usage(0, 0)


def test_photos_of_an_earlier_release_are_nobodys_and_count_in_all(records: JobRecords) -> None:
    records.storage.put(keys.photo_meta_key("0" * 32), b'{"created_at": 0}')
    records.storage.put(keys.painting_meta_key("0" * 32), b"[")
    records.storage.put(keys.manifest_key("0" * 32), b"{}")
    records.tally.recount()
    assert records.tally.usage("") == Usage(0, 20)


@pytest.mark.parametrize(
    ("usage", "quota", "left"),
    [
        (Usage(3, 5), Quota(), None),
        (Usage(3, 5), Quota(10, 0), 7),
        (Usage(3, 5), Quota(0, 6), 1),
        (Usage(3, 5), Quota(10, 6), 1),
        (Usage(30, 50), Quota(10, 60), 0),
    ],
)
def test_what_is_left_is_the_least_of_both(usage: Usage, quota: Quota, left: int | None) -> None:
    assert usage.left(quota) == left
