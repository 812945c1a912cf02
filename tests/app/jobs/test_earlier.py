"""What the release before stored is read, listed, counted and swept as what today's stores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis

from app.jobs import series
from app.jobs.housekeeping import orphans, retention
from app.jobs.housekeeping.rounds import Round
from app.jobs.masks import find_mask
from app.jobs.models import Cut, Job, JobState
from app.jobs.records import accepting
from app.jobs.records.errors import PaintingGoneError, PhotoGoneError
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from app.uploads import paintings, photos
from tests import earlier

YEARS_S = 20 * 365 * 24 * 3600.0


@pytest.fixture
def records(connection: redis.Redis, tmp_path: Path) -> JobRecords:
    """Records above what the release before has stored, with a Redis that has forgotten all of it."""
    storage = LocalStorage(tmp_path)
    earlier.store(storage)
    return JobRecords(connection, storage, retention_s=YEARS_S)


def test_a_manifest_is_still_written_as_it_was() -> None:
    job = Job.model_validate_json(earlier.MANIFEST)
    written = job.model_dump(mode="json")
    for style in written["request"]["styles"]:  # all that has come since, and says nothing of this job
        assert (style.pop("part"), style.pop("part_map")) == (None, None)
    assert (written["request"].pop("variety"), written["request"].pop("fidelity")) == (1.0, 1.0)
    assert written == json.loads(earlier.MANIFEST)


def test_manifests_bring_back_what_has_ended_as_it_ended(records: JobRecords) -> None:
    finished, stopped, failed = map(records.get, (earlier.FINISHED, earlier.STOPPED, earlier.FAILED))
    assert finished == Job.model_validate_json(earlier.MANIFEST)
    assert (finished.state, finished.share, finished.artwork_width) == (JobState.FINISHED, earlier.SHARE, 1024)
    assert (stopped.state, stopped.has_artwork, stopped.retried_by) == (JobState.CANCELLED, True, failed.id)
    assert failed.error
    assert (failed.state, failed.error.code, failed.retry_of) == (JobState.FAILED, "worker_lost", stopped.id)
    assert records.get(earlier.EXPIRED).state is JobState.EXPIRED


def test_manifests_and_traces_bring_back_what_waited(records: JobRecords) -> None:
    waiting, recolored = records.get(earlier.WAITING), records.get(earlier.RECOLORED)
    assert (waiting.state, waiting.fence, waiting.preview, waiting.preview_fence) == (JobState.QUEUED, 2, 1, 1)
    assert waiting.paintings == [earlier.PAINTING]
    assert waiting.request.masks() == {"keep": earlier.MASK, "styles.1.mask": earlier.MASK}
    assert (recolored.state, recolored.recolor_of, recolored.paintings) == (JobState.QUEUED, earlier.FINISHED, [])
    assert records.waiting.positions([waiting.id, recolored.id]) == [0, 1]


def test_a_record_is_read_and_its_job_goes_on(records: JobRecords) -> None:
    earlier.remember(records.redis)
    (running,) = records.lapsed()
    assert (running.id, running.holder, running.oom_kills) == (earlier.RUNNING, "old/pid:[4026531836]:12", 3)
    assert (running.progress and running.progress.fraction, running.seconds_per_unit) == (0.25, 0.5)
    assert records.waiting.eta(running) == pytest.approx((0.8 * 0.5 * 3.0, 1.4 * 0.5 * 3.0))
    assert not records.hints.is_sent(running, 30.0)
    taken = records.claim(running.id, 60.0, "a:1", lambda _: True, lambda _: Cut.MEMORY)
    assert taken
    assert (taken.attempt, taken.fence, [each.cut for each in taken.history]) == (2, 2, [Cut.KILLED, Cut.MEMORY])
    assert records.end(taken, JobState.FINISHED, {"artwork_width": 1}).version > running.version


def test_uploads_series_and_shares_are_found(records: JobRecords) -> None:
    storage = records.storage
    photo, painting = photos.find(earlier.PHOTO, storage), paintings.find(f"own_{earlier.PAINTING}", storage)
    mask = find_mask(earlier.PHOTO, earlier.MASK, storage)
    assert photo == photos.StoredPhoto(earlier.PHOTO, 4, 3, is_transparent=True)
    assert painting
    assert (painting.width, painting.height) == (4, 3)
    assert mask
    assert (mask.meant("#fefefe"), len(mask.cover("#ffffff", ["#000000"]))) == ("#ffffff", 1024)
    started = series.find(records, earlier.SERIES)
    assert [job.id for job in series.found(records, started)] == [earlier.WAITING]
    assert storage.get(keys.share_key(earlier.SHARE)).decode() == earlier.FINISHED


def test_bytes_are_counted_for_whom_they_belong_to(records: JobRecords) -> None:
    for job_id in (earlier.FINISHED, *earlier.OTHERS):
        records.get(job_id)
    records.tally.recount()
    there = records.storage.sizes(keys.PHOTOS) | records.storage.sizes(keys.PAINTINGS)
    there |= records.storage.sizes(keys.job_prefix(earlier.FINISHED))
    assert records.tally.usage("client-a").client >= sum(there.values())
    records.redis.flushall()
    records.tally.recount()
    assert records.tally.usage("client-a").client > 0


def test_nothing_of_it_is_taken_for_an_orphan(records: JobRecords) -> None:
    for job_id in (earlier.FINISHED, *earlier.OTHERS):
        records.get(job_id)
    steps = Round()
    assert list(orphans.find(records, steps, older_than_s=-1.0)) == []
    assert steps.failed == []


def test_jobs_without_records_are_brought_back_by_housekeeping(records: JobRecords) -> None:
    orphans.sweep(records, steps := Round(), older_than_s=-1.0)
    assert steps.failed == []
    assert records.waiting.positions([earlier.WAITING, earlier.RUNNING, earlier.RECOLORED]).count(None) == 0
    assert records.storage.list(keys.QUARANTINE) == []


def test_all_goes_with_its_photo_and_its_time(connection: redis.Redis, records: JobRecords) -> None:
    due = JobRecords(connection, records.storage, retention_s=0.0)
    for job_id in (earlier.FINISHED, *earlier.OTHERS):
        due.request_cancel(job_id)
    retention.sweep(due, steps := Round())
    assert steps.failed == []
    left = [name for folder in (*keys.TIDIED, keys.FINGERPRINTS) for name in due.storage.list(folder)]
    assert left == sorted(keys.manifest_key(job_id) for job_id in (earlier.FINISHED, *earlier.OTHERS))
    assert {due.get(job_id).state for job_id in (earlier.FINISHED, *earlier.OTHERS)} == {JobState.EXPIRED}


def test_deletions_that_redis_was_not_told_of_are_settled(records: JobRecords) -> None:
    waiting = records.get(earlier.WAITING)
    for name in (f"deletions/paintings/{earlier.PAINTING}", f"deletions/photos/{earlier.PHOTO}"):
        records.storage.put(name, b"")
    assert retention.is_deleted(records.storage, "photos", earlier.PHOTO)
    retention.settle(records, steps := Round())
    assert steps.failed == []
    assert records.get(waiting.id).state is JobState.EXPIRED
    assert records.storage.list(keys.DELETIONS) == []
    with pytest.raises((PhotoGoneError, PaintingGoneError)):
        accepting.create(records, waiting.request, 1.0)
