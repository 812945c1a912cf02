"""The real front end on a real Redis, started as the launcher starts them, and what is watched while it is under load:
the memory of all its processes, and how fast it says that it is up."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import psutil
import redis

from app.jobs.records.records import JobRecords
from app.jobs.storage.local import LocalStorage
from benchmarks.wire import connected
from launcher import commands, redis_server
from launcher.processes import Process

ROOT = Path(__file__).parents[1]
START_S = 60.0
MEMORY_EVERY_S, PROBE_EVERY_S = 0.2, 0.05


@dataclass(frozen=True)
class FrontEnd:
    """Where it answers, its process, and the records and storage that it shares with workers."""

    port: int
    process: psutil.Process
    records: JobRecords


@dataclass
class Watched:
    """The memory of the front end's processes in bytes, and seconds of each probe of its health."""

    before_bytes: int = 0
    peak_bytes: int = 0
    probes_s: list[float] = field(default_factory=list)


@contextmanager
def front_end(folder: Path) -> Iterator[FrontEnd]:
    """Redis and the web server with their files below `folder`; no worker."""
    redis_process, redis_url = redis_server.start(folder, folder / "logs")
    port = _free_port()
    environment = {"ATELIER_REDIS_URL": redis_url, "ATELIER_DATA": str(folder)}
    web = Process("web", commands.web("127.0.0.1", port, "INFO"), environment, folder / "logs" / "web.log")
    os.chdir(ROOT)
    try:
        web.start()
        asyncio.run(_until_up(web, port))
        with redis.Redis.from_url(redis_url) as connection:
            yield FrontEnd(port, psutil.Process(web.pid), JobRecords(connection, LocalStorage(folder)))
    finally:
        for process in (web, redis_process):
            process.terminate()
            process.wait(5)
            process.kill()


@contextmanager
def watched(front_end: FrontEnd) -> Iterator[Watched]:
    """Memory and health of the front end during the block."""
    found = Watched(before_bytes=memory(front_end.process))
    done = threading.Event()
    watcher = threading.Thread(target=_watch_memory, args=(front_end.process, found, done))
    # Another process: in this one it would measure how busy the generator is.
    probe = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.front_end", str(front_end.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
        output, _ = probe.communicate("")
    found.probes_s = [float(line) for line in output.split()]


def memory(process: psutil.Process) -> int:
    """Bytes of a process and all below it; what they share is counted once (PSS), where the system tells that."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            full = each.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        total += getattr(full, "pss", full.rss)
    return total


def centile(values: list[float], percent: int) -> float:
    """The value below which so many percent of all lie."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def _watch_memory(process: psutil.Process, found: Watched, done: threading.Event) -> None:
    while not done.wait(MEMORY_EVERY_S):
        found.peak_bytes = max(found.peak_bytes, memory(process))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _until_up(web: Process, port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            await _ask_health(port)
            return
        except OSError as error:
            if not web.is_running() or time.monotonic() > deadline:
                raise SystemExit(f"The web server did not start: {web.last_line()}") from error
        await asyncio.sleep(0.1)


async def _ask_health(port: int) -> float:
    """Seconds that one question over a connection of its own takes."""
    start = time.perf_counter()
    async with connected(port) as connection:
        answer = await connection.get("/healthz")
    if answer.status != 200:
        raise OSError(f"/healthz answered {answer.status}")
    return time.perf_counter() - start


async def _probe(port: int) -> None:
    """Ask at fixed times, whether or not the last answer has come, until the input ends; print the seconds of each."""
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    asking = []
    while not ended.done():
        asking.append(asyncio.create_task(_ask_health(port)))
        await asyncio.sleep(PROBE_EVERY_S)
    for seconds in await asyncio.gather(*asking, return_exceptions=True):
        # A question without an answer took forever.
        print(seconds if isinstance(seconds, float) else "inf")


if __name__ == "__main__":
    asyncio.run(_probe(int(sys.argv[1])))
