"""Ctrl-C while something is made that must not be lost."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Within, Ctrl-C (and what `kill` and `timeout` send) raises KeyboardInterrupt once, and never after `hold`.

    What came after that is raised at the end, when all is safe.
    """

    def __init__(self) -> None:
        self._is_held = self._came = False

    def __enter__(self) -> Interrupts:
        self._before = {number: signal.signal(number, self._stop) for number in STOPPING}
        return self

    def hold(self) -> None:
        """From here on nothing is interrupted."""
        self._is_held = True

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._came and kind is None:
            raise KeyboardInterrupt

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
        if not self._is_held:
            self.hold()
            raise KeyboardInterrupt
