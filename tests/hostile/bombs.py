"""Inputs 19 to 33: small files that want much memory or time."""

from __future__ import annotations

import struct
import zlib

from PIL import Image

from tests.app.pictures import BLUE, RED, encoded, png_claiming, quarters
from tests.hostile import formats
from tests.hostile.cases import (
    DAMAGED,
    NOT_AN_IMAGE,
    TOO_MANY_PIXELS,
    TOO_SMALL,
    WRONG_TYPE,
    Case,
    Refused,
    Taken,
)

FRAMES = 10_000
RED_SQUARE = Taken((32, 32), (RED,) * 4)


def many_png_frames() -> bytes:
    """An animated PNG: red, then blue for ever."""
    first, other = (zlib.compress((b"\0" + bytes(color) * 32) * 32) for color in (RED, BLUE))

    def control(sequence: int) -> bytes:
        return formats.chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, 32, 32, 0, 0, 1, 10, 0, 0))

    parts = [formats.PNG_SIGNATURE, formats.png_header(32, 32), formats.chunk(b"acTL", struct.pack(">II", FRAMES, 0))]
    parts += [control(0), formats.chunk(b"IDAT", first)]
    for frame in range(1, FRAMES):
        parts += [control(2 * frame - 1), formats.chunk(b"fdAT", struct.pack(">I", 2 * frame) + other)]
    return b"".join(parts) + formats.chunk(b"IEND", b"")


def many_webp_frames() -> bytes:
    def frame(color: tuple[int, int, int]) -> bytes:
        pixels = encoded(Image.new("RGB", (32, 32), color), "WEBP", lossless=True)[12:]
        place = bytes(6) + (31).to_bytes(3, "little") * 2 + (100).to_bytes(3, "little") + b"\0"
        return formats.riff_chunk(b"ANMF", place + pixels)

    canvas = formats.riff_chunk(b"VP8X", struct.pack("<I", 0x02) + (31).to_bytes(3, "little") * 2)
    return formats.riff(canvas, formats.riff_chunk(b"ANIM", bytes(6)), frame(RED), frame(BLUE) * (FRAMES - 1))


def many_frames(file_format: str, **options: int) -> bytes:
    frames = [Image.new("RGB", (32, 32), color) for color in (RED, *((BLUE, RED) * (FRAMES // 2))[: FRAMES - 1])]
    return encoded(frames[0], file_format, save_all=True, append_images=frames[1:], duration=20, **options)


def unpacking_to(size: int, kind: bytes) -> bytes:
    """A PNG with compressed text, or a colour profile, that unpacks to so many bytes."""
    data = formats.chunk(kind, b"Secret\0\0" + zlib.compress(bytes(size), 9))
    return formats.with_chunks(encoded(quarters()), data)


def jpeg_of_no_height() -> bytes:
    """A JPEG that promises to say its height at the end."""
    data = encoded(quarters(), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + b"\0\0" + data[at + 2 :]


def tiff(*directory: tuple[int, int, int, int], next_at: int = 0) -> bytes:
    """A little-endian TIFF of one directory of (tag, type, count, value)."""
    entries = b"".join(struct.pack("<HHII", *entry) for entry in directory)
    return b"II*\0" + struct.pack("<IH", 8, len(directory)) + entries + struct.pack("<I", next_at) + bytes(64)


def jpeg_2000() -> bytes:
    """JPEG 2000 of one tile of 2³¹ × 2³¹ pixels."""
    size = struct.pack(">HIIIIIIIIH", 0, 2**31, 2**31, 0, 0, 2**31, 2**31, 0, 0, 3) + bytes([7, 1, 1]) * 3
    return b"\xff\x4f\xff\x51" + struct.pack(">H", len(size) + 2) + size + b"\xff\xd9"


def grid(brand: bytes, codec: bytes) -> bytes:
    configuration = formats.box(codec[:2] + b"1C" if codec == b"av01" else b"hvcC", b"\x81\x20\0\0")
    return formats.grid_picture(brand, codec, configuration, (100_000, 100_000))


CASES = [
    Case(19, "65 000 × 65 000 in one colour", lambda: formats.png_of_one_color(65_000, 65_000), TOO_MANY_PIXELS),
    Case(20, "as many pixels as allowed", lambda: formats.png_of_one_color(10_000, 10_000), Taken((4096, 4096), None)),
    Case(20, "a few pixels too many", lambda: formats.png_of_one_color(10_001, 10_000), TOO_MANY_PIXELS),
    Case(21, "twice the pixels allowed", lambda: formats.png_of_one_color(20_000, 10_001), TOO_MANY_PIXELS),
    Case(22, "1 × 30 000", lambda: encoded(Image.new("RGB", (1, 30_000))), TOO_SMALL),
    Case(22, "30 000 × 1", lambda: encoded(Image.new("RGB", (30_000, 1)), "JPEG"), TOO_SMALL),
    Case(22, "300 × 30", lambda: encoded(quarters(300, 30)), Taken((300, 30))),
    Case(22, "301 × 30", lambda: encoded(quarters(301, 30)), Refused("photo-too-narrow")),
    Case(23, "1 × 1", lambda: encoded(Image.new("RGB", (1, 1))), TOO_SMALL),
    Case(24, "PNG 0 × 64", lambda: png_claiming(0, 64), DAMAGED),
    Case(24, "JPEG of no height", jpeg_of_no_height, DAMAGED),
    Case(25, "GIF of 10 000 frames", lambda: many_frames("GIF"), WRONG_TYPE),
    Case(25, "PNG of 10 000 frames", many_png_frames, RED_SQUARE),
    Case(25, "WebP of 10 000 frames", many_webp_frames, RED_SQUARE),
    Case(25, "AVIF of 10 000 frames", lambda: many_frames("AVIF", speed=10), RED_SQUARE),
    Case(
        26,
        "PNG of 100 000 texts",
        lambda: formats.with_chunks(encoded(quarters()), formats.chunk(b"tEXt", b"Secret\0text") * 100_000),
        Taken(),
    ),
    Case(27, "text that unpacks to 1 GB", lambda: unpacking_to(1_000_000_000, b"zTXt"), DAMAGED),
    Case(27, "profile that unpacks to 1 GB", lambda: unpacking_to(1_000_000_000, b"iCCP"), DAMAGED),
    Case(28, "TIFF whose directory leads to itself", lambda: tiff((256, 4, 1, 64), next_at=8), WRONG_TYPE),
    Case(
        29,
        "TIFF of a strip of 4 GB",
        lambda: tiff((256, 4, 1, 64), (257, 4, 1, 64), (273, 4, 1, 8), (279, 4, 1, 2**32 - 1)),
        WRONG_TYPE,
    ),
    Case(
        30, "JPEG of 500 scans", lambda: formats.progressive_jpeg(640, 480, 500), Taken((640, 480), ((128,) * 3,) * 4)
    ),
    Case(31, "JPEG 2000 of one huge tile", jpeg_2000, NOT_AN_IMAGE),
    Case(32, "AVIF grid of 10 gigapixels", lambda: grid(b"avif", b"av01"), DAMAGED),
    Case(32, "HEIC grid of 10 gigapixels", lambda: grid(b"heic", b"hvc1"), WRONG_TYPE),
]
