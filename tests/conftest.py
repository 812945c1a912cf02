"""Shared set-up: a Redis of the tests' own, and the whole product as `make run` starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import redis

from app.jobs.models import Job
from launcher import redis_server as embedded
from tests.bench import ROOT, Bench, Hold, StartWorker, Workers
from tests.worker.engine.conftest import draw_painting

NO_CHROMIUM = "no Chromium was found; install your distribution's package `chromium`, or name the program in CHROMIUM"
SPOILED = ("tests.faults.spoiled", "-A", "worker.celery_app")

# What tests ask is on this machine. A proxy of the environment would be asked for that, too.
os.environ["no_proxy"] = "*"


@dataclass(frozen=True)
class Product:
    """The running product: where it answers, where it stores, and the launcher's process."""

    url: str
    data: Path
    launcher: subprocess.Popen[str]


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real Redis that nothing else uses."""
    folder = tmp_path_factory.mktemp("redis")
    process, url = embedded.start(folder, folder / "logs")
    yield url
    process.terminate()
    process.wait(5)
    process.kill()


@pytest.fixture
def redis_server(redis_socket: str) -> str:
    """URL of a real Redis, empty at the start of the test."""
    with redis.Redis.from_url(redis_socket) as connection:
        connection.flushall()
    return redis_socket


@pytest.fixture
def connection(redis_server: str) -> Iterator[redis.Redis]:
    """A connection to that Redis, closed after the test."""
    with redis.Redis.from_url(redis_server) as connection:
        yield connection


@pytest.fixture(autouse=True)
def usual_modes() -> Iterator[None]:
    """What the tests' own processes write is as usual, also after an application ran within: it lets nobody see."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def launch(data: Path, within: Sequence[str] = (), **settings: str) -> subprocess.Popen[str]:
    """Start the product on a free port, as `make run` does once everything is installed; `within` is what the command
    begins with.

    Tests change more in a minute, from one address, than people do: so much is not limited unless they ask for it.
    """
    usual = {"ATELIER_DATA": str(data), "ATELIER_PORT": "0", "ATELIER_WRITE_RATE": ""}
    environment = os.environ | usual | settings
    return subprocess.Popen(
        [*within, sys.executable, "-m", "launcher"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address(process: subprocess.Popen[str]) -> str:
    """The URL that the launcher prints once the page answers; the first, where there are several."""
    return addresses(process)[0]


def addresses(process: subprocess.Popen[str]) -> list[str]:
    """All URLs that the launcher prints once the page answers."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "Ctrl-C" in line:
            return re.findall(r"http://\S+", printed)
    assert process.stderr is not None
    pytest.fail(f"the product did not start: {process.stderr.read()}")


def close(process: subprocess.Popen[str]) -> None:
    """End the product as Ctrl-C does, and wait for it."""
    process.send_signal(signal.SIGINT)
    ended(process)


def ended(process: subprocess.Popen[str]) -> None:
    """Wait for the end of a launcher that was told to end, and close what it wrote to."""
    process.wait(20)
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


@pytest.fixture(scope="session")
def own_paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An owner's folder with one drawn painting, `strokes`."""
    folder = tmp_path_factory.mktemp("paintings")
    draw_painting(600, 500).save(folder / "strokes.png")
    return folder


@pytest.fixture(scope="session")
def atelier(tmp_path_factory: pytest.TempPathFactory, own_paintings: Path) -> Iterator[Product]:
    """The whole real product: Redis, a worker, the web server."""
    data = tmp_path_factory.mktemp("product")
    process = launch(data, ATELIER_STYLES=str(own_paintings), ATELIER_PREVIEW_S="0.3")
    yield Product(address(process), data, process)
    close(process)


@pytest.fixture
def bench(redis_server: str, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(redis_server, tmp_path / "data")
    yield bench
    bench.close()


@pytest.fixture
def workers(bench: Bench, tmp_path: Path, own_paintings: Path) -> Iterator[Workers]:
    workers = Workers(bench, tmp_path, own_paintings)
    yield workers
    workers.stop_all()


@pytest.fixture
def start_worker(workers: Workers) -> StartWorker:
    """Starts real workers; what still lives at the end of the test is killed."""
    return workers.start


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """A file that says that a spoiled worker has come to its point; without it, the worker goes on."""
    return tmp_path / "flag"


@pytest.fixture
def start_spoiled(workers: Workers, flag: Path) -> StartWorker:
    """Starts a real worker with one thing spoiled, see spoiled.py."""

    def start(fault: str, **environment: str) -> psutil.Popen:
        return workers.start(SPOILED, wait=True, FAULT=fault, FAULT_FLAG=str(flag), **environment)

    return start


@pytest.fixture
def hold(bench: Bench, start_spoiled: StartWorker, flag: Path) -> Hold:
    """Has a worker of its own stand still at a share of a job, with so many others waiting; both, as they are then."""

    def hold(
        share: float, *, others: int = 0, wish: Mapping[str, object] = {}, **environment: str
    ) -> tuple[psutil.Popen, Job]:
        worker = start_spoiled("pause_at", FAULT_AT=str(share), **environment)
        job = bench.job(**wish)
        for _ in range(others):
            bench.job()
        return worker, bench.held(job, flag)

    return hold


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line says how many tests found no browser; above it, that is one reason of many."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    count = sum(NO_CHROMIUM in str(report.longrepr) for report in reporter.stats.get("skipped", []))
    if count:
        reporter.write_line(f"{count} browser tests were skipped: {NO_CHROMIUM}.")
