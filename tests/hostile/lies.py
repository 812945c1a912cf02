"""Inputs 1 to 18: empty, cut off, of another type than they say, several types at once."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile

from PIL import Image

from tests.app.pictures import encoded, quarters
from tests.hostile import formats
from tests.hostile.cases import DAMAGED, NOT_AN_IMAGE, WRONG_TYPE, Case, Refused, Taken

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "JPEG2000")
HEADERS = {
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0",
    "PNG": formats.PNG_SIGNATURE + formats.png_header(96, 64),
    "WEBP": b"RIFF\x40\0\0\0WEBPVP8 \x34\0\0\0",
    "AVIF": formats.box(b"ftyp", b"avif", bytes(4), b"avifmif1miafMA1B"),
    "GIF": b"GIF89a" + struct.pack("<HHBBB", 96, 64, 0, 0, 0),
    "BMP": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 18486, 0, 0, 54, 40, 96, 64, 1, 24, 0, 18432, 0, 0, 0, 0),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
}


def noise(file_format: str) -> bytes:
    return encoded(Image.effect_noise((200, 150), 80).convert("RGB"), file_format, quality=90)


def photo(file_format: str) -> bytes:
    return encoded(quarters(), file_format, quality=95)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("SecretPayload.html", "<script>alert('SecretPayload')</script>")
    return buffer.getvalue()


def gif_and_script() -> bytes:
    """A GIF whose size reads as the beginning of a comment, so that a browser would run the rest as a script."""
    return b"GIF89a/*" + bytes(10) + b"*/=1;alert('SecretPayload')//" + b";"


def photoshop() -> bytes:
    """A Photoshop file whose one layer lies at negative coordinates and claims a huge channel."""
    layer = struct.pack(">iiiiH", -(2**31), -(2**31), 2**31 - 1, 2**31 - 1, 4)
    layer += b"".join(struct.pack(">hI", channel, 2**32 - 1) for channel in range(4))
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 64, 64, 8, 3)
    return head + struct.pack(">II", 0, 0) + struct.pack(">IIh", len(layer) + 6, len(layer) + 2, 1) + layer


def astronomy() -> bytes:
    """A FITS file, which astronomers use, of compressed nothing that unpacks to a hundred megabytes."""
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0"]
    cards += ["EXTEND  =                    T", "XTENSION= 'BINTABLE'", "ZIMAGE  =                    T"]
    cards += ["ZCMPTYPE= 'GZIP_1  '", "ZNAXIS1 =                10000", "ZNAXIS2 =                10000", "END"]
    head = "".join(card.ljust(80) for card in cards).encode()
    return head.ljust(2880) + gzip.compress(bytes(100_000_000), 1)


def cut(file: bytes, percent: int) -> bytes:
    """The file's first part."""
    return file[: len(file) * percent // 100]


def icon() -> bytes:
    return encoded(quarters(), "ICO")


CASES = [
    Case(1, "no byte", lambda: b"", Refused("photo-empty")),
    Case(2, "one byte", lambda: b"\xff", NOT_AN_IMAGE),
    *(Case(3, f"header of {name}", lambda head=head: head, DAMAGED) for name, head in HEADERS.items()),  # type: ignore[misc]
    *(
        Case(4, f"{name} cut at {percent} %", lambda n=name, p=percent: cut(noise(n), p), DAMAGED)  # type: ignore[misc]
        for name in FORMATS
        for percent in (10, 50, 99)
    ),
    *(Case(5, f"{name} and garbage", lambda n=name: photo(n) + bytes(range(256)) * 40, Taken()) for name in FORMATS),  # type: ignore[misc]
    Case(6, "PNG named .jpg", lambda: photo("PNG"), Taken()),
    Case(6, "JPEG named .exe", lambda: photo("JPEG"), Taken(), "SecretName.exe"),
    Case(7, "JPEG sent as HTML", lambda: photo("JPEG"), Taken(), "SecretName.html", "text/html"),
    Case(7, "JPEG sent as nonsense", lambda: photo("JPEG"), Taken(), content_type="a/b/c; charset=?"),
    Case(8, "JPEG and ZIP at once", lambda: photo("JPEG") + zipped(), Taken()),
    Case(9, "GIF and script at once", gif_and_script, DAMAGED),
    Case(
        10,
        "PNG with a PHP program in its text",
        lambda: formats.with_chunks(
            photo("PNG"), formats.chunk(b"tEXt", b"Comment\0<?php system('SecretPayload'); ?>")
        ),
        Taken(),
        "SecretName.php.png",
    ),
    Case(11, "HTML named .png", lambda: b"<!DOCTYPE html><script>alert(1)</script>", WRONG_TYPE, "SecretName.png"),
    Case(
        12,
        "SVG with a script",
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        WRONG_TYPE,
        "SecretName.svg",
        "image/svg+xml",
    ),
    Case(
        13,
        "SVG with an external entity",
        lambda: (
            b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
            b'<svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>'
        ),
        WRONG_TYPE,
    ),
    Case(14, "EPS", lambda: encoded(quarters(), "EPS"), NOT_AN_IMAGE),
    Case(15, "PDF", lambda: encoded(quarters(), "PDF"), WRONG_TYPE),
    Case(16, "PSD with negative layers", photoshop, WRONG_TYPE),
    Case(17, "FITS with a gzip bomb", astronomy, NOT_AN_IMAGE),
    Case(18, "ICO", icon, NOT_AN_IMAGE),
    Case(18, "TGA", lambda: encoded(quarters(), "TGA"), NOT_AN_IMAGE),
    Case(18, "DDS", lambda: encoded(quarters(), "DDS"), NOT_AN_IMAGE),
    Case(18, "BLP", lambda: encoded(quarters().quantize(), "BLP"), NOT_AN_IMAGE),
    Case(18, "FLI", lambda: struct.pack("<IHHHHHH", 1000, 0xAF11, 10, 96, 64, 8, 0) + bytes(984), NOT_AN_IMAGE),
]
