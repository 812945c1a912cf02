"""What a worker's processes tell each other. The parent consumes and never computes; its one child paints.

A child has two ways out when the device fails: alone, so that the parent forks a fresh one (a spoilt CUDA context dies
with its process), or together with the parent, where no fresh child would fare better.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
from typing import NoReturn

EXIT_CHILD = 70  # "internal software error" in sysexits.h
EXIT_DEVICE_LOST = 69  # "service unavailable"
log = logging.getLogger(__name__)

# Memory that the parent shares with its children, one byte each, 0 or 1.
_shared = mmap.mmap(-1, 2)
_STOPPING, _DEVICE_LOST = 0, 1
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


def replace_child(reason: str) -> NoReturn:
    """In the child: end at once, without the exit handlers that would touch the device; the parent forks another."""
    log.error("This process ends and another takes its place: %s", reason)
    logging.shutdown()
    os._exit(EXIT_CHILD)
