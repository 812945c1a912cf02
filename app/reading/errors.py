"""Why a file becomes no picture."""

from __future__ import annotations

import struct
import zlib

# What damaged files make Pillow's readers raise, in 13.0.
UNREADABLE = (
    ArithmeticError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    RuntimeError,
    struct.error,
    zlib.error,
)


class RefusedError(Exception):
    """A file that is no photo for us: the code of one of app/refusals.py's kinds, and what its sentence needs."""

    def __init__(self, code: str, **values: float | str) -> None:
        self.code = code
        self.values = values
        super().__init__(code)
