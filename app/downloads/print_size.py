"""How large a stored artwork is printed: the bytes of its file that say so, and what they become for another size.

Only the tag differs, so a file of any length can be sent with another one in its place.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from app.jobs.files.encoding import MM_PER_INCH

METER = 1  # PNG's unit of pHYs
X_RESOLUTION, Y_RESOLUTION = 282, 283


def patches(file: BinaryIO, dpi: int) -> dict[int, bytes]:
    """What to put at which places of a PNG or TIFF that encoding.py wrote; empty where its size is not told.

    Source: PNG (W3C, third edition), sections 5.3 and 11.3.4.3; TIFF 6.0, section 2.
    """
    file.seek(0)
    return _of_tiff(file, dpi) if file.read(4) == b"II*\0" else _of_png(file, dpi)


def _of_png(file: BinaryIO, dpi: int) -> dict[int, bytes]:
    at = 8
    while True:
        file.seek(at)
        header = file.read(8)
        if len(header) < 8 or header[4:] == b"IDAT":
            return {}
        length, kind = struct.unpack(">I4s", header)
        if kind == b"pHYs":
            per_meter = round(dpi * 1000 / MM_PER_INCH)
            content = kind + struct.pack(">IIB", per_meter, per_meter, METER)
            return {at + 4: content + struct.pack(">I", zlib.crc32(content))}
        at += 12 + length


def _of_tiff(file: BinaryIO, dpi: int) -> dict[int, bytes]:
    file.seek(struct.unpack("<I", file.read(4))[0])
    (count,) = struct.unpack("<H", file.read(2))
    entries = struct.iter_unpack("<HHII", file.read(12 * count))
    return {at: struct.pack("<II", dpi, 1) for tag, _, _, at in entries if tag in (X_RESOLUTION, Y_RESOLUTION)}
