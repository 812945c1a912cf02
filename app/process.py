"""How every process of the service begins: what it writes is its user's alone, and it may open many files."""

from __future__ import annotations

import gc
import os
import resource
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# For each a connection and a file that it downloads; macOS allows no more than the last.
OPEN_FILES = (65536, 10240)
OTHERS = 0o077  # what a file's mode allows everybody but its owner
# What every version has put into a data folder, and nobody else puts anywhere.
SIGNS = ("cookie.key", "launcher.lock")


def keep_private(data: Path) -> None:
    """Make the data folder, and let nobody else see what this process and those that it starts write from now on.

    The folder of an earlier version is closed as well. One that held other things before is left as it is: it may be
    shared on purpose.

    Raises:
        OSError: the folder can't be made.
    """
    os.umask(OTHERS)
    data.mkdir(parents=True, exist_ok=True)
    mode, owner = data.stat().st_mode, data.stat().st_uid
    is_ours = owner == os.geteuid() and (any((data / name).exists() for name in SIGNS) or not any(data.iterdir()))
    if is_ours and mode & OTHERS and not mode & stat.S_ISVTX:
        data.chmod(stat.S_IMODE(mode) & ~OTHERS)


def raise_open_files() -> None:
    """Let this process and those that it starts open as many files as the system allows; many give 1024 at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in OPEN_FILES:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            try:
                return resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            except (OSError, ValueError):
                continue
    return None


def find_temporary_folder() -> None:
    """Have Python look for its folder of temporary files now, while there is room.

    On a full disk it finds none, and says that instead of that the disk is full; what it found once it keeps.
    """
    with suppress(OSError):
        tempfile.gettempdir()


@contextmanager
def settled() -> Iterator[None]:
    """Meanwhile Python looks for garbage only among what has come since: what a process begins with stays anyway.

    To look at all of it takes a twentieth of a second, and more beside other work, in which nobody is answered.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
