"""What the running product leaves for others on the machine to see: nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection, Queue

from app.jobs.ids import ID
from app.jobs.queue import QUEUE, broker_url
from app.process import keep_private
from launcher.rotation import LARGEST_BYTES
from tests import patient
from tests.app import pictures
from tests.bench import Bench, StartWorker, Workers
from tests.conftest import Product
from tests.waiting import until


def seen_by_others(folder: Path) -> list[str]:
    """All below a folder that anybody but its owner may read, list or write, the folder itself included."""
    found = [folder, *folder.rglob("*")]
    return [str(path) for path in found if path.lstat().st_mode & 0o077 and not path.is_symlink()]


def test_nobody_else_sees_what_the_product_keeps(atelier: Product) -> None:
    """Photos, masks, artworks, what Redis holds, logs: all of it after a painting."""
    files = {"photo": ("a.jpg", pictures.landscape())}
    photo = patient.post(f"{atelier.url}/api/v1/photos", files=files).json()["id"]
    wish = {"photo": photo, "styles": [{"id": "strokes"}], "size": 256, "quality": "draft"}
    job = patient.post(f"{atelier.url}/api/v1/jobs", json=wish).json()["id"]
    until(lambda: patient.get(f"{atelier.url}/api/v1/jobs/{job}").json()["status"] == "finished", "the artwork", 120)
    patient.post(f"{atelier.url}/api/v1/jobs/{job}/share")
    names = {path.relative_to(atelier.data).parts[0] for path in atelier.data.rglob("*")}
    assert names >= {"photos", "jobs", "shares", "redis", "logs", "cookie.key", "launcher.lock"}
    assert list(atelier.data.glob("redis/**/*.aof"))
    assert seen_by_others(atelier.data) == []


def test_no_log_of_the_product_has_a_whole_id(atelier: Product) -> None:
    photo = patient.post(f"{atelier.url}/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())}).json()["id"]
    wish = {"photo": photo, "styles": [{"id": "strokes"}], "size": 256, "quality": "draft"}
    job = patient.post(f"{atelier.url}/api/v1/jobs", json=wish).json()["id"]
    until(lambda: patient.get(f"{atelier.url}/api/v1/jobs/{job}").json()["status"] == "finished", "the artwork", 120)
    until(
        lambda: f"job {job[:6]}…: finished" in (atelier.data / "logs" / "worker.log").read_text(), "the worker's word"
    )
    patient.delete(f"{atelier.url}/api/v1/photos/{photo}")
    until(lambda: f"/photos/{photo[:6]}" in (atelier.data / "logs" / "web.log").read_text(), "the web server's word")
    for log in (atelier.data / "logs").iterdir():
        assert ID.findall(log.read_text()) == [], log


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o777])
def test_the_folder_of_an_earlier_version_is_closed(tmp_path: Path, mode: int) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "cookie.key").write_bytes(b"x" * 32)
    data.chmod(mode)
    keep_private(data)
    assert stat.S_IMODE(data.stat().st_mode) == mode & 0o700


def test_a_folder_that_is_not_ours_alone_stays_as_it_is(tmp_path: Path) -> None:
    """Somebody's home, or the system's own folder, were it named by mistake."""
    home, system = tmp_path / "home", tmp_path / "tmp"
    for folder in (home, system):
        folder.mkdir()
    (home / "letter.txt").write_text("dear")
    home.chmod(0o755)
    system.chmod(0o1777)
    for folder in (home, system):
        before = folder.stat().st_mode
        keep_private(folder)
        assert folder.stat().st_mode == before


def test_a_full_log_is_set_aside_and_goes_on(atelier: Product) -> None:
    log = atelier.data / "logs" / "web.log"
    kept = log.with_name("web.log.1")
    with log.open("ab") as file:
        file.write(b"x" * LARGEST_BYTES + b"\n")
    until(lambda: kept.exists() and log.stat().st_size < LARGEST_BYTES, "a new log")
    assert kept.stat().st_size > LARGEST_BYTES
    assert kept.stat().st_mode & 0o077 == 0
    assert patient.get(f"{atelier.url}/not-here").status_code == 404
    until(lambda: "/not-here" in log.read_text(), "the next line")
    assert log.stat().st_size < 100_000


def test_a_worker_that_tells_all_it_does_tells_no_id(bench: Bench, start_worker: StartWorker, workers: Workers) -> None:
    """Celery's own lines at their most talkative, and what it says of messages that are not for it."""
    job, lost = bench.job(), "5" * 32
    with Connection(broker_url(bench.url)) as connection, connection.Producer() as producer:
        for task in ("nobody.knows", None):
            producer.publish(
                [[lost], {}, {}], headers={"task": task, "id": lost, "lang": "py"}, routing_key=QUEUE, exchange="",
                declare=[Queue(QUEUE)],
            )  # fmt: skip
    start_worker(ATELIER_LOG_LEVEL="DEBUG")
    bench.ended(job)
    until(lambda: f"job {job.id[:6]}…: finished" in workers.log(), "the worker's word")
    assert "TaskPool: Apply" in workers.log()
    until(lambda: workers.log().count("555555…") >= 2, "its word on messages that are not for it")
    assert ID.findall(workers.log()) == []


def test_nobody_commands_workers_through_redis(bench: Bench, start_worker: StartWorker) -> None:
    start_worker()
    bench.ended(bench.job())
    asked = Celery(broker=broker_url(bench.url), set_as_current=False)
    try:
        assert asked.control.ping(timeout=3) == []
        asked.control.broadcast("shutdown")
        assert bench.ended(bench.job()).attempt == 1
    finally:
        asked.close()
    assert [key for key in bench.records.redis.keys("*pidbox*") if b"reply" not in key] == []
