"""JPEGs that promise more pixels than they have data for. A decoder would make up the rest: megapixels of grey."""

from __future__ import annotations

import re

START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
START_OF_SCAN, END = 0xDA, 0xD9
# Pixels that a bit can hold at most (ITU-T T.81). A block of 64 has a bit for its mean and, unless that comes in scans
# of its own, one for its end; of what is lossless, each pixel has one. An arithmetic coder's bits have no such bound.
MOST_A_BIT = {0xC0: 32, 0xC1: 32, 0xC2: 64, 0xC3: 1}
# So often what can be held is still taken: nobody is refused for a few rows that are missing.
OFTEN = 10
# Other than those that stand for a byte of data, or let a decoder find its place again.
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def holds(jpeg: bytes, pixels: int) -> bool:
    """Whether a JPEG's data can be of so many pixels, by an order of magnitude."""
    kind, data_bytes, at = 0, 0, 2
    while (found := MARKER.search(jpeg, at)) and found[0][1] != END:
        at = found.end() + int.from_bytes(jpeg[found.end() : found.end() + 2], "big")
        if found[0][1] in START_OF_FRAME:
            kind = found[0][1]
        elif found[0][1] == START_OF_SCAN:
            rest = MARKER.search(jpeg, at)
            data_bytes += (rest.start() if rest else len(jpeg)) - at
    return kind not in MOST_A_BIT or pixels <= OFTEN * MOST_A_BIT[kind] * 8 * data_bytes
