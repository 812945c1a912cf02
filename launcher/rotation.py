"""Logs that do not grow for ever: what is full goes on from nothing, and the last ones are kept beside it.

The parts write through a descriptor that they were started with, so a log is copied and emptied, as logrotate's
`copytruncate` does; what they write next is appended to nothing. What comes in between, in a few microseconds, is lost.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

LARGEST_BYTES = 10_000_000
KEPT = 3


def rotate(log: Path, largest_bytes: int = LARGEST_BYTES) -> None:
    """Empty a log that has become too large; where its disk has no room for the copy, without one."""
    with suppress(OSError):
        if log.stat().st_size < largest_bytes:
            return
        for number in range(KEPT - 1, 0, -1):
            with suppress(FileNotFoundError):
                older(log, number).replace(older(log, number + 1))
        try:
            shutil.copyfile(log, older(log, 1))
        except OSError:
            older(log, 1).unlink(missing_ok=True)
        os.truncate(log, 0)


def older(log: Path, number: int) -> Path:
    """Where what a log held so many times ago is kept."""
    return log.with_name(f"{log.name}.{number}")
