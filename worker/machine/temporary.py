"""A folder of its own for all that a worker's process writes for a while, so that kill -9 leaves nothing for good.

Whoever starts next on this machine removes what belongs to nobody any more. Not below `ATELIER_DATA`, which other
machines may share: a lock tells who lives, and only this machine's are sure.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

PREFIX = "atelier-worker-"
LOCK = "lock"
_common = Path(tempfile.gettempdir())
log = logging.getLogger(__name__)
_own: Path | None = None
_lock: int | None = None  # kept open: a process that ends, in whatever way, lets go of it


def take() -> None:
    """Remove the folders of processes that are no more, and let this one's temporary files lie in a new one.

    A child takes one of its own: it may end without its parent. Where there is no room for one, all stays as it was.
    """
    _sweep()
    try:
        _make()
    except OSError as error:
        log.warning("no folder could be made for temporary files: %s", error)


def _make() -> None:
    global _own, _lock
    folder = Path(tempfile.mkdtemp(prefix=".atelier-", dir=_common))
    _lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(_lock, fcntl.LOCK_EX)
    # Only now under the name by which others look for it: none of them finds it without its lock.
    _own = folder.rename(_common / f"{PREFIX}{os.getpid()}-{folder.name.rpartition('-')[2]}")
    tempfile.tempdir = str(_own)


def leave() -> None:
    """Remove this process's folder, if it took one, and those of its children that have ended."""
    if _own:
        shutil.rmtree(_own, ignore_errors=True)
    _sweep()


def _sweep() -> None:
    for folder in _common.glob(f"{PREFIX}*"):
        with suppress(OSError):  # it lives, is another user's, or somebody else removes it
            _remove_dead(folder)


def _remove_dead(folder: Path) -> None:
    """Remove a folder if nobody holds its lock.

    Raises:
        OSError: somebody does, or it may not be removed.
    """
    lock = os.open(folder / LOCK, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(lock)
