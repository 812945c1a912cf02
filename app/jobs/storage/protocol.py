"""What the product asks of its storage, wherever that keeps its blobs."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

# How a disk that is full, or a quota on it that is used up, answers.
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


def is_full(error: OSError) -> bool:
    """Whether a write failed because there is no room left; whatever else is wrong, more room is no help."""
    return error.errno in NO_ROOM


class BlobNotFoundError(Exception):
    """There is no blob under this key."""


class BlobExistsError(Exception):
    """There is a blob under this key already."""


class Storage(Protocol):
    """The durable truth: photos, manifests, previews, checkpoints and artworks. Their keys come from keys.py; a prefix
    is a folder with its slash.

    What is away or full raises OSError, of which `is_full` tells the latter.
    """

    def put(self, key: str, content: bytes, *, replace: bool = True) -> None:
        """Keep these bytes: all of them, or nothing.

        Raises:
            BlobExistsError: there is a blob, and `replace` is false; also for one of two who put at the same time.
        """

    def writing(self, key: str, *, replace: bool = True) -> AbstractContextManager[BinaryIO]:
        """`put` for what is too large for the memory: a file to write and read, kept when the block is left without an
        error.
        """

    def get(self, key: str) -> bytes:
        """The blob's bytes.

        Raises:
            BlobNotFoundError: there is none.
        """

    def open(self, key: str) -> BinaryIO:
        """The blob as a real file, with a descriptor: downloads are sent from it and pictures read in strips by it. It
        stays whole to the end for its reader, whatever becomes of the blob. A storage that is no disk here fetches the
        blob into a nameless file first.

        Raises:
            BlobNotFoundError: there is none.
        """

    def exists(self, key: str) -> bool: ...

    def list(self, prefix: str) -> list[str]:
        """Keys that begin with `prefix`, sorted, without what is still being written."""

    def sizes(self, prefix: str) -> dict[str, int]:
        """Bytes of each blob below `prefix`, by its key."""

    def delete(self, key: str) -> None:
        """Delete a blob; nothing happens where there is none."""

    def delete_prefix(self, prefix: str) -> None:
        """Delete all below `prefix`; nothing happens where there is nothing."""

    def now(self) -> float:
        """Unix seconds by the clock that dates blobs, the same for all who ask: those of their own machines may be
        wrong.
        """

    def age_s(self, key: str) -> float:
        """Seconds since a blob was written; 0 for one that has just gone."""

    def tidy(self, prefix: str, older_than_s: float, *, is_trial: bool = False) -> Sequence[str]:
        """Remove what was cut off below `prefix`, and that nobody has touched for so long. Returns what that was; in a
        trial nothing is removed.
        """

    def free_bytes(self) -> int:
        """How much there is still room for."""
