"""What a decoder does, for one file after another: a confined process that answers for each until there are no more.

Run as `python -m tests.hostile.batch`. Files and answers travel as a length of four bytes and the bytes.
"""

from __future__ import annotations

import io
import struct
import sys

from PIL import Image

from app.darkroom.child.confinement import confine
from app.darkroom.child.developing import answer
from app.reading import heic

LIMIT_MP = 100
MEMORY_BYTES = 2_000_000_000
CPU_S = 3600


def main() -> None:
    Image.preinit()
    confine(MEMORY_BYTES, CPU_S, threads=heic.can_read())
    while length := sys.stdin.buffer.read(4):
        file = io.BytesIO(sys.stdin.buffer.read(struct.unpack(">I", length)[0]))
        reply = answer(file, LIMIT_MP)
        sys.stdout.buffer.write(struct.pack(">I", len(reply)) + reply)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
