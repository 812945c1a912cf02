"""A Wikimedia Commons of the tests' own, on loopback: they say what it has, and what befalls requests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

CHANGED_S = 1_600_000_000
CHANGED = formatdate(CHANGED_S, usegmt=True)
Fate = Callable[["Handler", bytes], None]


class Asked(NamedTuple):
    """A request: its address below the server, and its headers."""

    path: str
    headers: Message


class Commons:
    """Files by their names, and what was asked.

    `fates` happen to the next requests for a file's bytes, instead of an answer; `leads` are redirects by file.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.leads: dict[str, str] = {}
        self.fates: deque[Fate] = deque()
        self.asked: list[Asked] = []
        self.changed: str | None = CHANGED
        self.knows_ranges = True
        self.go_on = threading.Event()
        self.site = ""

    @property
    def for_bytes(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.startswith("/thumb/")]


class Handler(BaseHTTPRequestHandler):
    commons: Commons

    def do_GET(self) -> None:
        self.commons.asked.append(Asked(self.path, self.headers))
        url = urlsplit(self.path)
        place, name = url.path.rpartition("/")[0], unquote(url.path.rpartition("/")[2])
        if name not in self.commons.files and name not in self.commons.leads:
            self.send_error(404)
        elif place == "/wiki/Special:FilePath":
            self.send_response(302)
            self.send_header("Location", self.commons.leads.get(name) or f"/thumb/{quote(name)}?{url.query}")
            self.end_headers()
        elif self.commons.fates:
            self.commons.fates.popleft()(self, self.commons.files[name])
        else:
            self.send_file(self.commons.files[name])

    def send_file(self, content: bytes) -> None:
        """The file, or the part of it that was asked for if it is still the same."""
        start = 0
        asked = self.headers.get("Range")
        if asked and self.commons.knows_ranges and self.headers.get("If-Range") == self.commons.changed:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
        self.send_head(206 if start else 200, start, content)
        self.wfile.write(content[start:])

    def send_head(self, status: int, start: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.commons.changed:
            self.send_header("Last-Modified", self.commons.changed)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def cut(at: int) -> Fate:
    """The connection ends after so many bytes of the file."""

    def send(handler: Handler, content: bytes) -> None:
        handler.send_head(200, 0, content)
        handler.wfile.write(content[:at])

    return send


def stall(at: int) -> Fate:
    """Nothing comes any more after so many bytes of the file."""

    def send(handler: Handler, content: bytes) -> None:
        cut(at)(handler, content)
        handler.wfile.flush()
        handler.commons.go_on.wait(60)

    return send


def answer(status: int, **headers: str) -> Fate:
    """Another status, with headers whose names have _ for -."""

    def send(handler: Handler, content: bytes) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return send


@contextmanager
def serving() -> Iterator[Commons]:
    """A running Commons, with nothing in it."""
    commons = Commons()
    handler = type("CommonsHandler", (Handler,), {"commons": commons})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        commons.site = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield commons
        finally:
            commons.go_on.set()
            server.shutdown()
            thread.join()
