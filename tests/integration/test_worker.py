"""A job's life with a real worker: painted, stopped, interrupted in every way, and never lost."""

from __future__ import annotations

import io
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
from PIL import Image

from app.jobs.files.recipe import KEYWORD
from app.jobs.files.strips import in_depth
from app.jobs.models import TERMINAL, Cut, Job, JobState, StyleChoice
from app.jobs.records import accepting
from app.jobs.storage import keys
from tests.bench import Bench, Hold, StartWorker, Workers, kill
from tests.waiting import until


def picture(bench: Bench, key: str) -> Image.Image:
    return Image.open(io.BytesIO(bench.storage.get(key)))


def expect_one_finished_artwork(bench: Bench, job: Job) -> Image.Image:
    """The promise: one terminal state, one artwork, under the newest fence."""
    done = bench.ended(job)
    assert done.state is JobState.FINISHED, done.error
    assert bench.artworks(job) == [keys.artwork_key(job.id, done.fence)]
    image = picture(bench, keys.artwork_key(job.id, done.fence))
    assert image.size == (done.artwork_width, done.artwork_height)
    assert max(image.size) == job.request.size
    assert image.info.keys() <= {"dpi", "icc_profile", KEYWORD}, "metadata in the artwork"
    deep = tifffile.imread(io.BytesIO(bench.storage.get(keys.print_key(job.id, done.fence))))
    assert (in_depth(deep, np.uint8) == np.asarray(image)).all()
    return image


def expect_stopped_with_an_artwork(bench: Bench, job: Job) -> None:
    done = bench.ended(job)
    assert done.state is JobState.CANCELLED
    assert done.keeps
    assert picture(bench, keys.artwork_key(job.id, done.fence)).size == (done.artwork_width, done.artwork_height)


def test_a_job_is_painted_with_previews_that_develop(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    job = bench.job()
    image = expect_one_finished_artwork(bench, job)
    done = bench.records.get(job.id)
    assert done.attempt == 1
    assert done.preview >= 3
    previews = [
        bench.storage.get(keys.preview_key(job.id, done.fence, number)) for number in range(1, done.preview + 1)
    ]
    assert len(set(previews)) >= 3
    photo = picture(bench, keys.photo_key(job.request.photo)).resize(image.size)
    assert np.abs(np.asarray(image, int) - np.asarray(photo, int)).mean() > 10
    assert bench.records.workers.speed()


def test_two_paintings_are_blended(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    styles = [StyleChoice(id="strokes", weight=2), StyleChoice(id="starry_night")]
    expect_one_finished_artwork(bench, bench.job(styles=styles))


def test_stopping_a_running_job_keeps_what_is_there(bench: Bench, hold: Hold, flag: Path) -> None:
    _, job = hold(0.05)
    bench.records.request_cancel(job.id)
    flag.unlink()
    expect_stopped_with_an_artwork(bench, job)


def test_a_killed_child_costs_seconds_and_the_job_finishes_once(bench: Bench, hold: Hold, flag: Path) -> None:
    worker, job = hold(0.2, ATELIER_CHECKPOINT_S="0.1")
    flag.with_suffix(".passed").touch()
    assert bench.storage.exists(keys.checkpoint_key(job.id, job.fence))
    (child,) = worker.children()
    child.send_signal(signal.SIGKILL)
    resumed = until(
        lambda: ((now := bench.records.get(job.id)).fence > job.fence and now.progress and now) or None,
        "the next attempt",
    )
    assert resumed.attempt == 2
    expect_one_finished_artwork(bench, job)


def test_a_killed_worker_is_replaced_and_goes_on_from_the_checkpoint(
    bench: Bench, hold: Hold, start_worker: StartWorker
) -> None:
    worker, before = hold(0.3, ATELIER_CHECKPOINT_S="0.1")
    kill(worker)
    start_worker()
    first = until(
        lambda: (
            ((now := bench.records.get(before.id)).fence > before.fence and now.preview_fence == now.fence and now)
            or None
        ),
        "the next attempt's first preview",
    )
    assert first.progress
    assert before.progress
    assert first.progress.fraction > before.progress.fraction - 0.15
    expect_one_finished_artwork(bench, before)


def test_a_worker_that_is_told_to_stop_hands_its_job_back_at_no_cost(
    bench: Bench, hold: Hold, start_worker: StartWorker, flag: Path, workers: Workers
) -> None:
    worker, job = hold(0.1)
    worker.send_signal(signal.SIGTERM)
    until(lambda: "Warm shutdown" in workers.log(), "the stop")
    flag.unlink()
    assert worker.wait(20) == 0
    waiting = bench.records.get(job.id)
    assert waiting.state is JobState.QUEUED
    assert waiting.attempt == 0
    start_worker()
    expect_one_finished_artwork(bench, job)
    assert bench.records.get(job.id).attempt == 1


def test_a_cancel_after_a_crash_keeps_what_the_checkpoint_has(
    bench: Bench, hold: Hold, start_worker: StartWorker
) -> None:
    worker, job = hold(0.2, ATELIER_CHECKPOINT_S="0.1")
    kill(worker)
    assert bench.records.request_cancel(job.id).cancel_requested
    start_worker()
    expect_stopped_with_an_artwork(bench, job)


def test_an_artwork_that_is_done_while_redis_hangs_is_finished_once_it_is_back(
    bench: Bench, hold: Hold, flag: Path
) -> None:
    _, job = hold(0.2, ATELIER_LEASE_S="300")
    server = psutil.Process(int(bench.records.redis.info("server")["process_id"]))
    server.suspend()
    flag.unlink()
    try:
        until(lambda: bench.artworks(job), "the artwork", 90)
    finally:
        server.resume()
    expect_one_finished_artwork(bench, job)
    assert bench.records.get(job.id).attempt == 1


def test_a_wiped_redis_is_rebuilt_and_the_unfinished_finished(
    bench: Bench, hold: Hold, start_worker: StartWorker
) -> None:
    worker, job = hold(0.1)
    kill(worker)
    bench.records.redis.flushall()
    start_worker()
    expect_one_finished_artwork(bench, job)


def test_the_same_hint_twice_paints_once(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    job = bench.job()
    bench.publisher.publish(job.id)
    bench.publisher.publish(job.id)
    expect_one_finished_artwork(bench, job)
    follower = bench.job()
    expect_one_finished_artwork(bench, follower)
    assert bench.records.get(job.id).fence == 1


def test_a_job_that_always_kills_its_worker_fails_with_a_reason(
    bench: Bench, start_spoiled: StartWorker, flag: Path
) -> None:
    worker = start_spoiled("pause_at", FAULT_AT="0.1", ATELIER_MAX_ATTEMPTS="2")
    poison = bench.job()
    for before in range(4):  # two, and others where the first of them was reported further than the one before
        until(lambda: flag.exists() or bench.records.get(poison.id).state in TERMINAL, "the next attempt, or the end")
        if not flag.exists():
            break
        assert bench.records.get(poison.id).attempt == before + 1
        kill_painter(worker, flag)
    done = bench.ended(poison)
    assert done.state is JobState.FAILED
    assert done.error
    assert done.error.code == "worker_lost"
    assert "its process was ended" in done.error.message
    assert {each.cut for each in done.history} == {Cut.KILLED}
    flag.with_suffix(".passed").touch()
    expect_one_finished_artwork(bench, bench.job())


def kill_painter(worker: psutil.Popen, flag: Path) -> None:
    """kill -9 of the painting process, which stands still at the flag."""
    (child,) = worker.children()
    child.kill()
    child.wait(10)
    flag.unlink()


@pytest.fixture
def where(flag: Path) -> Path:
    """The file that says at which share of the work a worker stands still that is spoiled so."""
    return flag.with_suffix(".at")


def test_a_job_that_gets_further_each_time_is_painted_to_its_end(
    bench: Bench, start_spoiled: StartWorker, flag: Path, where: Path
) -> None:
    where.write_text("0.15")
    worker = start_spoiled("pause_where_told", ATELIER_MAX_ATTEMPTS="2", ATELIER_CHECKPOINT_S="0.1")
    job = bench.job(start="grey")
    for share in ("0.4", "0.7", "2"):
        bench.held(job, flag)
        where.write_text(share)
        kill_painter(worker, flag)
    expect_one_finished_artwork(bench, job)
    done = bench.records.get(job.id)
    assert done.attempt == 4
    assert [each.reached for each in done.history] == sorted(each.reached for each in done.history)


def test_a_retry_goes_on_from_the_checkpoint_and_leaves_none_when_it_is_finished(
    bench: Bench, start_spoiled: StartWorker, flag: Path, where: Path
) -> None:
    where.write_text("0.5")
    worker = start_spoiled("pause_where_told", ATELIER_MAX_ATTEMPTS="1", ATELIER_CHECKPOINT_S="0.1")
    job = bench.job(start="grey")
    bench.held(job, flag)
    kill_painter(worker, flag)
    failed = bench.ended(job)
    assert failed.state is JobState.FAILED
    where.write_text("0")
    again = accepting.create(bench.records, failed.request, 1.0, retry_of=job.id)
    first = bench.held(again, flag)
    assert first.progress
    assert first.progress.fraction > 0.3, "it began anew"
    where.write_text("2")
    flag.unlink()
    expect_one_finished_artwork(bench, again)

    def checkpoints() -> list[str]:
        return list(filter(keys.is_checkpoint, bench.storage.list("jobs/")))

    until(lambda: not checkpoints(), "the last checkpoint to go")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [("photo", "photo_gone"), ("damage", "photo_damaged"), ("style", "style_gone"), ("painting", "style_damaged")],
)
def test_a_job_that_cannot_be_painted_says_why(
    bench: Bench, start_worker: StartWorker, tmp_path: Path, spoil: str, code: str
) -> None:
    photo_id = bench.photo()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "strokes.png").write_bytes(b"not a painting")
    own = {"ATELIER_STYLES": str(tmp_path / "own")} if spoil == "painting" else {}
    if spoil == "photo":
        bench.storage.delete_prefix(f"photos/{photo_id}/")
    if spoil == "damage":
        bench.storage.put(keys.photo_key(photo_id), b"not a picture")
    job = bench.job(photo=photo_id, styles=[StyleChoice(id="gone" if spoil == "style" else "strokes")])
    start_worker(**own)
    done = bench.ended(job)
    assert done.state is JobState.FAILED
    assert done.error
    assert done.error.code == code
    assert done.error.message.endswith(".")
    assert done.model_copy(update={"version": 0}) == bench.records.get(job.id).model_copy(update={"version": 0})
