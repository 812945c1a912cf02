"""The watch over a painter who no longer paints: from within, where an evaluation hangs, and from the parent, where the
whole process stands still.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from worker.machine import process
from worker.machine.companion import Companion

UNKILLABLE_LOOKS = 10  # after kill -9; what still lives then is held by the system
log = logging.getLogger(__name__)


class Watchdog(Companion):
    """Calls `on_stall` from a thread of its own once `stall_s` pass without `touch`, until the block ends.

    A kernel that hangs holds its thread inside the driver, where no signal and no exception arrives; the lease's
    thread meanwhile renews the lease, so nobody else would ever take the job.
    """

    def __init__(self, stall_s: float, on_stall: Callable[[], None]) -> None:
        super().__init__("watchdog")
        self.stall_s = stall_s
        self.on_stall = on_stall
        self._touched = time.monotonic()

    def touch(self) -> None:
        """Note that something was evaluated."""
        self._touched = time.monotonic()

    def start(self) -> None:
        self.touch()
        super().start()

    def _run(self) -> None:
        while not self._done.wait(max(0.01, self._touched + self.stall_s - time.monotonic())):
            if time.monotonic() - self._touched >= self.stall_s:
                self.on_stall()
                return


class Overseer(Companion):
    """A thread in the parent that replaces its child once that stood still for `patience_s`: stopped, or in C code that
    never lets Python's lock go. No thread of the child's own could, and Celery hands the next job to nobody else.

    What not even kill -9 ends, because a driver holds it, ends in `on_unkillable`.
    """

    def __init__(self, patience_s: float, on_unkillable: Callable[[], None]) -> None:
        super().__init__("overseer")
        self.on_unkillable = on_unkillable
        self._looks = math.ceil(patience_s / process.PULSE_S)

    def _run(self) -> None:
        # Looks are counted, not seconds: where all of a worker stood still, its child gets the time to beat again.
        still, pulse, killed = 0, process.pulse(), list[psutil.Process]()
        while not self._done.wait(process.PULSE_S):
            before, pulse = pulse, process.pulse()
            still = still + 1 if pulse == before else 0
            if still == self._looks:
                killed = _kill_children()
            elif still == self._looks + UNKILLABLE_LOOKS:
                if any(map(_lives, killed)):
                    self.on_unkillable()
                still = 0


def _kill_children() -> list[psutil.Process]:
    """kill -9 all of this process's children; a worker's parent has one, which paints."""
    children: list[psutil.Process] = psutil.Process().children()
    for child in children:
        log.error("The painting process %d stands still; it is ended, and another takes its place.", child.pid)
        process.note_replaced(child.pid)
        with suppress(psutil.NoSuchProcess):
            child.kill()
    return children


def _lives(child: psutil.Process) -> bool:
    try:
        return bool(child.is_running() and child.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
