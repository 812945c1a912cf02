"""Tensors in files instead of memory."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from weakref import WeakSet

import torch
from torch import Tensor

# Bytes of a file, if no tensor needs more: thousands of small ones would otherwise take a file descriptor each.
FILE_BYTES = 2**26
ALIGNMENT = 64
# Entries of a long vector that are looked at together: what is made of them, or read from a file, takes little memory.
STRETCH = 2**20


class Spill:
    """Tensors that live in temporary files of a folder: read and written like others, on the CPU.

    A file has no name, and goes with the last of its tensors, also if the process is killed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._maps: WeakSet[mmap.mmap] = WeakSet()
        self._newest: mmap.mmap | None = None
        self._used = 0

    def tensor(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
        """Zeros of that shape.

        Raises:
            OSError: the folder cannot take them.
        """
        count = prod(shape)
        size = count * dtype.itemsize
        if size >= FILE_BYTES:
            mapped, offset = self._mapped(size), 0
        else:
            if self._newest is None or self._used + size > FILE_BYTES:
                self._newest, self._used = self._mapped(FILE_BYTES), 0
            mapped, offset = self._newest, self._used
            self._used += -(-size // ALIGNMENT) * ALIGNMENT
        return torch.frombuffer(mapped, dtype=dtype, count=count, offset=offset).view(shape)

    def release(self) -> None:
        """Give the pages that were touched back to the system, which writes them to the files as it sees fit."""
        for mapped in self._maps:
            mapped.madvise(mmap.MADV_DONTNEED)

    def _mapped(self, size: int) -> mmap.mmap:
        with tempfile.TemporaryFile(dir=self.folder) as file:
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # not on macOS
                # A disk that filled up later would end the process with a bus error.
                os.posix_fallocate(file.fileno(), 0, size)
            mapped = mmap.mmap(file.fileno(), size)
        self._maps.add(mapped)
        return mapped


def stretches(size: int, device: torch.device, spill: Spill | None) -> Iterator[slice]:
    """The entries of a vector on `device`, stretch by stretch on a CPU, and where some are in `spill`."""
    length = STRETCH if spill or device.type == "cpu" else size
    for start in range(0, size, length):
        yield slice(start, start + length)
        if spill:
            spill.release()
