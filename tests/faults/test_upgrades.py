"""Old and new releases at work side by side: messages, records and manifests of another one."""

from __future__ import annotations

import json

import pytest

from app.jobs.models import Cut, Job
from app.jobs.queue import QUEUE, TASK
from app.jobs.records import redis_keys
from app.jobs.records.hashes import text
from app.jobs.storage import keys
from tests import earlier
from tests.bench import StartWorker
from tests.faults.ledger import Recovery
from tests.faults.marks import draw
from tests.faults.promise import MarkedBench, Promise
from tests.stored import encoded
from tests.waiting import until

# What the first release wrote of a job that waits; all that came later must have defaults.
FIRST_RECORD = {"id", "state", "request", "planned_work", "created_at", "attempt", "fence", "version", "sequence",
                "holder", "preview", "preview_fence", "cancel_requested", "keeps"}  # fmt: skip
FIRST_REQUEST = {
    "photo",
    "styles",
    "size",
    "strength",
    "brush",
    "smoothing",
    "seed",
    "keep_colors",
    "quality",
    "extractor",
}


def as_first_written(job: Job) -> dict[str, object]:
    """A job as the first release wrote it."""
    fields = {name: value for name, value in job.model_dump(mode="json").items() if name in FIRST_RECORD}
    fields["request"] = {name: value for name, value in fields["request"].items() if name in FIRST_REQUEST}
    return fields


@pytest.mark.faults("F19", "a waiting job whose record and manifest are of the first release")
def test_an_old_record_is_painted(bench: MarkedBench, start_worker: StartWorker, promise: Promise) -> None:
    job = bench.job()
    old = as_first_written(job)
    record = redis_keys.record(job.id)
    bench.storage.put(keys.manifest_key(job.id), json.dumps(old).encode())
    for name in bench.records.redis.hkeys(record):
        if text(name) not in {*FIRST_RECORD, "published_at"}:
            bench.records.redis.hdel(record, name)
    bench.records.redis.hset(record, "request", json.dumps(old["request"]))
    start_worker()
    promise.kept()


@pytest.mark.faults("F19", "a running job of the release before, whose worker is gone: its record, manifest, blobs")
def test_a_job_of_the_release_before_is_painted_on(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise
) -> None:
    earlier.store(bench.storage)
    earlier.remember(bench.records.redis)
    mark = bench.new_mark()
    bench.storage.put(f"photos/{earlier.PHOTO}/photo.jpg", encoded(draw(mark), "JPEG", quality=95))
    for job_id in (earlier.WAITING, earlier.RECOLORED):  # of pictures that are none
        bench.records.request_cancel(job_id)
    bench.expect(earlier.RUNNING, mark)
    start_worker()
    (done,) = promise.kept()
    assert (done.attempt, [each.cut for each in done.history]) == (2, [Cut.KILLED, Cut.SILENT])
    folder = keys.job_prefix(done.id)
    until(lambda: not any(map(keys.is_checkpoint, bench.storage.list(folder))), "the end of all its checkpoints")


@pytest.mark.slow_fault
@pytest.mark.faults("F19", "FLUSHALL, and manifests of the first release: one that waits, one that is finished")
def test_old_manifests_bring_their_jobs_back(bench: MarkedBench, start_worker: StartWorker, promise: Promise) -> None:
    start_worker()
    done = bench.ended(bench.job())
    promise.kept()
    waiting = bench.records.get(bench.job().id)
    bench.records.request_cancel(waiting.id)
    bench.records.redis.flushall()
    for job in (waiting, done):
        known = as_first_written(job) | {
            name: value
            for name, value in job.model_dump(mode="json").items()
            if name in {"started_at", "finished_at", "artwork_width", "artwork_height"} and value is not None
        }
        bench.storage.put(keys.manifest_key(job.id), json.dumps(known).encode())
    assert bench.records.get(done.id).finished_at == done.finished_at
    promise.witness.seen.clear()  # the second was cancelled only to keep the worker from it
    promise.kept()
    assert bench.records.get(done.id).fence == done.fence


@pytest.mark.slow_fault
@pytest.mark.faults("F19", "hints as no release of ours sends them: one argument too many, none, another task, no JSON")
def test_odd_hints_stop_nobody(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, recovery: Recovery
) -> None:
    worker = start_worker()
    publisher, bench.records.hints.publisher = bench.records.hints.publisher, None
    job = bench.job()
    bench.records.hints.publisher = publisher
    assert publisher
    recovery.struck()
    celery = publisher._celery
    celery.send_task(TASK, args=[job.id], kwargs={"hue": 1}, queue=QUEUE)
    celery.send_task(TASK, args=[], queue=QUEUE)
    celery.send_task(TASK, args=["not an id"], queue=QUEUE)
    celery.send_task(TASK, args=["0" * 32], queue=QUEUE)
    celery.send_task("worker.sculpt", args=[job.id], queue=QUEUE)
    bench.begun(job)
    recovery.over()
    bench.job()
    promise.kept()
    assert worker.is_running()
