"""Inputs 19 to 33: small files that want much memory or time."""

from __future__ import annotations

import struct
import zlib

from PIL import Image

from tests.app.pictures import BLUE, RED, encoded, png_claiming, quarters
from tests.hostile import formats
from tests.hostile.cases import (
    DAMAGED,
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


def promising(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header says that it has this size."""
    parts = formats.segments(jpeg)
    size = struct.pack(">HH", height, width)
    changed = ((kind, part[:1] + size + part[5:] if kind in (0xC0, 0xC2) else part) for kind, part in parts)
    return formats.jpeg_of(changed)


def jpeg_of_no_height() -> bytes:
    """A JPEG that promises to say its height at the end."""
    data = encoded(quarters(), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + b"\0\0" + data[at + 2 :]


def tiff(*directory: tuple[int, int, int, int], next_at: int = 0) -> bytes:
    """A little-endian TIFF of one directory of (tag, type, count, value)."""
    entries = b"".join(struct.pack("<HHII", *entry) for entry in directory)
    return b"II*\0" + struct.pack("<IH", 8, len(directory)) + entries + struct.pack("<I", next_at) + bytes(64)


def packed_tiff(width: int, height: int, tile: int = 0) -> bytes:
    """A grey TIFF whose one strip or tile is a few deflated bytes, whatever its size."""
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1)]
    place = 8 + 2 + 12 * 10 + 4
    content = zlib.compress(bytes(1000))
    if tile:
        entries += [(322, 4, 1, tile), (323, 4, 1, tile), (324, 4, 1, place), (325, 4, 1, len(content))]
    else:
        entries += [(273, 4, 1, place), (278, 4, 1, height), (279, 4, 1, len(content)), (284, 3, 1, 1)]
    return tiff(*entries)[:place] + content


def many_pages() -> bytes:
    """A TIFF of one red page, and 9999 that are all the first one again."""
    data = bytearray(encoded(Image.new("RGB", (32, 32), RED), "TIFF"))
    at = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack("<H", data[at : at + 2])[0]
    directory = data[at : at + 2 + 12 * count]
    for _ in range(FRAMES - 1):
        end = at + 2 + 12 * count
        data[end : end + 4] = struct.pack("<I", len(data))
        at = len(data)
        data += directory + bytes(4)
    return bytes(data)


def gif(width: int, height: int, frame: tuple[int, int, int, int]) -> bytes:
    """A GIF whose one frame lies at (left, top, width, height), all of it one colour, as few codes as there may be."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(RED) + bytes(BLUE)
    # Codes of three bits: clear, the first colour, and then runs of it, each longer by one than the last.
    bits, size, table = "", 3, 5
    for code in [4, 0, *range(6, 4096)]:
        bits = f"{code:0{size}b}" + bits
        table += code != 4
        if table == 2**size and size < 12:
            size += 1
    data = int(bits, 2).to_bytes(-(-len(bits) // 8), "little")
    blocks = b"".join(bytes([len(data[at : at + 255])]) + data[at : at + 255] for at in range(0, len(data), 255))
    return head + b"," + struct.pack("<HHHHB", *frame, 0) + b"\2" + blocks + b"\0;"


def packed_bmp(width: int, height: int) -> bytes:
    """A bitmap in runs of 255 pixels of one colour."""
    row = bytes([255, 1]) * (width // 255) + bytes([width % 255, 1, 0, 0])
    data = row * height + b"\0\1"
    place = 14 + 40 + 8
    head = b"BM" + struct.pack("<IHHI", place + len(data), 0, 0, place)
    return head + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(data), 0, 0, 2, 0) + bytes(8) + data


def jpeg_2000(side: int = 2**31, tile: int = 2**31) -> bytes:
    """JPEG 2000 of side × side pixels, in tiles of tile × tile, without a byte of them."""
    size = struct.pack(">HIIIIIIIIH", 0, side, side, 0, 0, tile, tile, 0, 0, 3) + bytes([7, 1, 1]) * 3
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
    Case(25, "GIF of 10 000 frames", lambda: many_frames("GIF"), RED_SQUARE),
    Case(25, "PNG of 10 000 frames", many_png_frames, RED_SQUARE),
    Case(25, "WebP of 10 000 frames", many_webp_frames, RED_SQUARE),
    Case(25, "AVIF of 10 000 frames", lambda: many_frames("AVIF", speed=10), RED_SQUARE),
    Case(
        26,
        "PNG of 100 000 texts",
        lambda: formats.with_chunks(encoded(quarters()), formats.chunk(b"tEXt", b"Secret\0text") * 100_000),
        Taken(),
    ),
    Case(27, "text that unpacks to 1 GB", lambda: unpacking_to(1_000_000_000, b"zTXt"), Taken()),
    Case(27, "profile that unpacks to 1 GB", lambda: unpacking_to(1_000_000_000, b"iCCP"), Taken()),
    Case(28, "TIFF whose directory leads to itself", lambda: tiff((256, 4, 1, 64), next_at=8), WRONG_TYPE),
    Case(
        29,
        "TIFF of a strip of 4 GB",
        lambda: tiff((256, 4, 1, 64), (257, 4, 1, 64), (273, 4, 1, 8), (279, 4, 1, 2**32 - 1)),
        DAMAGED,
    ),
    Case(
        30, "JPEG of 500 scans", lambda: formats.progressive_jpeg(640, 480, 500), Taken((640, 480), ((128,) * 3,) * 4)
    ),
    Case(31, "JPEG 2000 of one huge tile", jpeg_2000, TOO_MANY_PIXELS),
    Case(29, "TIFF of one huge tile", lambda: packed_tiff(64, 64, tile=2**31 - 16), DAMAGED),
    Case(29, "TIFF of 65 000 × 65 000 in nothing", lambda: packed_tiff(65_000, 65_000), TOO_MANY_PIXELS),
    Case(29, "TIFF of 100 megapixels in nothing", lambda: packed_tiff(10_000, 10_000), DAMAGED),
    Case(29, "TIFF of 10 000 pages", many_pages, RED_SQUARE),
    Case(29, "GIF frame far beyond its canvas", lambda: gif(32, 32, (60_000, 60_000, 32, 32)), TOO_MANY_PIXELS),
    Case(29, "GIF frame somewhat beyond its canvas", lambda: gif(32, 32, (16, 16, 32, 32)), Taken((48, 48), None)),
    Case(
        29,
        "GIF of 65 000 × 65 000 in a few codes",
        lambda: gif(65_000, 65_000, (0, 0, 65_000, 65_000)),
        TOO_MANY_PIXELS,
    ),
    Case(29, "GIF of 100 megapixels in a few codes", lambda: gif(10_000, 10_000, (0, 0, 10_000, 10_000)), DAMAGED),
    Case(29, "BMP of 65 000 × 65 000 in runs", lambda: packed_bmp(65_000, 65_000), TOO_MANY_PIXELS),
    Case(29, "BMP of 9 megapixels in runs", lambda: packed_bmp(3000, 3000), Taken((3000, 3000), None)),
    Case(
        29, "JPEG of 90 megapixels in a few bytes", lambda: promising(encoded(quarters(), "JPEG"), 9500, 9500), DAMAGED
    ),
    Case(
        29,
        "progressive JPEG of 90 megapixels in a few bytes, with a megabyte of nothing beside them",
        lambda: formats.with_segments(
            promising(encoded(quarters(), "JPEG", progressive=True), 9500, 9500),
            formats.segment(0xFE, bytes(60_000)) * 16,
        ),
        DAMAGED,
    ),
    Case(31, "JPEG 2000 of 100 megapixels in no byte", lambda: jpeg_2000(10_000), DAMAGED),
    Case(31, "JPEG 2000 of 100 million tiles", lambda: jpeg_2000(10_000, tile=1), DAMAGED),
    Case(32, "AVIF grid of 10 gigapixels", lambda: grid(b"avif", b"av01"), DAMAGED),
    Case(32, "HEIC grid of 10 gigapixels", lambda: grid(b"heic", b"hvc1"), WRONG_TYPE),
]
