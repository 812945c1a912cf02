"""What every benchmark measures alike: wall-clock seconds and the process's peak memory, and where the pictures are."""

from __future__ import annotations

import ctypes
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

SHARED = Path("../shared")
MODELS = Path("models")
STYLES = Path("styles")


@dataclass
class Measurement:
    seconds: float = 0.0
    peak_bytes: int = 0


@contextmanager
def measured() -> Iterator[Measurement]:
    """Seconds, and on Linux the peak resident memory, of the block."""
    measurement = Measurement()
    _reset_peak()
    start = time.perf_counter()
    yield measurement
    measurement.seconds = time.perf_counter() - start
    measurement.peak_bytes = _peak_bytes()


def machine() -> str:
    """The processor, its threads as used, and the library that does the work."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{model}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def shared_pictures(kind: str, names: list[str]) -> dict[str, Path]:
    """Pictures of `kind` (`photos` or `paintings`) in the shared data folder.

    Raises:
        SystemExit: the folder is not there; its message says where it is looked for.
    """
    found = {name: SHARED / "data" / kind / f"{name}.jpg" for name in names}
    if not all(path.exists() for path in found.values()):
        raise SystemExit(
            f"This benchmark needs the pictures in {SHARED / 'data' / kind}, which are not part of the project."
        )
    return found


def _reset_peak() -> None:
    """Start the peak anew, after what earlier measurements freed was given back to the system."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError):  # not Linux, or not allowed: the peak is then the whole process's
        pass


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
