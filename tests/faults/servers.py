"""What a fault strikes besides workers: a Redis of the test's own, a network in between, the web server."""

from __future__ import annotations

import io
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import httpx2
import redis

from launcher.redis_server import executable
from tests.bench import ROOT
from tests.faults.marks import Mark, draw
from tests.waiting import until


class RedisServer:
    """A real Redis that can be killed, started again, frozen and filled."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.durable = durable
        # Not a port: while the server is down, somebody else could get it, even a client that looks for the server.
        self.socket = Path(tempfile.mkdtemp(prefix="atelier-")) / "redis.sock"
        self.url = f"unix://{self.socket}?db=0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with what it kept if it is durable, and wait until it answers."""
        command = [
            str(executable()), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder),
            "--appendonly", "yes" if self.durable else "no", "--appendfsync", "everysec", "--save", "",
            "--maxmemory-policy", "noeviction",
        ]  # fmt: skip
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self.answers, "Redis", 20)

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as connection:
                return bool(connection.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        assert self.process
        self.process.wait(10)

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def thaw_after(self, seconds: float) -> None:
        """Sleep on for so long, then let it go on."""
        try:
            threading.Event().wait(seconds)
        finally:
            self.thaw()

    def signal(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.socket.parent)


class Wire:
    """A TCP connection to Redis that can be cut: bytes stop, in both directions, and nobody is told."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"
        self.whole = threading.Event()
        self.whole.set()
        self.ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.whole.clear()

    def mend(self) -> None:
        self.whole.set()

    def close(self) -> None:
        self.ended.set()
        self.whole.set()
        self.listener.close()

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                near, _ = self.listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.target)
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with near, far:
            while not self.ended.is_set():
                readable, _, _ = select.select([near, far], [], [], 0.2)
                for source in readable:
                    try:
                        content = source.recv(65536)
                    except OSError:
                        return
                    self.whole.wait()
                    if not content or self.ended.is_set():
                        return
                    try:
                        (far if source is near else near).sendall(content)
                    except OSError:
                        return


class Web:
    """The real web server, in a process of its own."""

    def __init__(self, data: Path, redis_url: str, log: Path, paintings: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.environment = os.environ | {
            "ATELIER_DATA": str(data),
            "ATELIER_REDIS_URL": redis_url,
            "ATELIER_STYLES": str(paintings),
            # All clients of a test have one address, and ask as often as they can.
            "ATELIER_READ_RATE": "",
            "ATELIER_WRITE_RATE": "",
            "ATELIER_CLIENT_JOBS": "0",
            "ATELIER_LEAST_FREE_MB": "1",  # of small disks
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *module: str, **environment: str) -> None:
        """Start it and wait until it answers; `module` is what runs uvicorn's command line."""
        command = [
            sys.executable, "-m", *(module or ("uvicorn",)), "app.main:create_app", "--factory",
            "--host", "127.0.0.1", "--port", str(self.port), "--timeout-graceful-shutdown", "2",
            "--http", "app.server.protocol:Protocol",
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment | environment, stdout=log, stderr=log
            )
        until(self.answers, "the web server", 120)

    def ask(self, method: str, path: str, **how: Any) -> httpx2.Response:
        """One request, on a connection of its own."""
        return httpx2.request(method, self.url + path, timeout=30, **how)

    def upload(self, mark: Mark) -> str:
        """Upload a photo with a mark; its id."""
        answer = self.ask("POST", "/api/v1/photos", files={"photo": ("photo.png", png(mark))})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def accepts(self, photo: str) -> str:
        """Ask for the smallest painting of a photo; the job's id."""
        answer = self.ask("POST", "/api/v1/jobs", json=wish(photo))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.kill()


def wish(photo: str) -> dict[str, Any]:
    """The body that asks for the smallest painting of a photo."""
    return {"photo": photo, "styles": [{"id": "strokes"}], "size": 256, "quality": "draft"}


def png(mark: Mark) -> bytes:
    buffer = io.BytesIO()
    draw(mark).save(buffer, "PNG")
    return buffer.getvalue()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
