"""Threads that keep a process company: each does one thing beside what the process does, until it is told to end."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Self


class Companion(ABC):
    """A thread from `start` until `stop`, or for the length of a block. It ends with its process in any case."""

    def __init__(self, name: str) -> None:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tell the thread to end."""
        self._done.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join()

    @abstractmethod
    def _run(self) -> None:
        """What the thread does; it returns once `_done` is set."""
