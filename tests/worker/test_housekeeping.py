"""Housekeeping on a real Redis: one bad thing keeps nothing else from being done, and what belongs to nobody goes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import redis
from kombu import Connection
from starlette.testclient import TestClient

from app.jobs.housekeeping import orphans, rounds
from app.jobs.housekeeping.retention import LATE_S
from app.jobs.housekeeping.rounds import Round
from app.jobs.ids import own_style
from app.jobs.models import Job, JobState, Series
from app.jobs.queue import QUEUE, TAKEN, TAKEN_AT, TRIES_QUEUE, Publisher, broker_url
from app.jobs.records import accepting, redis_keys
from app.jobs.records.hashes import text
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from app.main import create_app
from app.settings import Settings
from tests.waiting import until
from tests.worker.conftest import WISH, Hints
from worker import reconcile
from worker.reconcile import Housekeeping
from worker.shell.commands import main

Captured = pytest.CaptureFixture[str]
PHOTO, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def settings(tmp_path: Path, redis_server: str) -> Settings:
    return Settings(data=tmp_path, redis_url=redis_server)


@pytest.fixture
def housekeeping(settings: Settings, records: JobRecords) -> Housekeeping:
    made = Housekeeping(settings, str(settings.redis_url), "tests", 10**9)
    made.records = records  # its hints are looked at instead of sent
    return made


def accept_half(records: JobRecords, photo: str) -> Job:
    """A manifest without a record, as a web server leaves it that is killed while it accepts a series."""
    job = accepting.create(records, WISH.model_copy(update={"photo": photo}), 1.0)
    records.redis.delete(redis_keys.record(job.id), redis_keys.photo_jobs(photo))
    records.redis.zrem(redis_keys.QUEUED, job.id)
    return job


def grow_old(folder: Path) -> None:
    """Two hours, for all that is in it."""
    then = time.time() - 2 * LATE_S
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, (then, then))


def test_a_series_cut_off_whose_photos_went_stops_nothing(
    records: JobRecords, housekeeping: Housekeeping, hints: Hints
) -> None:
    halves = [accept_half(records, PHOTO) for _ in range(5)]
    records.photos.retire(PHOTO, at_once=True)
    waiting, lost = accepting.create(records, WISH, 1.0), accepting.create(records, WISH, 1.0)
    records.claim(lost.id, 0.0005, "elsewhere:1", lambda _: True)
    records.storage.put(keys.photo_meta_key(OTHER), b'{"created_at": 0}')
    records.redis.delete(redis_keys.record(waiting.id), redis_keys.QUEUED)
    records.redis.set(redis_keys.REBUILT, "the server's start before this one")
    hints.sent.clear()
    for _ in range(2):
        housekeeping._swept = float("-inf")
        housekeeping.round()
    assert set(hints.sent) == {waiting.id, lost.id}
    assert not records.storage.exists(keys.photo_meta_key(OTHER)), "nothing was swept"
    assert {records.get(half.id).state for half in halves} == {JobState.EXPIRED}
    assert Job.model_validate_json(records.storage.get(keys.manifest_key(halves[0].id))).state is JobState.EXPIRED
    assert rounds.told(records.redis, records.now()).is_well


def test_a_waiting_job_whose_painting_went_has_failed_when_it_comes_back(records: JobRecords) -> None:
    painting = "c" * 32
    wish = WISH.model_copy(update={"styles": [WISH.styles[0].model_copy(update={"id": own_style(painting)})]})
    job = accepting.create(records, wish, 1.0)
    records.redis.flushall()
    records.paintings.retire(painting, at_once=True)
    again = records.get(job.id)
    assert (again.state, again.error and again.error.code) == (JobState.FAILED, "painting_gone")


def test_what_is_kept_is_counted_anew_once_redis_has_lost_it(records: JobRecords, housekeeping: Housekeeping) -> None:
    client = "e" * 32
    records.storage.put(keys.photo_meta_key(PHOTO), b'{"created_at": 9e9, "client": "%s"}' % client.encode())
    accepting.create(records, WISH.model_copy(update={"photo": PHOTO}), 1.0)
    housekeeping.round()
    before = records.tally.usage(client)
    assert before.client > WISH.most_bytes
    records.redis.flushall()
    assert records.tally.usage(client).client == 0
    housekeeping.round()
    assert records.tally.usage(client) == before


def test_a_round_that_takes_long_hides_no_worker(
    records: JobRecords, housekeeping: Housekeeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is not seen for long counts as dead, and `make run` ends it by force."""
    monkeypatch.setattr(reconcile, "INTERVAL_S", 0.05)
    has_begun, is_over = threading.Event(), threading.Event()

    def slow(_prefix: str) -> list[str]:
        has_begun.set()
        is_over.wait(20)
        return []

    monkeypatch.setattr(records.storage, "list", slow)
    housekeeping.start()
    assert has_begun.wait(20)
    records.redis.delete(redis_keys.WORKERS)
    until(records.workers.is_any, "the worker", 5)
    is_over.set()
    housekeeping.stop()


@pytest.mark.parametrize("damage", [b"{ half a manifest", b"", b"[]", b"\xff\xfe"])
def test_a_manifest_that_cannot_be_read_is_set_aside_and_counted(
    records: JobRecords, housekeeping: Housekeeping, hints: Hints, damage: bytes
) -> None:
    bad, good = accept_half(records, PHOTO), accept_half(records, PHOTO)
    records.storage.put(keys.manifest_key(bad.id), damage)
    hints.sent.clear()
    housekeeping.round()
    assert hints.sent == [good.id]
    assert not records.storage.exists(keys.manifest_key(bad.id))
    assert records.storage.get(f"quarantine/{keys.manifest_key(bad.id)}") == damage
    report = rounds.told(records.redis, records.now())
    assert (report.quarantined, report.is_well) == (1, True)


def test_a_manifest_of_another_job_is_set_aside(records: JobRecords, housekeeping: Housekeeping) -> None:
    job = accepting.create(records, WISH, 1.0)
    copied = keys.manifest_key("d" * 32)
    records.storage.put(copied, records.storage.get(keys.manifest_key(job.id)))
    housekeeping.round()
    assert records.storage.exists(f"quarantine/{copied}")


def test_a_step_that_fails_is_told_and_ends_no_other(
    records: JobRecords, housekeeping: Housekeeping, hints: Hints, settings: Settings
) -> None:
    waiting = accept_half(records, PHOTO)
    records.redis.set(redis_keys.ENDING, "no set")
    hints.sent.clear()
    housekeeping.round()
    assert hints.sent == [waiting.id]
    with TestClient(create_app(settings)) as client:
        records.workers.saw("tests", 1)
        assert client.get("/readyz").json()["housekeeping"] is False
        assert client.get("/readyz").json()["status"] == "degraded"
        records.redis.delete(redis_keys.ENDING)
        counted = dict(line.split() for line in client.get("/metrics").text.splitlines())
        assert int(counted["atelier_housekeeping_failed_rounds_total"]) == 1
        assert counted["atelier_housekeeping_well"] == "0"
        housekeeping.round()
        assert client.get("/readyz").json()["status"] == "ready"


def test_a_housekeeper_that_is_never_seen_again_is_told(records: JobRecords, housekeeping: Housekeeping) -> None:
    housekeeping.round()
    assert rounds.told(records.redis, records.now()).is_well
    assert not rounds.told(records.redis, records.now() + 2 * rounds.OVERDUE_S).is_well


def test_a_redis_that_is_away_is_no_step_that_failed() -> None:
    steps = Round()
    with pytest.raises(redis.ConnectionError), steps.step("ask"):
        raise redis.ConnectionError("away")
    assert steps.failed == []


def test_orphans_of_every_kind_go_when_they_are_old_and_nothing_else_does(records: JobRecords, tmp_path: Path) -> None:
    storage = records.storage
    job = accepting.create(records, WISH, 1.0)
    shared = records.in_redis.change(job, job.state, {"share": "e" * 32})
    assert shared
    storage.put(keys.share_key("e" * 32), job.id.encode())
    storage.put(keys.photo_key(WISH.photo), b"photo")
    series = Series(id="9" * 32, created_at=0, photos=[WISH.photo], jobs=[job.id])
    storage.put(keys.series_key(series.id), series.model_dump_json().encode())
    kept = set(storage.list("jobs/") + storage.list("photos/") + storage.list("shares/") + storage.list("series/"))

    storage.put(keys.share_key("1" * 32), job.id.encode())  # of an earlier share, or one that was cut off
    storage.put(keys.share_key("2" * 32), b"3" * 32)  # of a job that is no more
    storage.put(keys.preview_key("4" * 32, 1, 1), b"preview")  # of a job without a manifest
    storage.put(keys.series_key("5" * 32), b"{")
    back = accept_half(records, WISH.photo)
    (tmp_path / "photos" / PHOTO).mkdir()
    partial = tmp_path / "photos" / OTHER / ".partial-x"
    partial.parent.mkdir()
    partial.write_bytes(b"half")

    def everything() -> set[Path]:
        return set(tmp_path.rglob("*"))

    before = everything()
    orphans.sweep(records, steps := Round())
    assert (everything(), steps.failed) == (before, []), "the young are left alone"
    for folder in ("jobs", "photos", "shares", "series"):
        grow_old(tmp_path / folder)
    for _ in range(2):  # a folder is looked at again once it is empty
        orphans.sweep(records, steps := Round())
        for folder in ("jobs", "photos", "shares", "series"):
            grow_old(tmp_path / folder)
    assert steps.failed == []
    left = {path.relative_to(tmp_path).as_posix() for path in everything() if path.is_file()}
    assert left == kept | {keys.manifest_key(back.id), f"quarantine/{keys.series_key('5' * 32)}"}
    assert not any((tmp_path / "photos" / each).exists() for each in (PHOTO, OTHER))
    assert records.waiting.position(records.get(back.id)) is not None


def test_a_record_that_cannot_be_read_comes_back_from_its_manifest(records: JobRecords, tmp_path: Path) -> None:
    """As when a release wrote it that another cannot read."""
    damaged, whole = accepting.create(records, WISH, 1.0), accepting.create(records, WISH, 1.0)
    records.redis.hset(redis_keys.record(damaged.id), "planned_work", "{")
    orphans.sweep(records, steps := Round())
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it is
        records.get(damaged.id)
    grow_old(tmp_path / "jobs")
    orphans.sweep(records, steps)
    assert steps.failed == []
    assert records.get(damaged.id).planned_work == 1.0
    assert records.waiting.position(records.get(damaged.id)) is not None
    assert records.get(whole.id) == whole


def test_a_series_that_cannot_be_looked_at_keeps_no_other_from_going(
    records: JobRecords, housekeeping: Housekeeping, tmp_path: Path
) -> None:
    bad, over = (Series(id=each * 32, created_at=0, photos=[PHOTO], jobs=["d" * 32]) for each in "12")
    (tmp_path / keys.series_key(bad.id)).mkdir(parents=True)
    for each in (bad, over):
        if each is over:
            records.storage.put(keys.series_key(each.id), each.model_dump_json().encode())
    (tmp_path / keys.series_key(bad.id) / "inside").write_bytes(b"")
    housekeeping.round()
    assert not records.storage.exists(keys.series_key(over.id))
    assert "look at series 111111…" in rounds.told(records.redis, records.now()).failing[0]


def test_what_others_put_into_the_data_folder_is_left_alone_and_stops_nothing(
    records: JobRecords, housekeeping: Housekeeping, hints: Hints, tmp_path: Path
) -> None:
    """As file managers, network drives and people do."""
    waiting = accept_half(records, PHOTO)
    foreign = [
        tmp_path / folder / name
        for folder in ("photos", "paintings", "jobs", "series", "shares", "deletions", f"jobs/{waiting.id}")
        for name in ("Thumbs.db", "read me", "notes", "@eaDir/SYNO@.fileindexdb", "é/è")
    ]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"theirs")
    for folder in ("photos", "paintings", "jobs", "series", "shares", "deletions"):
        grow_old(tmp_path / folder)
    hints.sent.clear()
    housekeeping.round()
    assert hints.sent == [waiting.id]
    assert rounds.told(records.redis, records.now()).failing == []
    assert all(path.exists() for path in foreign)


def test_check_tells_what_is_wrong_and_mends_it(
    records: JobRecords, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("ATELIER_DATA", str(tmp_path))
    monkeypatch.setenv("ATELIER_REDIS_URL", str(settings.redis_url))
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "0 found; 0 in quarantine.\n"
    damaged, lost = accepting.create(records, WISH, 1.0), accept_half(records, PHOTO)
    records.storage.put(keys.manifest_key(damaged.id), b"{")
    records.storage.put(keys.share_key("2" * 32), b"3" * 32)
    (tmp_path / "photos" / OTHER).mkdir(parents=True)
    for folder in ("jobs", "photos", "shares"):
        grow_old(tmp_path / folder)
    for options, status in ((["check"], 1), (["check", "--mend"], 0)):
        assert main(options) == status
        told = capsys.readouterr().out
        assert "a job whose manifest is damaged or missing: jobs/" in told
        assert "a job without a record: jobs/" in told
        assert "a share of nothing: shares/222222…/job" in told
        assert f"cut off: photos/{OTHER[:6]}…" in told
        assert damaged.id not in told
        assert "4 found" in told
    assert main(["check"]) == 0
    assert Job.model_validate_json(records.storage.get(keys.manifest_key(damaged.id))) == records.get(damaged.id)
    assert records.redis.exists(redis_keys.record(lost.id))


def test_check_without_redis_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("ATELIER_DATA", str(tmp_path))
    assert main(["check"]) == 1
    assert "start Atelier" in capsys.readouterr().err
    monkeypatch.setenv("ATELIER_REDIS_URL", "redis://127.0.0.1:1/0")
    assert main(["check"]) == 1
    assert "does not answer" in capsys.readouterr().err


def test_checkpoints_of_finished_jobs_go_and_those_that_a_retry_may_need_stay(
    records: JobRecords, tmp_path: Path
) -> None:
    jobs = {}
    for state in (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED):
        job = records.claim(accepting.create(records, WISH, 1.0).id, 60, "a:1", lambda _: True)
        assert job
        jobs[state] = records.end(job, state, {})
        for fence in (1, 2):
            records.storage.put(keys.checkpoint_key(job.id, fence), b"checkpoint")
    records.storage.put(keys.artwork_key(jobs[JobState.FINISHED].id, 1), b"artwork")
    grow_old(tmp_path / "jobs")
    orphans.sweep(records, steps := Round())
    assert steps.failed == []
    checkpoints = [key for key in records.storage.list("jobs/") if keys.is_checkpoint(key)]
    assert sorted({key.split("/")[1] for key in checkpoints}) == sorted(
        jobs[state].id for state in (JobState.FAILED, JobState.CANCELLED)
    )
    assert len(checkpoints) == 4
    assert records.storage.exists(keys.artwork_key(jobs[JobState.FINISHED].id, 1))


def test_hints_whose_takers_died_go_and_nobody_elses_messages(records: JobRecords, settings: Settings) -> None:
    """As Celery leaves them in Redis that was killed with hints in its hands."""
    url = str(settings.redis_url)
    publisher = Publisher(url)
    ended, running, waiting, fresh = (accepting.create(records, WISH, 1.0) for _ in range(4))
    records.request_cancel(ended.id)
    records.claim(running.id, 60, "elsewhere:1", lambda _: True)
    with Connection(broker_url(url)) as broker:

        def take(send: Callable[[], object], queue: str = QUEUE) -> str:
            send()
            with broker.SimpleQueue(queue) as taker:
                message = taker.get(timeout=10)
                message.channel.qos._delivered.clear()  # or closing would give it back, as a death does not
                return str(message.delivery_tag)

        tags = {job.id: take(partial(publisher.publish, job.id)) for job in (ended, running, waiting, fresh)}
        foreign = take(lambda: broker.SimpleQueue("theirs").put({"any": "thing"}), "theirs")
        assert set(records.redis.hkeys("unacked")) == {each.encode() for each in (*tags.values(), foreign)}
    long_ago = time.time() - 2 * LATE_S
    records.redis.zadd(
        "unacked_index", dict.fromkeys([foreign, *(tags[each.id] for each in (ended, running, waiting))], long_ago)
    )
    orphans.sweep(records, steps := Round())
    assert steps.failed == []
    left = {each.encode() for each in (tags[running.id], tags[fresh.id], foreign)}
    assert set(records.redis.hkeys("unacked")) == set(records.redis.zrange("unacked_index", 0, -1)) == left
    publisher.close()


def test_tries_of_no_photo_are_found_and_removed(records: JobRecords, tmp_path: Path) -> None:
    records.storage.put(keys.try_key(PHOTO, "dusk-1-1"), b"RIFF")
    records.storage.put(keys.try_key(OTHER, "dusk-1-1"), b"RIFF")
    records.storage.put(keys.photo_meta_key(OTHER), b"{}")
    assert list(orphans.find(records, Round())) == [], "they may just be being painted"
    grow_old(tmp_path)
    (found,) = orphans.find(records, Round())
    assert (found.what, found.key) == ("tries of no photo", keys.tries_prefix(PHOTO))
    orphans.sweep(records, Round())
    assert records.storage.list(keys.PHOTOS) == [keys.photo_meta_key(OTHER), keys.try_key(OTHER, "dusk-1-1")]


def test_a_hint_to_tries_whose_worker_died_is_forgotten(
    records: JobRecords, connection: redis.Redis, redis_server: str
) -> None:
    publisher = Publisher(redis_server)
    publisher.publish_tries(PHOTO)
    with Connection(broker_url(redis_server)) as taker:
        assert taker.SimpleQueue(TRIES_QUEUE).get(timeout=5)
        (tag,) = map(text, connection.hkeys(TAKEN))
        connection.zadd(TAKEN_AT, {tag: 1.0})
        orphans.sweep(records, Round())
        assert connection.zcard(TAKEN_AT) == 0
    publisher.close()
