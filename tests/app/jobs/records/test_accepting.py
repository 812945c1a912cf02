"""How jobs are accepted, on a real Redis: the same one many times at once, at a limit, on a disk that is full."""

from __future__ import annotations

import errno
import secrets
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import redis

from app.jobs import series
from app.jobs.ids import own_style
from app.jobs.models import Job, JobState, PaintRequest, Series, StyleChoice
from app.jobs.records import accepting, redis_keys
from app.jobs.records.errors import ClientBusyError, JobNotFoundError, QueueFullError
from app.jobs.records.hashes import text
from app.jobs.records.records import JobRecords
from app.jobs.records.redis_records import Limits, Terms
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from tests.faults.disks import fill, small_disk

WISH = PaintRequest(photo="0" * 32, styles=[StyleChoice(id="strokes")])
AT_ONCE = 12
PAGE_BYTES = 4096  # what each blob takes of a disk in memory


@pytest.fixture
def records(connection: redis.Redis, tmp_path: Path) -> JobRecords:
    return JobRecords(connection, LocalStorage(tmp_path))


def all_at_once(deed: Callable[[], object]) -> Counter[object]:
    """What many threads get that begin together, or the class of what was raised to them, and how often."""
    together = Barrier(AT_ONCE)

    def do(_: int) -> object:
        together.wait()
        try:
            return deed()
        except Exception as error:
            return type(error)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(do, range(AT_ONCE)))


def written(records: JobRecords, job_id: str) -> Job:
    return Job.model_validate_json(records.storage.get(keys.manifest_key(job_id)))


def state_of(connection: redis.Redis) -> dict[str, Any]:
    """All that Redis knows of jobs: their records, and the sets that name them."""
    names = [text(name) for name in connection.keys(f"{redis_keys.PREFIX}*")]
    return {
        "records": sorted(name for name in names if name.startswith(redis_keys.RECORDS)),
        "queued": connection.zrange(redis_keys.QUEUED, 0, -1),
        "sets": {name: connection.smembers(name) for name in names if connection.type(name) == b"set"},
    }


@pytest.mark.parametrize("room", [0, 1])
def test_one_job_asked_for_at_once_is_accepted_by_all_or_refused_by_all(records: JobRecords, room: int) -> None:
    for _ in range(2):
        accepting.create(records, WISH, 1.0)
    limits = Limits(queue=2 + room)
    for job_id in [secrets.token_hex(16) for _ in range(20)]:
        told = all_at_once(lambda job_id=job_id: accepting.create(records, WISH, 1.0, job_id=job_id, limits=limits).id)  # type: ignore[misc]
        assert told == {job_id if room else QueueFullError: AT_ONCE}
        assert records.redis.zcard(redis_keys.QUEUED) == 2 + room
        assert records.storage.exists(keys.manifest_key(job_id)) == bool(room)
        if room:
            records.request_cancel(job_id)


@pytest.mark.parametrize("room", [1, 2])
def test_one_series_asked_for_at_once_is_accepted_by_all_or_refused_by_all(records: JobRecords, room: int) -> None:
    wanted = Series(id="a" * 32, created_at=0.0, photos=["0" * 32] * 2, jobs=["b" * 32, "c" * 32])

    def ask() -> int:
        limits = Limits(client=room)
        return len(series.create(records, wanted, [(WISH, 1.0), (WISH, 1.0)], client="a", limits=limits)[1])

    accepted = room == 2
    assert all_at_once(ask) == {2 if accepted else ClientBusyError: AT_ONCE}
    assert len(records.storage.list("jobs/")) == records.redis.zcard(redis_keys.QUEUED) == (2 if accepted else 0)
    assert records.storage.exists(keys.series_key(wanted.id)) == accepted


def test_a_series_cut_off_before_its_jobs_were_accepted_is_held_against_the_limits(records: JobRecords) -> None:
    wanted = Series(id="a" * 32, created_at=0.0, photos=["0" * 32] * 2, jobs=["b" * 32, "c" * 32])
    records.storage.put(keys.series_key(wanted.id), wanted.model_dump_json().encode())
    with pytest.raises(ClientBusyError):
        series.create(records, wanted, [(WISH, 1.0), (WISH, 1.0)], client="a", limits=Limits(client=1))
    assert records.redis.zcard(redis_keys.QUEUED) == 0


def test_what_was_accepted_is_the_answer_whatever_the_limits_say_by_now(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0, job_id="a" * 32, client="a", limits=Limits(1, 1))
    assert accepting.create(records, WISH, 1.0, job_id="a" * 32, client="a", limits=Limits(1, 1)).id == job.id
    records.redis.flushall()
    again = accepting.create(records, WISH, 1.0, job_id="a" * 32, client="a", limits=Limits(1, 1))
    assert (again.id, again.created_at) == (job.id, job.created_at), "it was made anew instead of brought back"


def test_what_comes_back_from_its_manifest_counts_against_the_clients_limit(records: JobRecords) -> None:
    jobs = [accepting.create(records, WISH, 1.0, client="a") for _ in range(2)]
    records.redis.flushall()
    records.get_all([job.id for job in jobs])
    with pytest.raises(ClientBusyError):
        accepting.create(records, WISH, 1.0, client="a", limits=Limits(client=2))
    accepting.create(records, WISH, 1.0, client="b", limits=Limits(client=2))
    records.request_cancel(jobs[0].id)
    accepting.create(records, WISH, 1.0, client="a", limits=Limits(client=2))


def test_whoever_asks_for_the_same_is_not_told_yes_before_the_manifest_is_there(records: JobRecords) -> None:
    """As between the record and the manifest of whoever came first, or after a crash there."""
    jobs = [accepting.create(records, WISH, 1.0, job_id=job_id) for job_id in ("a" * 32, "b" * 32)]
    for job in jobs:
        records.storage.delete_prefix(keys.job_prefix(job.id))
    again = accepting.create(records, WISH, 1.0, job_id=jobs[0].id)
    assert again == records.get(jobs[0].id) == written(records, jobs[0].id)
    accepting.create_all(records, [(WISH, 1.0)], [jobs[1].id])
    assert written(records, jobs[1].id) == records.get(jobs[1].id)


def test_a_first_manifest_is_never_written_over_what_the_job_has_become(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    ended = records.request_cancel(job.id)
    records.manifests.write_first(job)
    assert written(records, job.id) == ended


@pytest.mark.parametrize("pages", [0, 2])
def test_a_full_disk_takes_all_of_what_was_asked_for_back(connection: redis.Redis, tmp_path: Path, pages: int) -> None:
    with small_disk(tmp_path / "data") as folder:
        records = JobRecords(connection, LocalStorage(folder))
        painting = "d" * 32
        wish = WISH.model_copy(update={"styles": [StyleChoice(id=own_style(painting))]})
        before = state_of(connection)
        fill(folder / "filling")
        with (folder / "filling").open("r+b") as file:
            file.truncate((folder / "filling").stat().st_size // PAGE_BYTES * PAGE_BYTES - pages * PAGE_BYTES)
        ids = [secrets.token_hex(16) for _ in range(5 if pages else 1)]
        with pytest.raises(OSError, match="No space") as refused:
            accepting.create_all(records, [(wish, 1.0)] * len(ids), ids, client="a")
        assert refused.value.errno == errno.ENOSPC
        assert state_of(connection) == before
        assert records.storage.list("jobs/") == []
        (folder / "filling").unlink()
        accepting.create(records, wish, 1.0, client="a", limits=Limits(1, 1))


def test_a_job_that_was_begun_is_not_taken_back(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    held = records.claim(job.id, 30, "a:1", lambda _: True)
    accepting.withdraw(records, [job])
    assert records.get(job.id) == held


def test_a_job_taken_back_that_another_had_accepted_meanwhile_comes_back(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0, job_id="a" * 32)
    accepting.withdraw(records, [job])
    claimed = records.claim(job.id, 30, "a:1", lambda _: True)
    assert claimed
    assert claimed.created_at == job.created_at


def test_a_record_of_which_nobody_was_told_is_nothing_once_redis_has_lost_it(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    records.storage.delete_prefix(keys.job_prefix(job.id))
    records.redis.flushall()
    with pytest.raises(JobNotFoundError):
        records.get(job.id)


def test_of_two_who_write_a_manifest_the_newest_version_stays_whoever_is_last(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    records.request_cancel(job.id)
    earlier = records.in_redis.change(records.get(job.id), JobState.CANCELLED, {"share": "a" * 32})
    assert earlier
    records.note(earlier, {"retried_by": "b" * 32})
    records.manifests.write(earlier)
    assert written(records, job.id) == records.get(job.id)
    assert (written(records, job.id).share, written(records, job.id).retried_by) == ("a" * 32, "b" * 32)


def test_a_change_may_ask_that_nothing_else_has_changed(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    changed = records.in_redis.change(job, job.state, {"share": "a" * 32}, Terms(is_exact=True))
    assert changed
    assert records.in_redis.change(job, job.state, {"share": "b" * 32}, Terms(is_exact=True)) is None
    assert records.get(job.id) == changed
    assert records.in_redis.change(changed, job.state, {"share": "b" * 32}, Terms(is_exact=True))


def test_a_record_without_a_version_takes_such_a_change_too(records: JobRecords) -> None:
    job = accepting.create(records, WISH, 1.0)
    records.redis.hdel(redis_keys.record(job.id), "version")
    assert records.in_redis.change(records.get(job.id), job.state, {"share": "a" * 32}, Terms(is_exact=True))


def test_a_blob_is_written_although_its_empty_folder_is_removed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, make, removed = LocalStorage(tmp_path), tempfile.mkstemp, 0

    def removed_first(dir: Path, **how: Any) -> Any:
        nonlocal removed
        if removed < 3:
            removed += 1
            dir.rmdir()
        return make(dir=dir, **how)

    monkeypatch.setattr(tempfile, "mkstemp", removed_first)
    storage.put("a/b", b"x")
    assert (removed, storage.get("a/b")) == (3, b"x")
