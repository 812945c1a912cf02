"""What a worker's processes tell each other. The parent consumes and never computes; its one child paints.

The child's pulse goes on in a thread of its own as long as its process runs at all; the parent feels it (watchdog.py).

A child has two ways out when the device fails: alone, so that the parent forks a fresh one (a spoilt CUDA context dies
with its process), or together with the parent, where no fresh child would fare better.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import threading
from typing import NoReturn

PULSE_S = 1.0
EXIT_CHILD = 70  # "internal software error" in sysexits.h
EXIT_DEVICE_LOST = 69  # "service unavailable"
log = logging.getLogger(__name__)

# Memory that the parent shares with its children: a byte each, and the number of the process that was replaced.
_shared = mmap.mmap(-1, 8)
_STOPPING, _DEVICE_LOST, _PULSE = 0, 1, 2
_REPLACED = slice(4, 8)
_parent = os.getpid()  # whoever imports this first: children are forked from it


def is_stopping() -> bool:
    """Whether the worker was told to stop; true in the children as soon as the parent knows."""
    return _shared[_STOPPING] == 1


def note_stopping() -> None:
    """Let the children know that the worker is to stop."""
    _shared[_STOPPING] = 1


def is_device_lost() -> bool:
    """Whether a child found that the device is gone."""
    return _shared[_DEVICE_LOST] == 1


def stop_worker(reason: str) -> None:
    """In the child: the device is gone, so the whole worker stops consuming and ends, for a supervisor to see."""
    log.critical("The device is lost, so this worker stops: %s", reason)
    _shared[_DEVICE_LOST] = 1
    _shared[_STOPPING] = 1
    if os.getppid() == _parent:
        os.kill(_parent, signal.SIGTERM)


def keep_beating() -> None:
    """In the child: from now on its pulse says that it runs, whatever it does."""
    threading.Thread(target=_beat, name="pulse", daemon=True).start()


def pulse() -> int:
    """The child's pulse, another number at each beat."""
    return _shared[_PULSE]


def note_replaced(pid: int) -> None:
    """Let the next child know why the one of this number is no more: it stood still."""
    _shared[_REPLACED] = pid.to_bytes(4, "little")


def was_replaced(pid: int) -> bool:
    """Whether this worker's parent ended the child of this number, because it stood still."""
    return int.from_bytes(_shared[_REPLACED], "little") == pid


def _beat() -> None:
    pause = threading.Event()
    while True:
        _shared[_PULSE] = (_shared[_PULSE] + 1) % 256
        pause.wait(PULSE_S)


def replace_child(reason: str) -> NoReturn:
    """In the child: end at once, without the exit handlers that would touch the device; the parent forks another."""
    log.error("This process ends and another takes its place: %s", reason)
    logging.shutdown()
    os._exit(EXIT_CHILD)
