"""Tensors in a file instead of memory."""

from __future__ import annotations

import mmap
import os
import tempfile
from math import prod
from pathlib import Path

import torch
from torch import Tensor


class Spill:
    """Tensors that live in a temporary file of a folder: read and written like others, on the CPU.

    The file has no name and goes with its tensors, also if the process is killed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._maps: list[mmap.mmap] = []

    def tensor(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
        """Zeros of that shape.

        Raises:
            OSError: the folder cannot take them.
        """
        size = prod(shape) * dtype.itemsize
        with tempfile.TemporaryFile(dir=self.folder) as file:
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # not on macOS
                # A disk that filled up later would end the process with a bus error.
                os.posix_fallocate(file.fileno(), 0, size)
            mapped = mmap.mmap(file.fileno(), size)
        self._maps.append(mapped)
        return torch.frombuffer(mapped, dtype=dtype).view(shape)

    def release(self) -> None:
        """Give the pages that were touched back to the system, which writes them to the file as it sees fit."""
        for mapped in self._maps:
            mapped.madvise(mmap.MADV_DONTNEED)
