"""Redis that dies, forgets, hangs, is full, or is cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.jobs.housekeeping import retention
from app.jobs.housekeeping.rounds import takes
from app.jobs.models import Job, JobState
from app.jobs.queue import QUEUE, Publisher
from app.jobs.storage import keys
from launcher import redis_server as embedded
from tests.bench import Hold, StartWorker, Workers
from tests.faults.disks import fill
from tests.faults.ledger import Recovery
from tests.faults.promise import MarkedBench, Promise
from tests.faults.servers import RedisServer, Web, Wire, wish
from tests.faults.test_worker_deaths import LONG, SLOW
from tests.waiting import until
from worker.reconcile import reconcile

DURABLE = pytest.mark.parametrize("server", [True, False], indirect=True, ids=["append-only file", "nothing kept"])
DROPPED = "another worker has it now; dropped"


@pytest.mark.slow_fault
@DURABLE
@pytest.mark.faults("F5", "kill -9 of Redis while nothing is painted, with and without its append-only file")
def test_a_redis_killed_while_idle_is_found_again(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, recovery: Recovery, server: RedisServer
) -> None:
    worker = start_worker()
    bench.job()
    promise.kept()
    recovery.struck()
    server.kill()
    server.start()
    job = bench.job()
    bench.begun(job)
    recovery.over()
    promise.kept()
    assert worker.is_running()


@pytest.mark.slow_fault
@DURABLE
@pytest.mark.faults("F5", "kill -9 of Redis in the middle of a job, with and without its append-only file")
def test_a_redis_killed_mid_job_costs_no_job(
    bench: MarkedBench, hold: Hold, promise: Promise, recovery: Recovery, server: RedisServer, flag: Path
) -> None:
    _, before = hold(0.2, others=1)
    recovery.struck()
    server.kill()
    server.start()
    flag.unlink()
    goes_on(promise, before, recovery)
    if server.durable:
        assert bench.records.get(before.id).attempt == 1


@pytest.mark.parametrize("server", [pytest.param(True, marks=SLOW), False], indirect=True)
@pytest.mark.faults("F5", "kill -9 of Redis between a job's record and its hint, with and without its append-only file")
def test_a_redis_killed_before_the_hint_costs_no_accepted_job(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, recovery: Recovery, server: RedisServer
) -> None:
    class Interrupted(Publisher):
        def publish(self, job_id: str) -> None:
            recovery.struck()
            server.kill()
            super().publish(job_id)

    start_worker()
    sound, bench.records.hints.publisher = bench.records.hints.publisher, Interrupted(server.url)
    job = bench.job()
    bench.records.hints.publisher.close()
    bench.records.hints.publisher = sound
    server.start()
    bench.begun(job)
    recovery.over()
    promise.kept()


@pytest.mark.slow_fault
@pytest.mark.faults("F5", "FLUSHALL in the middle of a job, with others waiting")
def test_a_wiped_redis_costs_no_job(
    bench: MarkedBench, hold: Hold, promise: Promise, recovery: Recovery, flag: Path
) -> None:
    _, before = hold(0.2, others=3)
    recovery.struck()
    bench.records.redis.flushall()
    flag.unlink()
    goes_on(promise, before, recovery)


@pytest.mark.slow_fault
@pytest.mark.faults("F5", "FLUSHALL after a job was finished")
def test_a_wiped_redis_paints_nothing_again(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, recovery: Recovery
) -> None:
    start_worker()
    done = bench.ended(bench.job())
    recovery.struck()
    bench.records.redis.flushall()
    follower = bench.job()
    bench.begun(follower)
    recovery.over()
    promise.kept()
    assert bench.records.get(done.id).fence == done.fence


@pytest.mark.faults(
    "F5", "a power cut: Redis loses the last seconds, among them that a job was finished; its lease lasts 5 s"
)
def test_a_redis_that_forgot_an_end_does_not_repeat_it(
    bench: MarkedBench, hold: Hold, promise: Promise, recovery: Recovery, server: RedisServer, flag: Path
) -> None:
    # Its child lives, so its lease must run out.
    _, job = hold(0.5, ATELIER_LEASE_S="5", ATELIER_HEARTBEAT_S="1")
    log = newest_log(server)
    kept = log.stat().st_size
    flag.unlink()
    done = bench.ended(job)
    until(lambda: promise.written(job) is done.state, "the manifest")
    recovery.struck()
    server.kill()
    with log.open("rb+") as file:
        file.truncate(kept)
    server.start()
    assert bench.records.get(job.id).state is JobState.RUNNING
    again = bench.ended(job)
    recovery.over()
    assert again.fence == done.fence, "it was painted again"
    assert len(bench.artworks(job)) == 1
    promise.witness.seen.clear()  # what Redis forgot was seen before
    promise.kept()


@pytest.mark.faults(
    "F5", "a power cut that leaves zeros at the end of Redis's file: it is set aside, and all jobs come back"
)
def test_a_damaged_file_of_redis_costs_no_job(tmp_path: Path, data: Path, recovery: Recovery) -> None:
    process, url = embedded.start(tmp_path, tmp_path / "logs")
    bench = MarkedBench(url, data)
    waiting, stopped, deleted = bench.job(), bench.job(), bench.job()
    bench.records.request_cancel(stopped.id)
    retention.delete_photo(bench.records, deleted.request.photo)
    bench.close()
    process.kill()
    with max((tmp_path / "redis").rglob("*.aof"), key=lambda path: path.stat().st_size).open("ab") as file:
        file.write(bytes(4096))
    recovery.struck()
    process, url = embedded.start(tmp_path, tmp_path / "logs")
    bench = MarkedBench(url, data)
    reconcile(bench.records, bench.storage, 30)
    recovery.over()
    states = {job.id: bench.records.get(job.id).state for job in (waiting, stopped, deleted)}
    assert list(states.values()) == [JobState.QUEUED, JobState.CANCELLED, JobState.EXPIRED]
    assert bench.records.redis.llen(QUEUE) == 1
    bench.close()
    process.kill()


@pytest.mark.slow_fault
@pytest.mark.faults("F6", "SIGSTOP of Redis for 12 s in the middle of a job whose lease lasts 3 s; two workers")
def test_a_frozen_redis_costs_no_job(
    bench: MarkedBench,
    start_spoiled: StartWorker,
    promise: Promise,
    recovery: Recovery,
    server: RedisServer,
    flag: Path,
) -> None:
    for _ in range(2):
        start_spoiled("pause_at", FAULT_AT="0.1", ATELIER_LEASE_S="3", ATELIER_HEARTBEAT_S="1")
    job = bench.job(**LONG)
    bench.job()
    before = bench.held(job, flag)
    server.freeze()
    flag.unlink()
    server.thaw_after(12)
    recovery.struck()
    goes_on(promise, before, recovery)


@pytest.mark.slow_fault
@pytest.mark.faults("F6", "SIGSTOP of Redis while the web server is asked: 503 until it goes on")
def test_a_frozen_redis_is_a_503(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, recovery: Recovery, server: RedisServer, web: Web
) -> None:
    web.start()
    mark = bench.new_mark()
    photo = web.upload(mark)
    server.freeze()
    recovery.struck()
    try:
        for answer in (web.ask("POST", "/api/v1/jobs", json=wish(photo)), web.ask("GET", "/readyz")):
            assert answer.status_code == 503, answer.text
        assert web.ask("GET", "/healthz").status_code == 200
    finally:
        server.thaw()
    accepted = web.accepts(photo)
    recovery.over()
    bench.expect(accepted, mark)
    start_worker()
    promise.kept()


class Visitor:
    """Somebody who has a photo here, and asks for jobs while Redis takes nothing."""

    def __init__(self, web: Web, bench: MarkedBench) -> None:
        self.web = web
        self.bench = bench
        web.start()
        self.mark = bench.new_mark()
        self.photo = web.upload(self.mark)

    def is_refused(self) -> bool:
        """Whether a new job is refused, and as it should be."""
        answer = self.web.ask("POST", "/api/v1/jobs", json=wish(self.photo))
        assert answer.status_code in (202, 503), answer.text
        if answer.status_code == 503:
            assert answer.json()["code"] == "queue-unavailable"
            assert int(answer.headers["retry-after"]) > 0
        else:
            self.bench.expect(answer.json()["id"], self.mark)
        return bool(answer.status_code == 503)

    def gets_a_job(self, recovery: Recovery) -> None:
        """Ask until one is accepted, and stop the watch."""
        until(lambda: not self.is_refused(), "a job that is accepted")
        recovery.over()


@pytest.mark.faults("F7", "Redis at its maxmemory in the middle of a job: 503, and the job goes on")
def test_a_redis_without_memory_refuses_politely(
    bench: MarkedBench, hold: Hold, promise: Promise, recovery: Recovery, web: Web, flag: Path
) -> None:
    visitor = Visitor(web, bench)
    _, job = hold(0.1)
    jobs = bench.storage.list("jobs/")
    bench.records.redis.config_set("maxmemory", "1")
    assert visitor.is_refused()
    assert web.ask("GET", f"/api/v1/jobs/{job.id}").status_code == 200
    assert {key.split("/")[1] for key in bench.storage.list("jobs/")} == {key.split("/")[1] for key in jobs}
    bench.records.redis.config_set("maxmemory", "0")
    recovery.struck()
    flag.unlink()
    visitor.gets_a_job(recovery)
    promise.kept()


@pytest.mark.slow_fault
@pytest.mark.parametrize("server", ["small disk"], indirect=True)
@pytest.mark.faults("F7", "Redis on a full disk (MISCONF) in the middle of a job: 503, and the job goes on")
def test_a_redis_on_a_full_disk_refuses_politely(
    bench: MarkedBench, hold: Hold, promise: Promise, recovery: Recovery, web: Web, flag: Path, server: RedisServer
) -> None:
    visitor = Visitor(web, bench)
    _, job = hold(0.1)
    filling = server.folder / "filling"
    fill(filling)
    until(visitor.is_refused, "a full disk that Redis notices", 30)
    assert web.ask("GET", f"/api/v1/jobs/{job.id}").status_code == 200
    filling.unlink()
    recovery.struck()
    flag.unlink()
    visitor.gets_a_job(recovery)
    promise.kept()


@pytest.mark.slow_fault
@pytest.mark.parametrize("server", ["small disk"], indirect=True)
@pytest.mark.faults(
    "F7", "Redis on a full disk (MISCONF) between a job's end and its acknowledgement: the worker takes the next one"
)
def test_a_lost_acknowledgement_makes_no_worker_deaf(
    bench: MarkedBench, start_spoiled: StartWorker, promise: Promise, recovery: Recovery, server: RedisServer,
    workers: Workers, flag: Path,
) -> None:  # fmt: skip
    worker = start_spoiled("pause_before_ack")
    bench.job()
    until(flag.exists, "its end")
    waiting = bench.job()
    filling = server.folder / "filling"
    fill(filling)
    until(lambda: not takes(bench.records.redis), "a full disk that Redis notices", 30)
    flag.unlink()
    until(lambda: "Couldn't ack" in workers.log(), "an acknowledgement in vain")
    filling.unlink()
    recovery.struck()
    bench.begun(waiting)
    recovery.over()
    promise.kept()
    assert worker.is_running()


@pytest.mark.slow_fault
@pytest.mark.faults(
    "F17", "the worker's connection to Redis is cut near the job's end; another worker paints it; the wire is mended"
)
def test_a_late_result_is_rejected(
    bench: MarkedBench, start_spoiled: StartWorker, start_worker: StartWorker, promise: Promise, recovery: Recovery,
    server: RedisServer, flag: Path, workers: Workers,
) -> None:  # fmt: skip
    wire = Wire(server.socket)
    lease = {"ATELIER_LEASE_S": "2", "ATELIER_HEARTBEAT_S": "0.5"}
    try:
        start_spoiled("pause_at", FAULT_AT="0.9", ATELIER_REDIS_URL=wire.url, **lease)
        job = bench.job()
        until(flag.exists, "90 %")
        wire.cut()
        recovery.struck()
        start_worker(**lease)
        done = bench.ended(job)
        recovery.over()
        assert done.fence == 2
        flag.unlink()
        until(lambda: bench.storage.exists(keys.artwork_key(job.id, 1)), "the late artwork", 90)
        wire.mend()
        until(lambda: DROPPED in workers.log(), "its rejection", 90)
        bench.job()
        promise.kept()
        assert bench.records.get(job.id).fence == 2
    finally:
        wire.close()


def newest_log(server: RedisServer) -> Path:
    """The file that is appended to, of the several that the server keeps."""
    return max(server.folder.rglob("*.aof"), key=lambda path: path.stat().st_mtime_ns)


def goes_on(promise: Promise, before: Job, recovery: Recovery) -> None:
    """Wait until progress was told since, and stop the watch; nothing was lost."""

    def is_told_more() -> bool:
        now = promise.bench.records.get(before.id)
        return now.finished_at is not None or (now.version != before.version and now.preview > before.preview)

    until(is_told_more, "progress")
    recovery.over()
    promise.kept()
