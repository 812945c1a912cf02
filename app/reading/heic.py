"""HEIC, as iPhones take it: its reader is loaded where a file may be one, which takes as long as all others together.

It starts a thread, whatever it is told, which no other needs to.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module

# The first comes with Atelier where it has wheels. The second is an extra, because its wheels carry GPL code.
READERS = ("pi_heif", "pillow_heif")
HEAD_BYTES = 12
FORMATS = ("HEIF",)  # as Pillow names it


def may_be(head: bytes) -> bool:
    """Whether a file that begins like this may be HEIC: one of boxes (ISO/IEC 14496-12), and not AVIF."""
    return head[4:8] == b"ftyp" and not head.startswith(b"avi", 8)


@cache
def can_read() -> bool:
    """Whether HEIC can be read here; loads its reader."""
    for reader in READERS:
        with suppress(ImportError):
            import_module(reader).register_heif_opener(thumbnails=False)
            return True
    return False
