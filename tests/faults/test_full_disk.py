"""A full disk under all of the product: uploads are refused, jobs wait, deleting works, and it goes on by itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
import redis

from app.jobs.housekeeping import retention
from app.jobs.housekeeping.rounds import Round
from app.jobs.models import JobState
from app.jobs.records import redis_keys
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from launcher import commands, health
from tests.bench import ROOT, Workers
from tests.conftest import Product, address, close, launch
from tests.faults.disks import fill, small_disk
from tests.faults.ledger import Recovery
from tests.faults.promise import MarkedBench
from tests.faults.servers import RedisServer, Web, free_port, png, wish
from tests.waiting import until
from worker.reconcile import reconcile

REDIS_ON_A_SMALL_DISK = pytest.mark.parametrize("server", ["small disk"], indirect=True)
FULL = Path("/dev/full")


def is_refused(connection: redis.Redis) -> bool:
    """Whether Redis takes no writes any more; each makes its file grow a little."""
    try:
        connection.set("filling", "x" * 1000)
    except redis.ResponseError as error:
        return str(error).startswith("MISCONF")
    return False


def fill_under(server: RedisServer, connection: redis.Redis) -> Path:
    """Fill the disk that Redis writes to, until it says so; the file that fills it."""
    filling = server.folder / "filling"
    fill(filling)
    until(lambda: is_refused(connection), "MISCONF")
    return filling


def answers_again(connection: redis.Redis) -> bool:
    return not is_refused(connection)


@REDIS_ON_A_SMALL_DISK
@pytest.mark.faults(
    "F7", "DELETE of a job, a photo and a painting while Redis is on a full disk (MISCONF): done at once"
)
def test_deleting_works_while_redis_takes_nothing(bench: MarkedBench, server: RedisServer, web: Web) -> None:
    web.start()
    records, storage = bench.records, bench.storage
    photos = [web.upload(bench.new_mark()) for _ in range(3)]
    job, of_photo, other = (web.ask("POST", "/api/v1/jobs", json=wish(photo)).json()["id"] for photo in photos)
    files = {"painting": ("painting.png", png(bench.new_mark()))}
    painting = web.ask("POST", "/api/v1/paintings", files=files).json()["id"]
    for each in (job, of_photo):
        storage.put(keys.preview_key(each, 1, 1), b"preview")
    filling = fill_under(server, records.redis)

    for _ in range(2):
        assert web.ask("DELETE", f"/api/v1/jobs/{job}").status_code == 204
        assert web.ask("DELETE", f"/api/v1/photos/{photos[1]}").status_code == 204
        assert web.ask("DELETE", f"/api/v1/paintings/{painting}").status_code == 204
    for each in (job, of_photo):
        assert web.ask("GET", f"/api/v1/jobs/{each}").status_code == 410
        assert web.ask("GET", f"/jobs/{each}").status_code == 410
        assert storage.list(keys.job_prefix(each)) == [keys.manifest_key(each)]
    assert storage.list(keys.photo_prefix(photos[1])) == storage.list("paintings/") == []
    assert web.ask("GET", f"/api/v1/jobs/{other}").json()["status"] == "queued"
    assert storage.exists(keys.photo_key(photos[2]))

    storage.put(keys.preview_key(job, 1, 2), b"of a worker that did not know")
    with pytest.raises(redis.ResponseError):
        retention.settle(records, Round())
    filling.unlink()
    until(lambda: answers_again(records.redis), "a Redis that takes writes")
    retention.settle(records, steps := Round())
    assert (steps.failed, storage.list("deletions/")) == ([], [])
    for each in (job, of_photo):
        assert records.get(each).state is JobState.EXPIRED
        assert storage.list(keys.job_prefix(each)) == [keys.manifest_key(each)]
    assert records.photos.is_gone(photos[1])
    records.redis.flushall()
    assert records.get(job).state is JobState.EXPIRED, "a wiped Redis brought it back"


@pytest.mark.faults("F8", "DELETE on a full disk (a real, small one) under Redis and photos alike: it makes the room")
def test_deleting_makes_the_room_that_redis_waits_for(tmp_path: Path, own_paintings: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        server = RedisServer(disk / "redis")
        server.start()
        bench = MarkedBench(server.url, disk / "data")
        web = Web(disk / "data", server.url, tmp_path / "web.log", own_paintings)
        web.start()
        photo = web.upload(bench.new_mark())
        job = web.ask("POST", "/api/v1/jobs", json=wish(photo)).json()["id"]
        fill_under(server, bench.records.redis)
        assert web.ask("DELETE", f"/api/v1/photos/{photo}").status_code == 204
        assert web.ask("GET", f"/api/v1/jobs/{job}").status_code == 410
        until(lambda: answers_again(bench.records.redis), "room for Redis, although the disk is filled")
        retention.settle(bench.records, Round())
        assert bench.records.get(job).state is JobState.EXPIRED
        bench.close()
        web.stop()
        server.stop()


@pytest.mark.parametrize("data", ["small disk"], indirect=True)
@pytest.mark.faults(
    "F8", "DELETE of a job on a full disk (a real, small one) with no room for its tombstone: done at once"
)
def test_deleting_needs_no_room(bench: MarkedBench, web: Web) -> None:
    web.start()
    job = web.ask("POST", "/api/v1/jobs", json=wish(web.upload(bench.new_mark()))).json()["id"]
    bench.storage.put(keys.preview_key(job, 1, 1), b"preview")
    filling = bench.storage.root / "filling"
    fill(filling)
    while bench.storage.free_bytes():
        fill(bench.storage.root / "rest")
    assert web.ask("DELETE", f"/api/v1/jobs/{job}").status_code == 204
    assert web.ask("GET", f"/api/v1/jobs/{job}").status_code == 410
    assert bench.storage.list(keys.job_prefix(job)) == [keys.manifest_key(job)]
    filling.unlink()
    reconcile(bench.records, bench.storage, 30)
    bench.records.redis.flushall()
    assert bench.records.get(job).state is JobState.EXPIRED


@REDIS_ON_A_SMALL_DISK
@pytest.mark.faults(
    "F7", "photos whose time comes while Redis is on a full disk (MISCONF) go, but for those that are used"
)
def test_what_is_due_makes_room_while_redis_takes_nothing(bench: MarkedBench, server: RedisServer) -> None:
    due = JobRecords(bench.records.redis, bench.storage, retention_s=-1.0)
    ended, waiting = bench.job(), bench.job()
    due.request_cancel(ended.id)
    due.redis.zadd(redis_keys.PHOTOS, {each.request.photo: 1.0 for each in (ended, waiting)})
    fill_under(server, due.redis)
    retention.make_room(due)
    left = {key.split("/")[1] for key in bench.storage.list("photos/")}
    assert (ended.request.photo in left, waiting.request.photo in left) == (False, True)
    assert retention.is_deleted(bench.storage, "jobs", ended.id)
    assert not retention.is_deleted(bench.storage, "jobs", waiting.id)


@REDIS_ON_A_SMALL_DISK
@pytest.mark.faults(
    "F7", "every kind of request while Redis is on a full disk (MISCONF): a sentence about what was asked"
)
def test_a_refusal_is_about_what_was_asked(bench: MarkedBench, server: RedisServer, web: Web) -> None:
    web.start()
    photo = web.upload(bench.new_mark())
    job = web.ask("POST", "/api/v1/jobs", json=wish(photo)).json()["id"]
    bench.records.workers.saw("somebody", 10**10)
    ready = web.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["room"]) == (200, "ready", True)
    fill_under(server, bench.records.redis)
    for method, path, said in (
        ("POST", "/api/v1/jobs", "nothing was started. Your photo is kept."),
        ("POST", f"/api/v1/jobs/{job}/cancel", "nothing was stopped."),
        ("POST", f"/jobs/{job}/cancel", "nothing was stopped."),
    ):
        answer = web.ask(
            method, path, json=wish(photo) if path.endswith("/jobs") else None, headers={"Origin": web.url}
        )
        assert (answer.status_code, said in answer.text.replace("&#39;", "'")) == (503, True), answer.text
    ready = web.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["room"]) == (503, "not ready", False)
    assert (ready.json()["redis"], ready.json()["worker"]) == (True, True)


@REDIS_ON_A_SMALL_DISK
@pytest.mark.faults(
    "F7", "workers unseen while Redis is on a full disk (MISCONF), for they cannot tell it anything: not taken for dead"
)
def test_who_cannot_say_that_they_are_there_are_not_taken_for_dead(server: RedisServer, web: Web) -> None:
    """The launcher ends a worker that the web server misses for a minute; here there is none at all."""
    web.start()
    assert health.nobody_paints("127.0.0.1", web.port)
    with redis.Redis.from_url(server.url) as connection:
        filling = fill_under(server, connection)
        assert not health.nobody_paints("127.0.0.1", web.port)
        filling.unlink()
        until(lambda: answers_again(connection), "a Redis that takes writes")
    assert health.nobody_paints("127.0.0.1", web.port)


@pytest.fixture
def full() -> Iterator[int]:
    """A file that answers every write as a full disk does."""
    if not FULL.exists():
        pytest.skip(f"this system has no {FULL}")
    with FULL.open("wb") as file:
        yield file.fileno()


@pytest.mark.faults(
    "F8", "a worker and a web server whose logs are on a full disk: they start, work, and end when told"
)
def test_a_log_on_a_full_disk_ends_nothing(
    bench: MarkedBench, server: RedisServer, workers: Workers, web: Web, full: int
) -> None:
    port = free_port()
    parts = [
        psutil.Popen(command, cwd=ROOT, env=web.environment | {"PYTHONUNBUFFERED": "1"}, stdout=full, stderr=full)
        for command in (commands.worker("DEBUG"), commands.web("127.0.0.1", port, "debug"))
    ]
    try:
        job = bench.job()
        assert bench.ended(job).state is JobState.FINISHED
        web.url = f"http://127.0.0.1:{port}"
        assert web.ask("GET", f"/api/v1/jobs/{job.id}").json()["status"] == "finished"
        bench.records.redis.set(redis_keys.RUNNING, "no sorted set")  # so that there is an error to be logged
        assert web.ask("GET", "/api/v1/jobs/" + "0" * 32).status_code == 404
        bench.records.redis.delete(redis_keys.RUNNING)
        assert bench.ended(bench.job()).state is JobState.FINISHED
        for part in parts:
            part.terminate()
        worker, _ = (part.wait(20) for part in parts)
        assert worker == 0
    finally:
        for part in parts:
            if part.is_running():
                part.kill()
            part.wait(20)


@pytest.fixture
def product(tmp_path: Path, own_paintings: Path) -> Iterator[Product]:
    """The whole product on a disk of 16 MB, of which uploads leave 4."""
    with small_disk(tmp_path / "disk", 16) as disk:
        process = launch(disk, ATELIER_STYLES=str(own_paintings), ATELIER_LEAST_FREE_MB="4", ATELIER_HEARTBEAT_S="1")
        try:
            yield Product(address(process), disk, process)
        finally:
            close(process)


@pytest.mark.slow_fault
@pytest.mark.faults("F8", "the disk of the whole product full for two minutes: nothing ends, and all goes on by itself")
def test_a_full_disk_ends_nothing_and_all_goes_on_by_itself(product: Product, recovery: Recovery) -> None:
    filling, rest = product.data / "filling", product.data / "rest"
    bench = MarkedBench(f"unix://{product.data}/redis/redis.sock?db=0", product.data)

    def parts() -> set[int]:
        return {each.pid for each in psutil.Process(product.launcher.pid).children()}

    with httpx2.Client(base_url=product.url, timeout=30) as client:

        def upload() -> httpx2.Response:
            return client.post("/api/v1/photos", files={"photo": ("photo.png", png(bench.new_mark()))})

        def status(job: str) -> str:
            return str(client.get(f"/api/v1/jobs/{job}").json()["status"])

        photos = [upload().json()["id"] for _ in range(3)]
        jobs = [client.post("/api/v1/jobs", json=wish(photo)).json()["id"] for photo in photos]
        until(lambda: status(jobs[0]) != "queued", "a painting")
        before = parts()

        with filling.open("wb") as file:
            file.write(bytes(bench.storage.free_bytes() - 3_000_000))
        refused = upload()
        assert (refused.status_code, refused.json()["code"]) == (507, "storage-full")
        assert "your photo was not kept" in refused.json()["detail"]
        ready = client.get("/readyz").json()
        assert (ready["status"], ready["room"], ready["worker"]) == ("degraded", False, True)

        fill(rest)
        until(lambda: is_refused(bench.records.redis), "MISCONF")
        with pytest.raises(subprocess.TimeoutExpired):
            product.launcher.wait(120)
        assert parts() == before, "a part of the product was ended"
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").json()["room"] is False
        assert upload().status_code == 507

        filling.unlink()
        rest.unlink()
        recovery.struck()
        until(lambda: {status(job) for job in jobs} == {"finished"}, "all jobs' end", 120)
        recovery.over()
        until(lambda: client.get("/readyz").json()["status"] == "ready", "readiness")
        assert upload().status_code == 201
        assert parts() == before
        assert [bench.records.get(job).attempt for job in jobs] == [1, 1, 1]
        bench.close()
