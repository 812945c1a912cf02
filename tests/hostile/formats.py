"""Files byte by byte, for what no library writes: PNG, JPEG, AVIF, WebP, EXIF."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence

from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, RGBA = 0, 2, 3, 6
# First column, first row, and the steps of each pass of an interlaced PNG (Adam7).
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk with its right checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int, depth: int = 8, color: int = RGB, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def png_of_rows(
    size: tuple[int, int], rows: Iterable[bytes], *, depth: int = 8, color: int = RGB, extra: bytes = b""
) -> bytes:
    """A PNG of rows of samples, with more chunks before the pixels."""
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    header = png_header(*size, depth, color)
    return PNG_SIGNATURE + header + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_of_one_color(width: int, height: int) -> bytes:
    """A black RGB PNG of any size, in a thousandth of its pixels' bytes and without ever holding them."""
    total = height * (3 * width + 1)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    whole, rest = divmod(total, 1_000_000)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    tail = packer.compress(bytes(rest)) + packer.flush()
    adler = struct.pack(">HH", total % 65521, 1)  # of so many zeros
    stream = b"\x78\xda" + block * whole + tail + adler
    return PNG_SIGNATURE + png_header(width, height) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def interlaced_png(image: Image.Image) -> bytes:
    """An interlaced PNG of an RGB picture."""
    (width, height), pixels = image.size, image.tobytes()
    passes = []
    for x0, y0, dx, dy in ADAM7:
        for y in range(y0, height, dy):
            row = b"".join(pixels[3 * at : 3 * at + 3] for at in range(y * width + x0, (y + 1) * width, dx))
            passes.append(b"\0" + row if row else b"")
    data = chunk(b"IDAT", zlib.compress(b"".join(passes)))
    return PNG_SIGNATURE + png_header(width, height, interlace=1) + data + chunk(b"IEND", b"")


def with_chunks(png: bytes, extra: bytes) -> bytes:
    """A PNG with more chunks after its header."""
    end = len(PNG_SIGNATURE) + 25
    return png[:end] + extra + png[end:]


def segment(marker: int, data: bytes) -> bytes:
    """A JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def segments(jpeg: bytes) -> list[tuple[int, bytes]]:
    """A JPEG's segments up to its first scan; the last one holds all the rest."""
    found, at = [], 2
    while jpeg[at + 1] != 0xDA:
        length = struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        found.append((jpeg[at + 1], jpeg[at + 4 : at + 2 + length]))
        at += 2 + length
    return [*found, (0xDA, jpeg[at:])]


def jpeg_of(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """The JPEG of such segments."""
    return b"\xff\xd8" + b"".join(data if marker == 0xDA else segment(marker, data) for marker, data in parts)


def with_segments(jpeg: bytes, extra: bytes) -> bytes:
    """A JPEG with more segments at its beginning."""
    return jpeg[:2] + extra + jpeg[2:]


def progressive_jpeg(width: int, height: int, scans: int) -> bytes:
    """A grey progressive JPEG of so many scans, each of which says of all blocks at once that nothing changes."""
    blocks = -(-width // 8) * -(-height // 8)
    frame = segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))
    quantization = segment(0xDB, bytes([0]) + bytes([1]) * 64)
    # One code of one bit each: "no change" of the average, and "the next 16384 and so many blocks are empty".
    average = segment(0xC4, bytes([0x00]) + bytes([1]) + bytes(15) + bytes([0x00]))
    empty = segment(0xC4, bytes([0x10]) + bytes([1]) + bytes(15) + bytes([0xE0]))
    first = segment(0xDA, bytes([1, 1, 0x00, 0, 0, 0x00])) + packed("0" * blocks)
    bits, left = "", blocks
    while left > 0:
        bits += "0" + f"{min(left, 32767) - 16384 if left > 16384 else 0:014b}"
        left -= 32767
    more = segment(0xDA, bytes([1, 1, 0x00, 1, 63, 0x00])) + packed(bits)
    return b"\xff\xd8" + quantization + frame + average + empty + first + more * (scans - 1) + b"\xff\xd9"


def packed(bits: str) -> bytes:
    """Bits as the entropy-coded bytes of a JPEG: padded with ones, 0xFF followed by 0."""
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


def box(kind: bytes, *content: bytes) -> bytes:
    """An ISO base media box (AVIF, HEIC)."""
    data = b"".join(content)
    return struct.pack(">I", 8 + len(data)) + kind + data


def full_box(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def grid_picture(brand: bytes, codec: bytes, configuration: bytes, size: tuple[int, int]) -> bytes:
    """A picture put together from 256 × 256 tiles, all of which are the same few bytes."""
    rows = columns = 256
    count = rows * columns
    plan = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *size)
    tile = b"\x12\x00\x0a\x0a" + bytes(60)
    entries = [full_box(b"infe", struct.pack(">HH", 1, 0), b"grid\0", version=2)]
    entries += [full_box(b"infe", struct.pack(">HH", number + 2, 0), codec + b"\0", version=2) for number in range(20)]
    places = struct.pack(">HHHII", 1, 1, 1, 0, len(plan))
    for number in range(20):
        places += struct.pack(">HHHII", number + 2, 1, 1, len(plan), len(tile))
    meta = full_box(
        b"meta",
        full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
        full_box(b"pitm", struct.pack(">H", 1)),
        full_box(b"iinf", struct.pack(">H", len(entries)), *entries),
        full_box(b"iref", box(b"dimg", struct.pack(">HH", 1, count % 65536 or 65535), struct.pack(">H", 2) * 65535)),
        box(
            b"iprp",
            box(b"ipco", full_box(b"ispe", struct.pack(">II", *size)), configuration),
            full_box(b"ipma", struct.pack(">IHBBB", 1, 1, 2, 1, 0x82)),
        ),
        full_box(b"iloc", bytes([0x44, 0x00]), struct.pack(">H", 21), places, version=1),
        box(b"idat", plan, tile),
    )
    return box(b"ftyp", brand, bytes(4), b"mif1", brand) + meta


def riff(*chunks: bytes) -> bytes:
    """A WebP file of chunks."""
    data = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(data)) + data


def riff_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def exif(entries: Sequence[tuple[int, int, int, bytes]], next_directory: int = 0, tail: bytes = b"") -> bytes:
    """An EXIF block of one directory of (tag, type, count, four bytes of value or place), big-endian."""
    directory = struct.pack(">H", len(entries))
    directory += b"".join(struct.pack(">HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"Exif\0\0MM\0*" + struct.pack(">I", 8) + directory + struct.pack(">I", next_directory) + tail
