"""The watch over a painter who no longer paints."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType


class Watchdog:
    """Calls `on_stall` from a thread of its own once `stall_s` pass without `touch`, until the block ends.

    A kernel that hangs holds its thread inside the driver, where no signal and no exception arrives; the lease's
    thread meanwhile renews the lease, so nobody else would ever take the job.
    """

    def __init__(self, stall_s: float, on_stall: Callable[[], None]) -> None:
        self.stall_s = stall_s
        self.on_stall = on_stall
        self._touched = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def touch(self) -> None:
        """Note that something was evaluated."""
        self._touched = time.monotonic()

    def __enter__(self) -> Watchdog:
        self.touch()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(max(0.01, self._touched + self.stall_s - time.monotonic())):
            if time.monotonic() - self._touched >= self.stall_s:
                self.on_stall()
                return
