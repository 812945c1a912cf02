"""All artworks of a series as one ZIP, written while it is sent: no more than one artwork is in memory."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterable, Iterator
from typing import cast

MODE = 0o644 << 16


class Window(io.RawIOBase):
    """A file of which only the end is kept: what lies before the last `take` has been sent.

    `zipfile` goes back to the beginning of an entry to write its size there, but never further. To let it do so gives
    entries that every program can read; those of a stream without a way back are unknown to some.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._kept = io.BytesIO()

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sent + self._kept.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place that was not sent yet.

        Raises:
            ValueError: it was.
        """
        if whence == io.SEEK_SET:
            offset -= self._sent
        return self._sent + self._kept.seek(offset, whence)

    def write(self, data: object) -> int:
        return self._kept.write(cast(bytes, data))

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = self._kept.getvalue()
        self._sent += len(taken)
        self._kept = io.BytesIO()
        return taken


def zipped(files: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """A ZIP of (name, content), in pieces. Stored, not deflated: pictures are compressed already."""
    window = Window()
    now = time.gmtime()[:6]
    with zipfile.ZipFile(window, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, now)
            entry.external_attr = MODE
            archive.writestr(entry, content)
            yield window.take()
    yield window.take()
