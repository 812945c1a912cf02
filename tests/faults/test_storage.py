"""Storage that is full, read-only, slow, or damaged."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from app.jobs.housekeeping import retention
from app.jobs.models import Job, JobState
from app.jobs.storage import keys
from app.logs import shortened
from tests.bench import ROOT, Hold, StartWorker, Workers, kill
from tests.faults.disks import fill
from tests.faults.ledger import Recovery
from tests.faults.promise import MarkedBench, Promise
from tests.faults.servers import Web, png, wish
from tests.faults.test_worker_deaths import LONG
from tests.waiting import until

WAITING = "painted, and waiting for room"
SMALL_DISK = pytest.mark.parametrize("data", ["small disk"], indirect=True)


def goes_on(promise: Promise, recovery: Recovery, worker: psutil.Popen, failed: Job) -> None:
    """Now that the fault is over, the same worker paints a new job."""
    recovery.struck()
    bench = promise.bench
    job = bench.job()
    until(lambda: bench.records.get(job.id).preview or bench.records.get(job.id).finished_at, "the next job")
    recovery.over()
    assert bench.ended(job).state is JobState.FINISHED
    assert worker.is_running()
    promise.check(failed)


@SMALL_DISK
@pytest.mark.faults(
    "F8", "a full disk (a real, small one) when a photo is uploaded and when a job is made: 507, nothing is left"
)
def test_a_full_disk_refuses_photos_and_jobs(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, recovery: Recovery, web: Web
) -> None:
    web.start()
    mark = bench.new_mark()
    photo = web.upload(mark)
    filling = bench.storage.root / "filling"
    before = set(bench.storage.root.rglob("*"))
    fill(filling)
    refused = web.ask("POST", "/api/v1/photos", files={"photo": ("photo.png", png(bench.new_mark()))})
    assert (refused.status_code, refused.json()["code"]) == (507, "storage-full")
    refused = web.ask("POST", "/api/v1/jobs", json=wish(photo))
    assert (refused.status_code, refused.json()["code"]) == (507, "storage-full")
    filling.unlink()
    recovery.struck()
    assert {path for path in set(bench.storage.root.rglob("*")) - before if path.is_file()} == set()
    accepted = web.accepts(photo)
    recovery.over()
    bench.expect(accepted, mark)
    start_worker()
    promise.kept()


@pytest.mark.slow_fault
@SMALL_DISK
@pytest.mark.faults(
    "F8", "a full disk (a real, small one) for checkpoints and previews, with room again for the artwork"
)
def test_a_disk_that_is_full_for_a_while_costs_nothing(
    bench: MarkedBench, start_spoiled: StartWorker, promise: Promise, recovery: Recovery, flag: Path
) -> None:
    start_spoiled("pause_at", FAULT_AT="0.6")
    job = bench.job(**LONG)
    bench.begun(job)
    fill(bench.storage.root / "filling")
    until(flag.exists, "60 %")
    (bench.storage.root / "filling").unlink()
    recovery.struck()
    flag.unlink()
    before = bench.records.get(job.id)
    until(lambda: (now := bench.records.get(job.id)).preview > before.preview or now.finished_at, "a preview")
    recovery.over()
    promise.kept()
    assert bench.records.get(job.id).attempt == 1


@pytest.mark.slow_fault
@SMALL_DISK
@pytest.mark.faults("F8", "a full disk (a real, small one) when the artwork is stored: the job waits for room")
def test_an_artwork_waits_for_a_disk_that_is_full(
    bench: MarkedBench, start_spoiled: StartWorker, promise: Promise, recovery: Recovery, flag: Path, workers: Workers
) -> None:
    start_spoiled("pause_at", FAULT_AT="0.9")
    job, follower = bench.job(), bench.job()
    until(flag.exists, "90 %")
    filling = bench.storage.root / "filling"
    fill(filling)
    flag.unlink()
    until(lambda: WAITING in workers.log(), "a painting that waits")
    filling.unlink()
    recovery.struck()
    bench.ended(job)
    recovery.over()
    promise.kept()
    assert [bench.records.get(each.id).attempt for each in (job, follower)] == [1, 1]


@pytest.mark.slow_fault
@SMALL_DISK
@pytest.mark.faults(
    "F8", "a painting that waits for room on a full disk (a real, small one) is cancelled; it is deleted"
)
def test_a_painting_that_waits_for_room_can_be_stopped_and_deleted(
    bench: MarkedBench, start_spoiled: StartWorker, promise: Promise, flag: Path, workers: Workers
) -> None:
    def said(job: Job, what: str) -> bool:
        return shortened(f"job {job.id}: {what}") in workers.log()

    start_spoiled("pause_at", FAULT_AT="0.9", ATELIER_HEARTBEAT_S="0.5")
    stopped, deleted, last = bench.job(), bench.job(), bench.job()
    until(flag.exists, "90 %")
    filling = bench.storage.root / "filling"
    fill(filling)
    flag.unlink()
    until(lambda: said(stopped, WAITING), "a painting that waits")
    bench.records.request_cancel(stopped.id)
    done = bench.ended(stopped)
    assert (done.state, done.keeps) == (JobState.CANCELLED, False)
    until(lambda: said(deleted, WAITING), "the next one that waits")
    retention.delete_photo(bench.records, deleted.request.photo)
    until(lambda: said(deleted, "another worker has it now; dropped"), "that it is dropped")
    filling.unlink()
    assert bench.ended(last).state is JobState.FINISHED
    promise.check(bench.records.get(last.id))


@pytest.mark.slow_fault
@SMALL_DISK
@pytest.mark.faults("F8", "an artwork that is larger than all the room there is, on a disk that is not full")
def test_an_artwork_that_never_fits_fails_and_blocks_nobody(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise
) -> None:
    start_worker(ATELIER_LEAST_FREE_MB="1")
    large = bench.ended(bench.job(output_size=2048, styles=[{"id": "strokes"}]))
    assert large.error
    assert large.error.code == "disk_full"
    assert bench.ended(bench.job()).state is JobState.FINISHED


@pytest.mark.faults(
    "F8", "no room for the manifest only, after the artwork was stored: finished, and written down later"
)
def test_no_room_for_the_manifest_is_made_up_for(
    bench: MarkedBench, start_spoiled: StartWorker, promise: Promise, recovery: Recovery, flag: Path
) -> None:
    start_spoiled("refuse_writes", FAULT_KEYS=r"/job\.json$", FAULT_ERRNO="ENOSPC")
    job = bench.job()
    flag.touch()
    done = bench.ended(job)
    assert done.state is JobState.FINISHED
    assert promise.written(job) is JobState.QUEUED
    flag.unlink()
    recovery.struck()
    until(lambda: promise.written(job) is JobState.FINISHED, "the manifest", 20)
    recovery.over()
    promise.kept()


@pytest.mark.slow_fault
@pytest.mark.faults(
    "F9", "storage that turns read-only (EROFS) in the middle of a job: it fails with a sentence; the next is painted"
)
def test_read_only_storage_fails_the_job_and_nothing_else(
    bench: MarkedBench, start_spoiled: StartWorker, promise: Promise, recovery: Recovery, flag: Path
) -> None:
    worker = start_spoiled("refuse_writes", FAULT_KEYS="", FAULT_ERRNO="EROFS")
    job = bench.job(size=1024, quality="best")  # it fails long before its end
    bench.begun(job)
    flag.touch()
    done = bench.ended(job)
    assert done.state is JobState.FAILED
    assert done.error
    assert done.error.message.endswith(".")
    flag.unlink()
    goes_on(promise, recovery, worker, done)


@pytest.mark.slow_fault
@pytest.mark.faults("F9", "storage that takes 0.3 s for every blob")
def test_slow_storage_only_slows(bench: MarkedBench, start_spoiled: StartWorker, promise: Promise) -> None:
    start_spoiled("slow_storage", FAULT_SECONDS="0.3", ATELIER_PREVIEW_S="1", ATELIER_CHECKPOINT_S="2")
    for _ in range(3):
        bench.job()
    assert [job.attempt for job in promise.kept()] == [1, 1, 1]


@pytest.mark.slow_fault
@pytest.mark.faults("F22", "the extractor's weights are cut off in the middle; then they are whole again")
def test_truncated_weights_fail_the_job_with_a_reason(
    bench: MarkedBench, start_spoiled: StartWorker, promise: Promise, recovery: Recovery, tmp_path: Path
) -> None:
    whole = (ROOT / "models" / "compact.safetensors").read_bytes()
    (tmp_path / "models").mkdir()
    weights = tmp_path / "models" / "compact.safetensors"
    weights.write_bytes(whole[: len(whole) // 2])
    worker = start_spoiled("other_models", FAULT_MODELS=str(tmp_path / "models"))
    done = bench.ended(bench.job())
    assert done.state is JobState.FAILED
    assert done.error
    assert done.error.code == "extractor_unavailable"
    weights.write_bytes(whole)
    goes_on(promise, recovery, worker, done)


@pytest.mark.slow_fault
@pytest.mark.faults("F22", "the newest checkpoint and a painting's kept fingerprint are cut off in the middle")
def test_damaged_files_of_ours_are_made_anew(
    bench: MarkedBench, hold: Hold, start_worker: StartWorker, promise: Promise, recovery: Recovery
) -> None:
    worker, job = hold(0.5, ATELIER_CHECKPOINT_S="0.1")
    kill(worker)
    for key in [keys.checkpoint_key(job.id, job.fence), *bench.storage.list("fingerprints/")]:
        bench.storage.put(key, bench.storage.get(key)[:5000])
    recovery.struck()
    start_worker()
    bench.attempt(job, 2)
    recovery.over()
    promise.kept()
