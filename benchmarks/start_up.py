"""How long the product takes to start: until the page is open, and until a worker paints.

Modules are counted in processor time, which depends less on what else the machine does.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import redis
from PIL import Image

from app.jobs.models import PaintRequest, StyleChoice
from app.jobs.queue import Publisher
from app.jobs.records import accepting
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from launcher import commands, redis_server
from launcher.processes import Process

ROOT = Path(__file__).parents[1]
PHOTO = "0" * 32
PATIENCE_S = 120.0


def page_opens(data: Path) -> float:
    """Seconds from `make run`, where all is installed, to the address that it prints."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "launcher"],
        cwd=ROOT,
        env=os.environ | {"ATELIER_DATA": str(data), "ATELIER_PORT": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        if not any("Atelier is open" in line for line in process.stdout):
            raise SystemExit("The product did not start.")
        return time.perf_counter() - start
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        process.stdout.close()


def worker_paints(data: Path) -> tuple[float, float]:
    """Seconds from a worker's start until it was seen, and until a job that waited for it is being painted: the
    evaluation that it tells of first is done.
    """
    redis_process, url = redis_server.start(data, data / "logs")
    publisher = Publisher(url)
    environment = {"ATELIER_REDIS_URL": url, "ATELIER_DATA": str(data), "ATELIER_HEARTBEAT_S": "0.05"}
    worker = Process("worker", commands.worker("INFO"), environment, data / "logs" / "worker.log")
    try:
        with redis.Redis.from_url(url) as connection:
            records = JobRecords(connection, LocalStorage(data), publisher)
            picture = io.BytesIO()
            Image.effect_noise((400, 300), 64).convert("RGB").save(picture, "JPEG")
            records.storage.put(keys.photo_key(PHOTO), picture.getvalue())
            wish = PaintRequest(photo=PHOTO, styles=[StyleChoice(id="starry_night")], size=256, quality="draft")
            job = accepting.create(records, wish, 1.0)
            start = time.perf_counter()
            worker.start()
            seen_s = until(records.workers.is_any, worker, start)
            return seen_s, until(lambda: bool(records.get(job.id).progress), worker, start)
    finally:
        publisher.close()
        for process in (worker, redis_process):
            process.terminate()
            process.wait(5)
            process.kill()


def until(happened: Callable[[], bool], worker: Process, start: float) -> float:
    """Seconds since `start` when it has happened."""
    while not happened():
        if not worker.is_running() or time.perf_counter() > start + PATIENCE_S:
            raise SystemExit(f"The worker did not get so far: {worker.last_line()}")
        time.sleep(0.01)
    return time.perf_counter() - start


def imports(module: str) -> float:
    """Seconds of processor time that an interpreter takes to import a module and end."""
    before = os.times()
    subprocess.run([sys.executable, "-c", f"import os, {module}; os._exit(0)"], cwd=ROOT, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="starts, of which the median counts")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"make run, first start     {page_opens(Path(folder)):>6.2f} s")
        print(
            f"make run, later starts    {median(page_opens(Path(folder)) for _ in range(args.runs)):>6.2f} s",
            flush=True,
        )
    starts = []
    for _ in range(args.runs):
        with tempfile.TemporaryDirectory() as folder:
            starts.append(worker_paints(Path(folder)))
    for name, seconds in zip(("worker seen", "worker paints"), zip(*starts, strict=True), strict=True):
        print(f"{name:<25} {median(seconds):>6.2f} s", flush=True)
    for module in ("torch", "worker.celery_app", "worker.job.attempt", "app.main", "launcher.__main__"):
        print(f"import {module:<18} {median(imports(module) for _ in range(args.runs)):>6.2f} s of processor time")


if __name__ == "__main__":
    main()
