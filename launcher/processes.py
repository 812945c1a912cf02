"""A child process with its log file: started in a session of its own, ended by signal, with all that it started.

Not honcho: it sends SIGTERM to all processes at once, and the worker needs Redis to hand its job back.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PR_SET_PDEATHSIG = 1
LAST_BYTES = 8192  # of a log that may have grown for months


class HeldError(Exception):
    """Another process holds the lock of the one that is to be started."""


class Process:
    """One part of the product."""

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str], log: Path, lock: Path | None = None
    ) -> None:
        """`lock` is a file that the process holds as long as it lives, so that no second one works on the same files,
        whoever starts it.
        """
        self.name = name
        self.lock = lock
        self.command = command
        self.environment = environment
        self.log = log
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, its output appended to the log.

        Raises:
            HeldError: another process holds its lock.
            OSError: the system has no room for it.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log, self._held() as held:
            self._popen = subprocess.Popen(
                self.command,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=held,  # never closed by the process, so the lock ends with it, however that ends
                start_new_session=True,  # Ctrl-C in the terminal reaches the launcher only, which knows the order
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    @contextmanager
    def _held(self) -> Iterator[list[int]]:
        if self.lock is None:
            yield []
            return
        with self.lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise HeldError(f"an earlier one has not ended yet, and holds {self.lock}") from error
            yield [file.fileno()]

    @property
    def pid(self) -> int | None:
        """Its process id, once started."""
        return self._popen.pid if self._popen else None

    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        if self._popen is None:
            return True
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self) -> None:
        """Ask it to end."""
        if self._popen and self.is_running():
            self._popen.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and everything in its session that is left."""
        if self._popen is None:
            return
        try:
            os.killpg(self._popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._popen.wait()

    def last_line(self) -> str:
        """The last line that it wrote."""
        if not self.log.exists():
            return "it wrote nothing"
        with self.log.open("rb") as log:
            log.seek(-min(LAST_BYTES, log.seek(0, os.SEEK_END)), os.SEEK_END)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"


def _end_with_parent() -> None:
    # If the launcher is killed without a chance to clean up, the kernel ends its children.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
