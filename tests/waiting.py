"""Waiting for a condition of another process, with a deadline instead of a guess."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T | None], what: str, within_s: float = 60.0) -> T:
    """The first true value of `condition`; fails with `what` when the deadline passes."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s in vain for {what}"
        pause.wait(0.05)
