"""The real web server in a process of its own, and a client that can send what no library would."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bench import ROOT
from tests.waiting import until

BOUNDARY = b"----atelier"
END = b"\r\n--" + BOUNDARY + b"--\r\n"


@dataclass(frozen=True)
class Answer:
    """What the server said: status, and the members of its JSON."""

    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


@dataclass(frozen=True)
class Server:
    """A running web server: its port, its process, its data and temporary folders, its log."""

    port: int
    process: psutil.Process
    data: Path
    temporary: Path
    log: Path

    def send(
        self, head: Iterable[bytes], body: Iterable[bytes], *, hang_up: bool = False, path: str = "/api/v1/photos"
    ) -> Answer | None:
        """Post to an upload route; None if the connection was closed without an answer, or by us."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            lines = [f"POST {path} HTTP/1.1".encode(), b"Host: localhost", *head, b"", b""]
            pieces = iter(body)
            try:
                # In one piece with the beginning of the body: a server that answers to the head alone, and closes, has
                # then read a short body too. Bytes that come after that reset the connection, and the answer is lost.
                connection.sendall(b"\r\n".join(lines) + next(pieces, b""))
                for piece in pieces:
                    connection.sendall(piece)
                if hang_up:
                    return None
            except (BrokenPipeError, ConnectionResetError):
                pass  # It has heard enough; the answer is there already.
            return read_answer(connection)

    def post(self, body: bytes, *more: bytes, path: str = "/api/v1/photos") -> Answer:
        """Post a form's bytes with a right length."""
        kind = b"Content-Type: multipart/form-data; boundary=" + BOUNDARY
        answer = self.send([kind, b"Content-Length: %d" % len(body), *more], [body], path=path)
        assert answer is not None
        return answer

    def upload(self, data: bytes, filename: str = "a.jpg", content_type: str = "image/jpeg") -> Answer:
        return self.post(part(data, filename.encode(), content_type.encode()) + END)

    def upload_as(self, name: str, path: str, data: bytes) -> Answer:
        """Send a file as another upload than a photo, by the name of its field."""
        return self.post(part(data, b"SecretName.png", name=name.encode()) + END, path=path)

    def decoders(self) -> list[psutil.Process]:
        found: list[psutil.Process] = self.process.children(recursive=True)
        return found

    def photos(self) -> set[str]:
        """The ids of all kept photos."""
        folder = self.data / "photos"
        return {path.name for path in folder.iterdir()} if folder.exists() else set()


def part(data: bytes, filename: bytes | None, content_type: bytes = b"image/jpeg", name: bytes = b"photo") -> bytes:
    """One part of a form; without a filename it is a text field."""
    disposition = b'Content-Disposition: form-data; name="' + name + b'"'
    if filename is not None:
        disposition += b'; filename="' + filename + b'"\r\nContent-Type: ' + content_type
    return b"\r\n--" + BOUNDARY + b"\r\n" + disposition + b"\r\n\r\n" + data


def read_answer(connection: socket.socket) -> Answer | None:
    response = http.client.HTTPResponse(connection, method="POST")
    try:
        response.begin()
        return Answer(response.status, json.loads(response.read() or b"{}"))
    except (ConnectionResetError, http.client.BadStatusLine):
        return None
    except ValueError:  # The server itself answers what is no HTTP, in plain text.
        return Answer(response.status, {})
    finally:
        response.close()


@contextmanager
def running(redis_socket: str, tmp_path_factory: pytest.TempPathFactory, **settings: str) -> Iterator[Server]:
    """The web server as it runs in production, without a worker."""
    data, temporary = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("temporary")
    log = tmp_path_factory.mktemp("log") / "web.log"
    environment = (
        os.environ
        | {
            "ATELIER_WRITE_RATE": "",
            "ATELIER_DATA": str(data),
            "ATELIER_REDIS_URL": redis_socket,
            "TMPDIR": str(temporary),
        }
        | settings
    )
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as output:
        command = [sys.executable, "-m", "uvicorn", "app.main:create_app", "--factory", "--fd", str(listening.fileno())]
        command += ["--timeout-graceful-shutdown", "2"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, pass_fds=[listening.fileno()], stdout=output, stderr=output
        )
        port = listening.getsockname()[1]
    try:
        until(lambda: "startup complete" in log.read_text() or process.poll() is not None, "the web server")
        assert process.poll() is None, log.read_text()
        yield Server(port, psutil.Process(process.pid), data, temporary, log)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def server(redis_socket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One web server for all tests that leave it running."""
    with running(redis_socket, tmp_path_factory) as server:
        yield server
