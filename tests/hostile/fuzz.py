"""Damages small photos at random and looks whether each still ends as a photo or as a refusal.

`make fuzz` runs it: `python -m tests.hostile.fuzz --count 100000 --seed 7`. A finding is kept as a file.
"""

from __future__ import annotations

import argparse
import random
import secrets
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from app.darkroom.parent import DarkroomError, understand
from app.reading import heic
from app.refusals import RefusalError
from tests.app.pictures import encoded, quarters, swapped_profile, with_metadata
from tests.hostile import bombs, formats, oddities
from tests.hostile.batch import LIMIT_MP

ROOT = Path(__file__).parents[2]
KEPT_IN = ROOT / "fuzz"
PATIENCE_S = 10.0
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
MOST_BYTES = 100_000


@dataclass
class Tally:
    """What became of the files: photos and refusals by code, and findings, which should not be."""

    photos: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.photos + sum(self.refusals.values()) + len(self.findings)


def seeds() -> list[bytes]:
    """Small valid files, with all that the readers know how to read in them."""
    small, clear = quarters(24, 18), quarters(24, 18).convert("RGBA")
    clear.putalpha(90)
    profile, exif = swapped_profile(), Image.Exif()
    exif[0x0112] = 6
    more = {"icc_profile": profile, "exif": exif}
    animation = {"save_all": True, "append_images": [clear, small.convert("RGBA")], "duration": 50}
    return [
        encoded(small, "JPEG", quality=80, **more),
        encoded(small, "JPEG", quality=80, progressive=True, subsampling=2),
        encoded(small.convert("CMYK"), "JPEG"),
        encoded(small.convert("L"), "JPEG"),
        with_metadata(small),
        oddities.ARITHMETIC,
        formats.progressive_jpeg(24, 18, 5),
        encoded(small, "MPO", save_all=True, append_images=[small]),
        encoded(small, "PNG", **more),
        encoded(clear, "PNG"),
        encoded(small.convert("LA"), "PNG"),
        encoded(small.convert("1"), "PNG"),
        encoded(small.convert("L").convert("I;16"), "PNG"),
        encoded(clear, "PNG", **animation),
        oddities.palette_with_transparency(),
        oddities.deep(formats.RGBA),
        formats.interlaced_png(small),
        formats.with_chunks(encoded(small), formats.chunk(b"zTXt", b"a\0\0" + zlib.compress(b"text" * 99))),
        encoded(small, "WEBP", **more),
        encoded(clear, "WEBP", lossless=True),
        encoded(clear, "WEBP", **animation),
        encoded(small, "AVIF", **more),
        encoded(clear, "AVIF"),
        encoded(clear, "AVIF", **animation),
        encoded(small, "TIFF", **more),
        encoded(clear, "TIFF", compression="tiff_lzw"),
        encoded(small, "TIFF", compression="jpeg"),
        encoded(small.convert("CMYK"), "TIFF", compression="tiff_adobe_deflate"),
        encoded(small.convert("1"), "TIFF", compression="group4"),
        encoded(small.convert("L").convert("I;16"), "TIFF", compression="packbits"),
        encoded(small, "TIFF", save_all=True, append_images=[small]),
        encoded(small, "BMP"),
        encoded(small.quantize(8), "BMP"),
        bombs.packed_bmp(24, 18),
        encoded(small, "GIF"),
        encoded(clear, "GIF", **animation),
        encoded(small, "JPEG2000"),
        encoded(clear, "JPEG2000", irreversible=True),
        encoded(small.convert("L"), "JPEG2000", no_jp2=True),
        *([oddities.HEIC] if heic.can_read() else []),
    ]


def damaged(seed: int, number: int, originals: list[bytes]) -> bytes:
    """The file of a number in the endless row that belongs to a seed."""
    chance = random.Random(f"{seed}/{number}")
    data = chance.choice(originals)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        data = chance.choice(DAMAGES)(data, chance, originals)[:MOST_BYTES]
    # Wrong checksums would keep damage from all but the first of a PNG's readers.
    return mended(data) if data.startswith(formats.PNG_SIGNATURE) and chance.random() < 0.8 else data


def flip(data: bytes, chance: random.Random, _others: list[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 4, 30))):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, chance: random.Random, _others: list[bytes]) -> bytes:
    """A number of one, two or four bytes becomes an extreme one."""
    size = chance.choice((1, 2, 4))
    # Headers hold what decides about memory, and are short.
    at = chance.randrange(max(1, min(len(data), chance.choice((64, 400, len(data) or 1)))))
    value = (chance.choice(EXTREMES) & ((1 << 8 * size) - 1)).to_bytes(size, chance.choice(("big", "little")))
    return data[:at] + value + data[at + size :]


def cut_off(data: bytes, chance: random.Random, _others: list[bytes]) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def cut_out(data: bytes, chance: random.Random, _others: list[bytes]) -> bytes:
    start, end = piece(data, chance)
    return data[:start] + data[end:]


def double(data: bytes, chance: random.Random, _others: list[bytes]) -> bytes:
    start, end = piece(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]


def splice(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """The beginning of one file and the end of another."""
    other = chance.choice(others)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other)) :]


def insert(data: bytes, chance: random.Random, _others: list[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.choice((1, 4, 100))) + data[at:]


def reorder(data: bytes, chance: random.Random, _others: list[bytes]) -> bytes:
    """The parts that the format is made of, in another order, doubled or left out."""
    parts = parts_of(data)
    if len(parts) < 3:
        return flip(data, chance, [])
    at, to = chance.randrange(1, len(parts)), chance.randrange(1, len(parts))
    kind = chance.randrange(3)
    if kind == 0:
        parts[at], parts[to] = parts[to], parts[at]
    elif kind == 1:
        parts[to:to] = [parts[at]] * chance.choice((1, 2, 20))
    else:
        del parts[at]
    return b"".join(parts)


DAMAGES: tuple[Callable[[bytes, random.Random, list[bytes]], bytes], ...] = (
    flip, overwrite, overwrite, cut_off, cut_out, double, splice, insert, reorder,
)  # fmt: skip


def piece(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 2, 8, 60, 500)))


def parts_of(data: bytes) -> list[bytes]:
    """A PNG's chunks, a JPEG's segments, a WebP's chunks or an AVIF's boxes; the first is what comes before them."""
    if data.startswith(formats.PNG_SIGNATURE):
        return walk(data, 8, lambda at: 12 + int.from_bytes(data[at : at + 4], "big"))
    if data.startswith(b"\xff\xd8"):
        return walk(data, 2, lambda at: 2 + int.from_bytes(data[at + 2 : at + 4], "big"))
    if data.startswith(b"RIFF"):
        return walk(data, 12, lambda at: 8 + (int.from_bytes(data[at + 4 : at + 8], "little") + 1 & ~1))
    return walk(data, 0, lambda at: max(8, int.from_bytes(data[at : at + 4], "big")))


def walk(data: bytes, at: int, length: Callable[[int], int]) -> list[bytes]:
    parts = [data[:at]]
    while at < len(data):
        size = length(at)
        parts.append(data[at : at + size])
        at += size
    return parts


def mended(png: bytes) -> bytes:
    """A PNG with right checksums."""
    parts = parts_of(png)
    return parts[0] + b"".join(
        part[:-4] + struct.pack(">I", zlib.crc32(part[4:-4])) if len(part) >= 12 else part for part in parts[1:]
    )


class Decoder:
    """A confined process that answers for file after file; a new one where one died."""

    def __init__(self) -> None:
        self._child = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.hostile.batch"]
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def answer(self, data: bytes) -> bytes:
        """The answer for a file; empty if the process died of it or took longer than PATIENCE_S."""
        child = self._child
        assert child.stdin is not None
        assert child.stdout is not None
        clock = threading.Timer(PATIENCE_S, child.kill)
        clock.start()
        try:
            child.stdin.write(struct.pack(">I", len(data)) + data)
            child.stdin.flush()
            length = child.stdout.read(4)
            return child.stdout.read(struct.unpack(">I", length)[0]) if length else b""
        except BrokenPipeError:
            return b""
        finally:
            clock.cancel()

    def renew(self) -> int:
        """Start a new process; how the old one ended."""
        self.close()
        status = self._child.returncode
        self._child = self._start()
        return status

    def close(self) -> None:
        for stream in (self._child.stdin, self._child.stdout):
            try:
                assert stream is not None
                stream.close()
            except BrokenPipeError:
                pass
        self._child.wait()


def run(count: int, seed: int, keep_in: Path) -> Iterator[Tally]:
    """Try the first `count` files of a seed; yields the tally after each. Findings are written to the folder."""
    originals, decoder, tally = seeds(), Decoder(), Tally()
    try:
        for number in range(count):
            data = damaged(seed, number, originals)
            fault = try_one(decoder, data, tally)
            if fault:
                keep_in.mkdir(parents=True, exist_ok=True)
                path = keep_in / f"{seed}-{number}.bin"
                path.write_bytes(data)
                tally.findings.append(f"{path}: {fault}")
            yield tally
    finally:
        decoder.close()


def try_one(decoder: Decoder, data: bytes, tally: Tally) -> str:
    """Count what becomes of a file; says what is wrong if it is neither photo nor refusal."""
    answer = decoder.answer(data)
    if not answer:
        return f"the decoder ended with {decoder.renew()}"
    if b'"fault"' in answer.partition(b"\n")[0]:
        return answer.decode()
    try:
        photo = understand(answer)
    except RefusalError as refusal:
        tally.refusals[refusal.kind.code] = tally.refusals.get(refusal.kind.code, 0) + 1
        return ""
    except DarkroomError as error:
        return str(error)
    if photo.width * photo.height > LIMIT_MP * 1_000_000 or not photo.photo_jpeg.startswith(b"\xff\xd8\xff"):
        return f"no photo: {photo.width} × {photo.height}"
    tally.photos += 1
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description="Damage photos at random and try to open them.")
    parser.add_argument("--count", type=int, default=100_000, help="how many files")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="which files; random by default")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    before, tally = time.monotonic(), Tally()
    for tally in run(options.count, options.seed, KEPT_IN):
        if tally.total % 10_000 == 0:
            print(f"{tally.total} files, {time.monotonic() - before:.0f} s, {len(tally.findings)} findings", flush=True)
    print(f"{tally.photos} photos, {tally.refusals}")
    print(*tally.findings, sep="\n")
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
