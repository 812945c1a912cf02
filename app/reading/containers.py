"""What stands around the pixels: PNG's chunks and the boxes of AVIF and JPEG 2000, as far as Pillow keeps silent."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Boxes about the picture come before its pixels.
BOXES_WITHIN_BYTES = 65_536


class Chunk(NamedTuple):
    """A PNG chunk: its kind, where its data lies, and how many bytes they are."""

    kind: bytes
    at: int
    length: int


def chunks(source: BinaryIO) -> Iterator[Chunk]:
    """A PNG's chunks as far as they are whole."""
    at = len(PNG_SIGNATURE)
    while True:
        source.seek(at)
        head = source.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        yield Chunk(kind, at + 8, length)
        at += 12 + length


def before_pixels(source: BinaryIO) -> dict[bytes, bytes]:
    """The data of a PNG's short chunks before its pixels, by their kinds; the first of a kind counts."""
    found: dict[bytes, bytes] = {}
    for kind, at, length in chunks(source):
        if kind == b"IDAT":
            break
        if length <= 32 and kind not in found:
            source.seek(at)
            found[kind] = source.read(length)
    return found


def box(head: bytes, kind: bytes) -> bytes:
    """The content of the first box of a kind; empty where there is none."""
    at = head.find(kind, 4)
    if at < 0:
        return b""
    length = int.from_bytes(head[at - 4 : at], "big")
    return head[at + 4 : at - 4 + length]


def code_points(head: bytes) -> tuple[int, int] | None:
    """Primaries and transfer function that an AVIF's colour box names (ITU-T H.273)."""
    place = head.find(b"colrnclx")
    if place < 0 or len(head) < place + 12:
        return None
    primaries, transfer = struct.unpack(">HH", head[place + 8 : place + 12])
    return primaries, transfer


def clean_aperture(head: bytes, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of what an AVIF says is to be seen of its picture (ISO/IEC 14496-12, 12.1.4)."""
    data = box(head, b"clap")
    if len(data) != 32:
        return None
    numbers = struct.unpack(">4I", data[:16]) + struct.unpack(">iIiI", data[16:])
    if 0 in numbers[1::2]:
        return None
    width, height, right, down = (numbers[at] / numbers[at + 1] for at in range(0, 8, 2))
    left, top = round((size[0] - width) / 2 + right), round((size[1] - height) / 2 + down)
    found = left, top, left + round(width), top + round(height)
    is_within = 0 <= found[0] < found[2] <= size[0] and 0 <= found[1] < found[3] <= size[1]
    return found if is_within else None


def restricted_profile(source: BinaryIO) -> bytes | None:
    """The ICC profile of a JPEG 2000 (ISO/IEC 15444-1, I.5.3.3), which lies before its codestream."""
    source.seek(0)
    head = source.read(BOXES_WITHIN_BYTES)
    at = head.find(b"colr\2")
    if at < 4:
        return None
    source.seek(at + 7)
    return source.read(int.from_bytes(head[at - 4 : at], "big") - 11)
