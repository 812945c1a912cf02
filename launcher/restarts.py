"""When a part that ended by itself is started again: after a second, then after pauses that double, up to a minute."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import suppress

from launcher.processes import HeldError, Process

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
WINDOW_S = 600.0  # an end longer ago says nothing about the next one


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

    def _rest(self, now: float, what: str) -> None:
        self._ends.append(now)
        while now - self._ends[0] > WINDOW_S:
            self._ends.popleft()
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self.ends - 1))
        self._due = now + pause_s
        say(f"the {self.process.name} process {what}; starting it again in {pause_s:.0f} s ({self.process.log}).")


def say(sentence: str) -> None:
    """One line on standard error, where there is still somebody to read it and room to write it."""
    with suppress(OSError):
        print(f"atelier: {sentence}", file=sys.stderr, flush=True)
