"""The C library's heap, kept from holding on to memory that is no longer used."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

# <malloc.h> of glibc.
M_MMAP_THRESHOLD = -3
# Bytes from which a block is a mapping of its own, which goes back to the system when it is freed. By itself glibc
# raises this to the largest it takes once such a block was freed, and tiles of all sizes then leave a heap of gaps.
THRESHOLD = 2**22
LARGEST_THRESHOLD = 2**25


@contextmanager
def frugal_heap() -> Iterator[None]:
    """While this lasts, freed blocks go back to the system at once; it costs some time for each. glibc only."""
    try:
        libc = ctypes.CDLL(None)
        set_option, trim = libc.mallopt, libc.malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library
        yield
        return
    trim(0)
    set_option(M_MMAP_THRESHOLD, THRESHOLD)
    try:
        yield
    finally:
        set_option(M_MMAP_THRESHOLD, LARGEST_THRESHOLD)
