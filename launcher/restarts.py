"""When a part that ended by itself is started again: after a second, then after pauses that double, up to a minute."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from launcher.processes import HeldError, Process

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
WINDOW_S = 600.0  # an end longer ago says nothing about the next one
ASKED_S = 5.0  # between two looks whether anybody paints
STANDSTILL_S = 60.0  # after which a worker is started anew
STARTING_S = 300.0  # the same for one that has not painted since: a slow disk takes its time to read the libraries


class Watched:
    """A part of the product, and when it ended lately. No other part waits for its pauses, or ends with it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._ends: deque[float] = deque()
        self._due: float | None = None

    @property
    def ends(self) -> int:
        """How often it ended within the window, as far as was seen."""
        return len(self._ends)

    def look(self, now: float) -> None:
        """Note that it has ended, or start it again when its pause is over; `now` is in monotonic seconds."""
        if self._due is None:
            if not self.process.is_running():
                self._rest(now, "ended")
        elif now >= self._due:
            self._due = None
            try:
                self.process.kill()  # what is left of its session
                self.process.start()
            except (OSError, HeldError) as error:
                self._rest(now, f"could not be started: {error}")

    def replace(self, now: float, what: str) -> None:
        """End it by force, because it does nothing although it lives; it is started again after its pause."""
        if self._due is None:
            self.process.kill()
            self._rest(now, what)

    def _rest(self, now: float, what: str) -> None:
        self._ends.append(now)
        while now - self._ends[0] > WINDOW_S:
            self._ends.popleft()
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self.ends - 1))
        self._due = now + pause_s
        say(f"the {self.process.name} process {what}; starting it again in {pause_s:.0f} s ({self.process.log}).")


class Standstill:
    """How long nobody has painted although somebody should: what is stopped, or hangs, does not end by itself."""

    def __init__(self, is_still: Callable[[], bool]) -> None:
        self._is_still = is_still
        self._asked = float("-inf")
        self._since: float | None = None
        self._limit_s = STANDSTILL_S

    def is_long(self, now: float) -> bool:
        """Whether it has lasted too long; then it counts from the start. `now` is in monotonic seconds."""
        if now - self._asked < ASKED_S:
            return False
        self._asked = now
        if not self._is_still():
            self._since, self._limit_s = None, STANDSTILL_S
            return False
        self._since = now if self._since is None else self._since
        if now - self._since < self._limit_s:
            return False
        self._since, self._limit_s = None, STARTING_S
        return True


def say(sentence: str) -> None:
    """One line on standard error, where there is still somebody to read it and room to write it."""
    with suppress(OSError):
        print(f"atelier: {sentence}", file=sys.stderr, flush=True)
