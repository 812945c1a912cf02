"""All artworks of a series as one ZIP, written while it is sent: a piece of one artwork is in memory, whoever reads."""

from __future__ import annotations

import io
import time
import zipfile
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from anyio import to_thread
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.downloads.artwork import PIECE_BYTES, Body, pieces

MODE = 0o644 << 16
Files = AsyncGenerator[tuple[str, Body], None]


class ArchiveResponse(StreamingResponse):
    """A ZIP of files under their names; also where the client has gone, no file stays open."""

    def __init__(self, files: Files, name: str) -> None:
        self.archive = zipped(files)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        super().__init__(self.archive, media_type="application/zip", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.archive.aclose()


class Window(io.RawIOBase):
    """A file that is sent as it is written: only what was written since the last `take` is kept."""

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._kept = bytearray()

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sent + len(self._kept)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Stay at the end.

        Raises:
            ValueError: another place was asked for.
        """
        if (offset, whence) != (self.tell(), io.SEEK_SET):
            raise ValueError("what was written is sent")
        return offset

    def write(self, data: object) -> int:
        self._kept += cast(bytes, data)
        return len(cast(bytes, data))

    def pass_by(self, size: int) -> None:
        """Count so many bytes that were sent beside it."""
        self._sent += size

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._kept)
        self._sent += len(taken)
        self._kept.clear()
        return taken


async def zipped(files: Files) -> AsyncGenerator[bytes, None]:
    """A ZIP of files, in pieces. Stored, not deflated: pictures are compressed already.

    Each file is read twice: its checksum and size stand before it, because some programs know no others, and it cannot
    wait in memory for them.
    """
    window, now = Window(), time.gmtime()[:6]
    archive = zipfile.ZipFile(window, "w", zipfile.ZIP_STORED)
    try:
        async with aclosing(files):
            async for name, body in files:
                entry = zipfile.ZipInfo(name, now)
                entry.external_attr, entry.header_offset = MODE, window.tell()
                entry.file_size = entry.compress_size = body.size
                entry.CRC = await to_thread.run_sync(checksum, body)
                window.write(entry.FileHeader())
                yield window.take()
                async for piece in pieces(body, 0, entry.file_size):
                    window.pass_by(len(piece))
                    yield piece
                archive.filelist.append(entry)
    finally:
        archive.start_dir = window.tell()  # of the list of all entries, which it writes now
        archive.close()
    yield window.take()


def checksum(body: Body) -> int:
    """The CRC-32 of a file, read piece by piece."""
    found = 0
    for at in range(0, body.size, PIECE_BYTES):
        found = zlib.crc32(body.read(at, at + PIECE_BYTES), found)
    return found
