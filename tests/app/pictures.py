"""Makers of photos and of files that only look like photos."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image, ImageCms, ImageDraw

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 160, 40), (30, 40, 200), (255, 255, 255)


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    """A picture whose corners tell how it is turned: red and green above, blue and white below."""
    image = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2 - 1, height // 2 - 1), RED)
    draw.rectangle((width // 2, 0, width, height // 2 - 1), GREEN)
    draw.rectangle((0, height // 2, width // 2 - 1, height), BLUE)
    return image


def pixel(image: Image.Image, place: tuple[int, int]) -> tuple[int, int, int]:
    """The colour at a place of an RGB picture."""
    return image.getpixel(place)  # type: ignore[return-value]  # as any mode has it


def corners(image: Image.Image) -> list[tuple[int, int, int]]:
    """The colours well inside the four quarters, in reading order."""
    return [pixel(image, place) for place in middles(image)]


def middles(image: Image.Image) -> list[tuple[int, int]]:
    """Places well inside the four quarters, in reading order."""
    width, height = image.size
    return [
        (width // 4, height // 4),
        (3 * width // 4, height // 4),
        (width // 4, 3 * height // 4),
        (3 * width // 4, 3 * height // 4),
    ]


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def landscape(width: int = 320, height: int = 240) -> bytes:
    """A small JPEG with something to paint in it."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.6, height * 0.1, width * 0.85, height * 0.4), (250, 210, 90))
    draw.polygon([(0, height), (width * 0.35, height * 0.35), (width * 0.7, height)], (70, 90, 60))
    draw.rectangle((width * 0.7, height * 0.6, width * 0.9, height * 0.95), (150, 50, 40))
    return encoded(image, "JPEG", quality=92)


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def with_metadata(image: Image.Image) -> bytes:
    """A JPEG with a place, a camera, a comment and XMP in it."""
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    xmp = b"<x:xmpmeta>SecretXmp</x:xmpmeta>"
    return encoded(image, "JPEG", exif=exif, comment=b"SecretComment", xmp=xmp)


def swapped_profile() -> bytes:
    """An ICC profile under which red and green are exchanged, so that ignoring it shows."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    entries = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)
