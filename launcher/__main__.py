"""`make run`: Redis, one worker and the web server on this machine, started, watched and stopped in the right order."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from app.process import keep_private, raise_open_files
from app.settings import Settings, SettingsError, load_settings
from launcher import addresses, commands, health, redis_server
from launcher.errors import LaunchError
from launcher.processes import Process
from launcher.restarts import Standstill, Watched
from launcher.rotation import rotate

ROOT = Path(__file__).parents[1]
START_S = 60.0
STOP_S = 3.5  # of the 5 s within which everything has ended: a painting needs one evaluation to notice
REDIS_STOP_S = 1.0
MOST_STARTS = 3  # before anybody was let in
_stop = threading.Event()


def main() -> int:
    """Run until told to stop; 0, or 1 after one sentence on standard error."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)
    try:
        settings = load_settings()
        raise_open_files()
        with _locked(settings.data), _product(settings) as (parts, port):
            _wait_until_ready(parts, settings.host, port)
            if not _stop.is_set():
                _say_open([f"{url}{settings.root_path}" for url in addresses.urls(settings.host, port)])
                _watch(parts, settings.host, port)
    except (LaunchError, SettingsError) as error:
        if _stop.is_set():  # before all had started
            return 0
        print(f"atelier: {error}", file=sys.stderr)
        return 1
    return 0


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    _stop.set()


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Hold the data folder, so that no second product works in it."""
    try:
        keep_private(data)
        lock = (data / "launcher.lock").open("a+")
        (data / ".writable").write_bytes(b"x" * 4096)
        (data / ".writable").unlink()
    except OSError as error:
        raise LaunchError(_about_folder(data, error)) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LaunchError(
                f"Atelier already runs with the data folder {data}: use that one, stop it, or set ATELIER_DATA "
                "to another folder."
            ) from error
        yield


def _about_folder(data: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of the data folder {data} is full: make room, or set ATELIER_DATA to a folder elsewhere."
    return (
        f"The data folder {data} cannot be written ({error.strerror}): allow it, or set ATELIER_DATA to another folder."
    )


@contextmanager
def _product(settings: Settings) -> Iterator[tuple[list[Watched], int]]:
    """All processes, started, and the web server's port; ended in order when the block ends.

    Worker and web first, while Redis still listens.
    """
    data = settings.data.resolve()
    logs = data / "logs"
    port = _free_port(settings)
    redis_process = None
    if settings.redis_url:
        redis_server.check(settings.redis_url)
        redis_url = settings.redis_url
    else:
        redis_process, redis_url = redis_server.start(data, logs, _stop.is_set)
    environment = {
        "ATELIER_REDIS_URL": redis_url,
        "ATELIER_DATA": str(data),
        "ATELIER_MODELS": str(settings.models_cache.resolve()),
        "PYTHONUNBUFFERED": "1",
    }
    serving = [
        Process("worker", commands.worker(settings.log_level), environment, logs / "worker.log"),
        Process("web", commands.web(settings.host, port, settings.log_level), environment, logs / "web.log"),
    ]
    os.chdir(ROOT)
    try:
        for process in serving:
            process.start()
        yield [Watched(process) for process in ([redis_process] if redis_process else []) + serving], port
    finally:
        _end(serving, STOP_S)
        if redis_process:
            _end([redis_process], REDIS_STOP_S)


def _free_port(settings: Settings) -> int:
    """The port to listen on: the one asked for, or a free one for 0."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as asyncio does
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise LaunchError(
                    f"Port {settings.port} is in use: stop what uses it, or choose another with "
                    f"ATELIER_PORT={settings.port + 1}."
                ) from error
            raise LaunchError(
                f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}): "
                "change ATELIER_HOST or ATELIER_PORT."
            ) from error
        return int(probe.getsockname()[1])


def _wait_until_ready(parts: list[Watched], host: str, port: int) -> None:
    """Until the page answers and a worker was seen, or a stop. What ends meanwhile is tried again."""
    deadline = time.monotonic() + START_S
    while not _stop.is_set():
        for part in parts:
            part.look(time.monotonic())
            if part.ends >= MOST_STARTS:
                process = part.process
                raise LaunchError(
                    f"The {process.name} process ended while starting: {process.last_line()} ({process.log})."
                )
        if all(health.answers(addresses.own(host), port, path) for path in ("/readyz", "/")):
            return
        if time.monotonic() > deadline:
            raise LaunchError(f"The page did not answer within {START_S:.0f} s; see {parts[-1].process.log.parent}.")
        _stop.wait(0.1)


def _say_open(urls: list[str]) -> None:
    head = "  Atelier is open: "
    below = "\n" + " " * len(head)
    with suppress(OSError):  # it is open all the same
        print(f"\n{head}{below.join(urls)}\n  Ctrl-C closes it.\n", flush=True)


def _watch(parts: list[Watched], host: str, port: int) -> None:
    """Start again what ends by itself, each part after its own pause, and what stands still; and see to the logs.

    It ends when told to stop.
    """
    standstill = Standstill(lambda: health.nobody_paints(addresses.own(host), port))
    (worker,) = (part for part in parts if part.process.name == "worker")
    while not _stop.wait(0.5):
        now = time.monotonic()
        for part in parts:
            part.look(now)
            rotate(part.process.log)
        if standstill.is_long(now):
            worker.replace(now, "stood still, and was ended by force")


def _end(processes: list[Process], patience_s: float) -> None:
    """Ask all to end, wait, end by force what is left."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + patience_s
    for process in processes:
        process.wait(max(0.0, deadline - time.monotonic()))
    for process in processes:
        process.kill()


if __name__ == "__main__":
    sys.exit(main())
