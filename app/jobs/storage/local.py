"""Blobs on a disk of this machine, or one that looks like it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from app.jobs.storage.protocol import BlobExistsError, BlobNotFoundError

PARTIAL = ".partial-"
CLOCK_S = 10
KEY = re.compile(r"(?:[a-z0-9_-][a-z0-9_.-]*/)*[a-z0-9_-][a-z0-9_.-]*")


class LocalStorage:
    """Blobs as files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._clock: tuple[float, float] | None = None  # what it showed, and when that was by this process's own

    def put(self, key: str, content: bytes, *, replace: bool = True) -> None:
        """Keep these bytes, as `writing` does.

        Raises:
            BlobExistsError: there is one, and `replace` is false.
            OSError: no room, or not allowed; nothing is left behind.
        """
        with self.writing(key, replace=replace) as file:
            file.write(content)

    @contextmanager
    def writing(self, key: str, *, replace: bool = True) -> Iterator[BinaryIO]:
        """A temporary file to write and read, which is flushed to the disk and renamed into place at the end.

        Raises:
            BlobExistsError: there is one, and `replace` is false.
            OSError: no room, or not allowed. As after anything that is raised within, nothing is left behind.
        """
        path = self._path(key)
        handle, name = self._partial(path.parent)
        try:
            with os.fdopen(handle, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if replace:
                os.replace(name, path)
            else:
                os.link(name, path)
                Path(name).unlink()
            make_last(path.parent, self.root)
        except BaseException as error:
            Path(name).unlink(missing_ok=True)
            if isinstance(error, FileExistsError):
                raise BlobExistsError(key) from error
            raise

    def get(self, key: str) -> bytes:
        """The blob's bytes.

        Raises:
            BlobNotFoundError: there is none.
        """
        with self.open(key) as file:
            return file.read()

    def open(self, key: str) -> BinaryIO:
        """The blob as a file, which its reader keeps to the end even if the blob is deleted or replaced meanwhile.

        Raises:
            BlobNotFoundError: there is none.
        """
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise BlobNotFoundError(key) from error

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def list(self, prefix: str) -> list[str]:
        """Keys that begin with `prefix`, which is a folder with its slash; sorted, without unfinished writes, and
        without files of somebody else, whose names are no keys.
        """
        folder = self._path(prefix.rstrip("/"))
        # Unlike rglob, walk passes over a folder that another process deletes meanwhile.
        found = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
        return sorted(filter(KEY.fullmatch, (path.relative_to(self.root).as_posix() for path in found)))

    def sizes(self, prefix: str) -> dict[str, int]:
        """Bytes of each blob below a folder, by its key."""
        found = {}
        for key in self.list(prefix):
            with suppress(FileNotFoundError):  # deleted since it was listed
                found[key] = self._path(key).stat().st_size
        return found

    def delete(self, key: str) -> None:
        """Delete a blob; nothing happens where there is none."""
        self._path(key).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        """Delete a folder and all below it; nothing happens where there is none."""
        shutil.rmtree(self._path(prefix.rstrip("/")), ignore_errors=True)

    def now(self) -> float:
        """The clock by which files here are dated. That of this process may be wrong, and what somebody else has just
        begun would look forgotten. It is looked at anew every CLOCK_S, not for each of many files.
        """
        at = time.monotonic()
        if self._clock is None or at - self._clock[1] > CLOCK_S:
            try:
                with tempfile.TemporaryFile(dir=self.root) as probe:
                    self._clock = os.fstat(probe.fileno()).st_mtime, at
            except OSError:  # No room for it, or no folder yet.
                return time.time()
        shown, then = self._clock
        return shown + at - then

    def age_s(self, key: str) -> float:
        """Seconds since a blob was written; 0 for one that has just gone."""
        try:
            return self.now() - self._path(key).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def tidy(self, prefix: str, older_than_s: float, *, is_trial: bool = False) -> Sequence[str]:
        """Remove what was cut off below a folder, and that nobody has touched for so long: unfinished writes, empty
        folders. Returns their names; in a trial nothing is removed.
        """
        top, before = self._path(prefix.rstrip("/")), self.now() - older_than_s
        found = []
        for parent, folders, names in os.walk(top, topdown=False):
            folder = Path(parent)
            try:
                # Looked at before anything is removed, which counts as a change: the folder goes the next time.
                is_empty = not folders and not names and folder != top and folder.stat().st_mtime < before
                old = [folder / name for name in names if name.startswith(PARTIAL)]
                old = [path for path in old if path.stat().st_mtime < before]
                for path in old if not is_trial else []:
                    path.unlink()
                if is_empty and not is_trial:
                    folder.rmdir()
            except OSError as error:
                if error.errno not in {errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST}:
                    raise
            else:
                found += [path.relative_to(self.root).as_posix() for path in [*old, *([folder] if is_empty else [])]]
        return found

    def free_bytes(self) -> int:
        """How much the disk still takes, as far as it says so itself: of a quota it knows nothing."""
        there = next(each for each in (self.root, *self.root.parents) if each.exists())
        return shutil.disk_usage(there).free

    def _partial(self, folder: Path) -> tuple[int, str]:
        """A temporary file in a folder, as `mkstemp`. The folder is made as often as somebody else removes it."""
        tries = 10
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                return tempfile.mkstemp(dir=folder, prefix=PARTIAL)
            except FileNotFoundError:
                tries -= 1
                if not tries:
                    raise

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise ValueError(f"{key[:80]!r} is not a key")
        return self.root / key


def make_last(folder: Path, top: Path | None = None) -> None:
    """Have the disk keep the names in a folder, and those that lead to it from `top` on, also through a power cut.

    A file that was flushed has its bytes after a power cut, but its folder may not know it, or still know the old one.

    Raises:
        OSError: the disk does not take it.
    """
    way = [folder, *folder.parents]
    for each in way[: way.index(top) + 1] if top else way[:1]:
        try:
            descriptor = os.open(each, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # deleted since, with the file
            continue
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some shares know this of files alone
                raise
        finally:
            os.close(descriptor)
