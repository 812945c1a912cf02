"""Whether a painting fits the device now, and if not, which smaller one would."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from worker import engine
from worker.job.failures import DEVICE_BUSY, JobFailedError, too_large
from worker.machine.devices import Device, required_bytes

# Named to somebody whose painting was too large.
SIZES = (4096, 2048, 1536, 1024, 768, 512, 256)


class DeviceBusyError(Exception):
    """The painting would fit the device, but something else fills it now."""


def admit(
    device: Device, photo: Image.Image, extractor: engine.Extractor, options: engine.PaintOptions, is_last_try: bool
) -> None:
    """Make sure that the device has room for the painting, before it runs out of it half-way.

    Raises:
        JobFailedError: it never has, or somebody else had it at every attempt.
        DeviceBusyError: not now.
    """
    memory = device.memory()
    if memory is None:
        return
    needed = _needed(photo, options, extractor.name, extractor.dtype.itemsize)
    if needed > memory.total:
        raise too_large(fitting_size(photo, options, extractor.name, memory.total))
    if needed > memory.free:
        if is_last_try:
            raise JobFailedError(DEVICE_BUSY)
        raise DeviceBusyError(f"needs {needed / 2**20:.0f} MiB, {memory.free / 2**20:.0f} MiB are free")


def fitting_size(photo: Image.Image, options: engine.PaintOptions, extractor: str, available: int) -> int | None:
    """The largest size on offer, below the one that was asked for, that should need at most `available` bytes."""
    smaller = [replace(options, size=size) for size in SIZES if size < options.size]
    return next((each.size for each in smaller if _needed(photo, each, extractor) <= available), None)


def _needed(photo: Image.Image, options: engine.PaintOptions, extractor: str, itemsize: int = 4) -> int:
    """Bytes that the last, largest stage needs on the device."""
    stage = engine.plan(photo.size, options)[-1]
    return required_bytes(stage.width * stage.height, extractor, itemsize)
