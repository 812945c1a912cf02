"""A lean HTTP/1.1 client over a kept-alive connection: a load generator must not be what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

CHUNK_BYTES = 256 * 1024
BOUNDARY = b"atelier-load"


@dataclass(frozen=True)
class Answer:
    """An answer's status, headers in lower case, and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """One connection to the server. One request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def get(self, path: str, etag: str | None = None) -> Answer:
        """Ask for `path`, conditionally if an ETag is known."""
        condition = f"If-None-Match: {etag}\r\n" if etag else ""
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{condition}\r\n".encode())
        return await self._answer()

    async def post(self, path: str, body: bytes) -> Answer:
        """Send JSON."""
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        self.writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
        return await self._answer()

    async def upload(self, path: str, photo: bytes) -> Answer:
        """Send a photo as a browser's form does, no faster than the server takes it."""
        head = b'--%b\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n' % BOUNDARY
        tail = b"\r\n--%b--\r\n" % BOUNDARY
        length = len(head) + len(photo) + len(tail)
        self.writer.write(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n\r\n".encode()
            + head
        )
        for chunk in _chunks(photo):
            self.writer.write(chunk)
            await self.writer.drain()
        self.writer.write(tail)
        return await self._answer()

    async def _answer(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.rstrip().split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status.split(" ")[1]), headers, body)


def _chunks(photo: bytes) -> Iterator[memoryview]:
    view = memoryview(photo)
    for start in range(0, len(view), CHUNK_BYTES):
        yield view[start : start + CHUNK_BYTES]


@asynccontextmanager
async def connected(port: int, visitor: int = 0) -> AsyncIterator[Connection]:
    """A connection to the server on this machine, from an address of the visitor's own.

    All of 127.0.0.0/8 is this machine (on Linux), so that limits per address are met as they would be in life.
    """
    address = f"127.1.{visitor // 250}.{visitor % 250 + 1}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
