"""Pictures as files: strips in, PNG, JPEG, WebP or TIFF out, with the recipe, the profile and the print size.

Memory does not grow with the picture's height, but for WebP, whose encoder needs all of it at once (5 bytes a pixel,
some 20 of a transparent one). The same pixels give the same bytes as long as `version` stays. In a file is what is
asked for here and what its format demands, and nothing of any other: pixels are all that encoder and source have in
common.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, Literal

import numpy as np

from app.jobs.files import recipe
from app.jobs.files.strips import Depth, Picture, libvips

Format = Literal["png", "jpg", "webp", "tif"]
DPI, LEAST_DPI, MOST_DPI = 300, 72, 1200
MM_PER_INCH = 25.4
REVISION = 2  # of this module and of the recipe's EXIF: to be raised with every change of the bytes they write
SRGB = {"profile": "srgb"}  # libvips' own profile, the same bytes every time
# Rows of a strip in a TIFF, and those that are sent to the encoder at a time.
ROWS = 16
# By the number of bands: PNG's types of colours without and with transparency.
PNG_COLORS = {3: 2, 4: 6}
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode(
    picture: Picture,
    file: BinaryIO,
    file_format: Format,
    made_with: str | None = None,
    *,
    dpi: int = DPI,
    bits: Literal[8, 16] = 16,
) -> None:
    """Write a picture to an empty file that is open for reading and writing, while its strips come.

    JPEG and WebP have quality 95, JPEG without subsampling; PNG has 8 bits a channel. TIFF has `bits` (16 unless the
    picture is known to have 8 only), deflated with a horizontal predictor, in strips. A picture's transparency is kept,
    but for JPEG, which has none: there all of its colours are seen. All are tagged sRGB and say that
    `dpi` pixels are printed to the inch, JPEG and WebP in EXIF. `made_with` is a recipe's text: in a PNG the text
    `Atelier`, in JPEG and WebP EXIF's user comment, in a TIFF the ImageDescription.

    The strips are drawn in the calling thread, libvips works in another.

    Raises:
        OSError: the file takes no more; or the picture, if it was stored, is damaged.
        ValueError: a strip does not fit the picture.
    """
    deep = file_format == "tif" and bits == 16
    reading, writing = os.pipe()
    with ThreadPoolExecutor(1, "encoder") as pool, os.fdopen(writing, "wb", 0) as pipe:
        saved = pool.submit(_save, reading, file, file_format, made_with, dpi)
        try:
            for piece in _uncompressed(picture, np.uint16 if deep else np.uint8, 3 if file_format == "jpg" else 4):
                _write_all(pipe, piece)
        except BrokenPipeError:
            pass  # The encoder has given up, and says why.
        pipe.close()
        saved.result()


def version() -> str:
    """Of all that decides which bytes a picture becomes."""
    return ".".join(str(libvips().version(part)) for part in range(3)) + f"-{recipe.version()}-{REVISION}"


def _save(reading: int, file: BinaryIO, file_format: Format, made_with: str | None, dpi: int) -> None:
    """Encode what comes out of a pipe, and close that in any case: whoever fills it must not wait for ever."""
    vips = libvips()
    target, failure = _target(vips, file)
    source = vips.SourceCustom()
    source.on_read(lambda size: os.read(reading, size))
    try:
        image = vips.Image.pngload_source(source, access="sequential", fail_on="error")
        image = image.copy(xres=dpi / MM_PER_INCH, yres=dpi / MM_PER_INCH)
        _SAVE[file_format](image, target, _ascii(made_with) if made_with else None)
    except vips.Error:
        if failure:
            raise failure[0] from None
        raise
    finally:
        os.close(reading)


def _target(vips: Any, file: BinaryIO) -> tuple[Any, list[OSError]]:
    """The file as libvips writes to it, and what the system said against that, if anything."""
    failure: list[OSError] = []

    def attempted(act: Callable[[], int]) -> int:
        try:
            return act()
        except OSError as error:
            failure.append(error)
            return -1

    target = vips.TargetCustom()
    target.on_write(lambda data: attempted(lambda: file.write(data)))
    target.on_seek(lambda offset, whence: attempted(lambda: file.seek(offset, whence)))
    target.on_read(lambda size: file.read(size))
    return target, failure


def _save_png(image: Any, target: Any, made_with: str | None) -> None:
    if made_with:
        _set(image, str, f"png-comment-0-{recipe.KEYWORD}", made_with)
    image.pngsave_target(target, compression=6, filter="all", keep="icc|other", **SRGB)


def _save_jpeg(image: Any, target: Any, made_with: str | None) -> None:
    _set_comment(image, made_with)
    image.jpegsave_target(target, Q=95, subsample_mode="off", keep="icc|exif", **SRGB)


def _save_webp(image: Any, target: Any, made_with: str | None) -> None:
    _set_comment(image, made_with)
    # From effort 3 on, the encoder takes twice the time and the memory, for files that are no smaller. Unless it is
    # to be exact, it changes the colours that are not seen.
    image.webpsave_target(target, Q=95, effort=2, exact=True, keep="icc|exif", **SRGB)


def _save_tiff(image: Any, target: Any, made_with: str | None) -> None:
    if made_with:
        _set(image, str, "image-description", made_with)
    image.tiffsave_target(
        target, compression="deflate", predictor="horizontal", resunit="inch", tile_height=ROWS,
        keep="icc|other", **SRGB,
    )  # fmt: skip


_SAVE: dict[Format, Callable[[Any, Any, str | None], None]] = {
    "png": _save_png,
    "jpg": _save_jpeg,
    "webp": _save_webp,
    "tif": _save_tiff,
}


def _set_comment(image: Any, made_with: str | None) -> None:
    if made_with:
        _set(image, bytes, "exif-data", recipe.exif(made_with))


def _set(image: Any, kind: type, name: str, content: str | bytes) -> None:
    gvalue = libvips().GValue
    image.set_type(gvalue.gstr_type if kind is str else gvalue.blob_type, name, content)


def _ascii(text: str) -> str:
    """A recipe's JSON without any other letters: neither a PNG's plain text nor a TIFF's description knows an encoding
    that everybody reads.
    """
    return json.dumps(json.loads(text))


def _uncompressed(picture: Picture, dtype: Depth, most_bands: int) -> Iterator[bytes]:
    """A picture as the pieces of a PNG that is not compressed, which is what libvips reads from a pipe in both depths.

    Of each pixel it has `most_bands` values, if there are so many.

    Source: PNG (W3C, third edition), sections 5.2, 5.3, 7.2 and 10.

    Raises:
        ValueError: a strip, or all of them, do not fit the picture.
    """
    bits = np.dtype(dtype).itemsize * 8
    kind = PNG_COLORS[min(picture.bands, most_bands)]
    yield PNG_SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", picture.width, picture.height, bits, kind, 0, 0, 0))
    stored = zlib.compressobj(0)
    drawn = 0
    for strip in picture.strips(dtype):
        drawn += len(strip)
        if strip.shape[1:] != (picture.width, picture.bands) or strip.dtype != dtype or drawn > picture.height:
            raise ValueError(f"{strip.dtype} {strip.shape} is no strip of a picture of {picture.width} pixels' width")
        for top in range(0, len(strip), ROWS):
            rows = strip[top : top + ROWS, :, :most_bands]
            lines = rows.astype(rows.dtype.newbyteorder(">")).view(np.uint8).reshape(len(rows), -1)
            # Each line begins with the number of its filter: 0, none.
            yield _chunk(b"IDAT", stored.compress(np.pad(lines, ((0, 0), (1, 0))).tobytes()))
    if drawn != picture.height:
        raise ValueError(f"{drawn} rows came of a picture of {picture.height}")
    yield _chunk(b"IDAT", stored.flush()) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def _write_all(pipe: BinaryIO, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[pipe.write(rest) :]
