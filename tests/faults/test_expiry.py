"""Pictures whose time comes while somebody is at them."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

import pytest

from app.jobs.models import Job, JobState
from app.jobs.records import redis_keys
from app.jobs.storage import keys
from tests.bench import Hold, StartWorker, Workers
from tests.faults.ledger import Recovery
from tests.faults.promise import MarkedBench, Promise
from tests.faults.servers import Web
from tests.faults.test_redis import DROPPED
from tests.faults.test_worker_deaths import LONG
from tests.waiting import until

READERS = 20


@pytest.mark.slow_fault
@pytest.mark.faults(
    "F21", "a photo and its artwork expire while 20 slow clients download it: each gets all of it, then 410"
)
def test_a_download_under_way_ends_whole(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, web: Web
) -> None:
    web.start()
    start_worker(ATELIER_SWEEP_S="0.2")
    job = bench.ended(bench.job(**LONG))
    promise.check(job)
    whole = bench.storage.get(keys.artwork_key(job.id, job.fence))
    path = f"/api/v1/jobs/{job.id}/artwork.png"
    readers = [slow_reader(web, path) for _ in range(READERS)]
    beginnings = [each.recv(16) for each in readers]
    bench.records.redis.zadd(redis_keys.PHOTOS, {job.request.photo: 0})
    until(lambda: bench.records.get(job.id).state is JobState.EXPIRED and not bench.artworks(job), "its expiry")
    for reader, beginning in zip(readers, beginnings, strict=True):
        with reader:
            assert (beginning + rest_of(reader)).endswith(whole)
    assert web.ask("GET", path).status_code == 410
    bench.marks.pop(job.id)
    bench.job()
    promise.kept()


def slow_reader(web: Web, path: str) -> socket.socket:
    """A client that has asked for a path, and takes little at a time."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    reader.settimeout(30)
    reader.connect(("127.0.0.1", web.port))
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return reader


def rest_of(reader: socket.socket) -> bytes:
    return b"".join(iter(lambda: reader.recv(1 << 16), b""))


@pytest.mark.slow_fault
@pytest.mark.faults("F21", "a photo is deleted while a worker paints it and another job of it waits")
def test_a_deleted_photo_ends_its_jobs_and_leaves_nothing(
    bench: MarkedBench, hold: Hold, promise: Promise, recovery: Recovery, web: Web, workers: Workers, flag: Path
) -> None:
    web.start()
    photo = web.upload(bench.new_mark())
    _, job = hold(0.1, wish={"photo": photo}, ATELIER_SWEEP_S="0.2")
    waiting = bench.job(photo=photo)
    recovery.struck()
    assert web.ask("DELETE", f"/api/v1/photos/{photo}").status_code == 204
    flag.unlink()
    until(lambda: DROPPED in workers.log(), "the painter who lets go")
    follower = bench.job()
    bench.begun(follower)
    recovery.over()
    for each in (job, waiting):
        bench.marks.pop(each.id)
        assert bench.records.get(each.id).state is JobState.EXPIRED
        # What the painter had still written goes with the next sweep.
        until(partial(is_empty_but_for_its_manifest, bench, each), "the last file to be deleted", 20)
    assert bench.storage.list(keys.photo_prefix(photo)) == []
    promise.kept()


def is_empty_but_for_its_manifest(bench: MarkedBench, job: Job) -> bool:
    return left(bench, job) == [keys.manifest_key(job.id)]


def left(bench: MarkedBench, job: Job) -> list[str]:
    return bench.storage.list(keys.job_prefix(job.id))
