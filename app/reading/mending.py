"""Files that have all their pixels, and a fault elsewhere: the same without the fault."""

from __future__ import annotations

import io
import re
import struct
import zlib

from app.reading.containers import PNG_SIGNATURE, chunks

END = b"\xff\xd9"
# What takes the place of bits that are missing at a JPEG's end. If the pixels depend on it, bits were missing.
FILLINGS = (b"", b"\xaa" * 4096)
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
START_OF_SCAN, PROGRESSIVE = 0xDA, (0xC2, 0xCA)
SPECTRUM = frozenset(range(64))


def mended(data: bytes) -> list[bytes]:
    """Ways to mend a file. There may be none; if there are several, it is whole if all show the same picture."""
    if data.startswith(PNG_SIGNATURE):
        ways = (with_right_chunks(data), with_right_chunks(data, needed=True))
        return [next(way for way in ways if way != data)] if ways[1] != data else []
    if data.startswith(b"\xff\xd8\xff") and has_all_scans(data):
        return [data.rstrip(b"\xff") + filling + END for filling in FILLINGS]
    return []


def with_right_chunks(png: bytes, needed: bool = False) -> bytes:
    """A PNG with its last chunk, and without those that are not needed for the pixels and have a wrong checksum.

    `needed` leaves out all that are not needed, whatever their checksums.
    """
    parts = [PNG_SIGNATURE]
    last = b""
    for kind, at, length in chunks(io.BytesIO(png)):
        data, checksum = png[at : at + length], png[at + length : at + length + 4]
        is_right = checksum == struct.pack(">I", zlib.crc32(kind + data))
        if kind == b"IEND":
            break
        # The fifth bit says that a chunk is not needed; but transparency is seen.
        if not kind[0] & 0x20 or (is_right and (not needed or kind == b"tRNS")):
            parts.append(png[at - 8 : at + length + 4])
            last = kind
    # Before the pixels nothing ends.
    if last != b"IHDR":
        parts.append(struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND")))
    return b"".join(parts)


def has_all_scans(jpeg: bytes) -> bool:
    """Whether a JPEG's scans have all bits of all frequencies; those of a progressive one come one after the other."""
    known: dict[int, set[int]] = {}
    components = 0
    at = 2
    while found := MARKER.search(jpeg, at):
        kind, at = found.group()[1], found.end()
        length = int.from_bytes(jpeg[at : at + 2], "big")
        segment = jpeg[at + 2 : at + length]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            if kind not in PROGRESSIVE:
                return True
            components = segment[5] if len(segment) > 5 else 0
        elif kind == START_OF_SCAN and segment and len(segment) >= 4 + 2 * segment[0]:
            first, last, bits = segment[2 * segment[0] + 1 : 2 * segment[0] + 4]
            if bits & 15 == 0:  # nothing is left of these for a later scan
                for component in segment[1 : 2 * segment[0] : 2]:
                    known.setdefault(component, set()).update(range(first, last + 1))
        at += length
    return components > 0 and len(known) == components and all(each >= SPECTRUM for each in known.values())
