"""A stranger's bytes → an upright sRGB photo, or a mask, without metadata, or a refusal.

All that parses a stranger's bytes is here and in app/reading, and it runs in a child process that
app/darkroom/parent.py starts for each picture. So it loads nothing of the web application: Pillow, the standard
library, and what confines it.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import BinaryIO

from PIL import AvifImagePlugin, Image, ImageOps, ImageStat

from app.darkroom.child.confinement import confine
from app.reading import heic, picture
from app.reading.errors import RefusedError
from app.reading.labels import flatness, main_colors
from app.reading.normal import Side, Upright, within
from app.reading.picture import Limits

MINIMUM_SIDE = 16
GREATEST_RATIO = 10

# Decoding and shrinking to the very pixel would take twice the time and three times the memory of decoding alone.
STORED, MASK = Side(4096, 512), Side(2048, 0)
THUMB_SIDE = 1280
STORED_OPTIONS = {"quality": 95, "subsampling": 0}
# More effort makes a thumbnail no smaller, but takes twice the time.
THUMB_OPTIONS = {"quality": 84, "method": 2}
GRID_SIDE = 32  # of what is kept of a mask beside it
# Threads of the reader would each cost memory, and the child may start none.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def main() -> None:
    """Answer for what is on standard input: a line, `photo`, `mask` or `rest` (all but the mask), and a file.

    Arguments: megapixels, megabytes, seconds, and 1 where the file may be HEIC, 0 elsewhere.
    """
    limit_mp, memory_mb, time_s, may_be_heic = map(int, sys.argv[-4:])
    Image.preinit()
    confine(memory_mb * 1_000_000, time_s, threads=bool(may_be_heic) and heic.can_read())
    asked = sys.stdin.buffer.readline()
    answer_to = {b"mask\n": answer_mask, b"rest\n": answer_rest}.get(asked, answer)
    reply = answer_to(io.BytesIO(sys.stdin.buffer.read()), limit_mp)
    sys.stdout.buffer.write(reply)
    sys.stdout.buffer.flush()
    # Freeing what a damaged file did to a decoder's memory is not worth a crash after the answer.
    os._exit(0)


def answer(source: BinaryIO, limit_mp: int) -> bytes:
    """What the parent reads of a photo: a line of JSON, then the photo as JPEG, its thumbnail as WebP and, of one that
    is not wholly opaque, its transparency as a grey PNG of the same size.

    The line is `{"width", "height", "jpeg_bytes", "webp_bytes", "alpha_bytes"}` or that of `refused`. The source is
    closed once its pixels are there, so that nobody need keep its bytes beside them.
    """
    return answered(developed_photo, source, limit_mp)


def answer_mask(source: BinaryIO, limit_mp: int) -> bytes:
    """What the parent reads of a mask: a line of JSON, then the mask as PNG, if it is one.

    The line is `{"width", "height", "png_bytes", "white", "colors", "flat", "grid"}` or that of `refused`: the share
    that is white, `main_colors`, their `flatness`, and `grid` in base64.
    """
    return answered(developed_mask, source, limit_mp)


def answer_rest(source: BinaryIO, limit_mp: int) -> bytes:
    """The same of all but the mask: in grey, black where it is white."""
    return answered(lambda source, limit_mp: developed_mask(source, limit_mp, turned=True), source, limit_mp)


def answered(develop: Callable[[BinaryIO, int], bytes], source: BinaryIO, limit_mp: int) -> bytes:
    """The answer, or `{"refused", "values"}`, with `"fault"` where the refusal is for what we did not expect."""
    try:
        return develop(source, limit_mp)
    except RefusedError as refused:
        return header(refused=refused.code, values=refused.values)
    except MemoryError:
        return header(refused="photo-too-costly", values={})
    except Exception:  # A reader's own fault: the file is as good as damaged, and the front end's log gets the cause.
        return header(refused="photo-damaged", values={}, fault=traceback.format_exc(limit=-4))


def developed_photo(source: BinaryIO, limit_mp: int) -> bytes:
    photo, alpha = read_photo(source, limit_mp)
    files = {
        "jpeg_bytes": encode(photo, "JPEG", **STORED_OPTIONS),
        "webp_bytes": encode(thumbnail(photo), "WEBP", **THUMB_OPTIONS),
        "alpha_bytes": encode(alpha, "PNG", compress_level=6) if alpha else b"",
    }
    line = header(width=photo.width, height=photo.height, **{name: len(file) for name, file in files.items()})
    return line + b"".join(files.values())


def developed_mask(source: BinaryIO, limit_mp: int, turned: bool = False) -> bytes:
    mask = read_mask(source, limit_mp)
    mask = ImageOps.invert(mask.convert("L")) if turned else mask
    png = encode(mask, "PNG", compress_level=6)
    colors = main_colors(mask)
    found = {
        "white": ImageStat.Stat(mask.convert("L")).mean[0] / 255,
        "colors": colors,
        "flat": flatness(mask, colors),
        "grid": base64.b64encode(grid(mask)).decode(),
    }
    return header(width=mask.width, height=mask.height, png_bytes=len(png), **found) + png


def header(**members: object) -> bytes:
    """The line that an answer begins with."""
    return json.dumps(members).encode() + b"\n"


def read_photo(source: BinaryIO, limit_mp: int) -> Upright:
    """The picture of an untrusted file, and its transparency (see `picture.read_picture`), which it closes."""
    return picture.read_picture(source, limits(limit_mp), STORED)


def read_mask(source: BinaryIO, limit_mp: int) -> Image.Image:
    """The mask in an untrusted file (see `picture.read_mask`), which it closes."""
    return picture.read_mask(source, limits(limit_mp), MASK)


def limits(limit_mp: int) -> Limits:
    return Limits(limit_mp, MINIMUM_SIDE, GREATEST_RATIO)


def thumbnail(photo: Image.Image) -> Image.Image:
    """The photo at most THUMB_SIDE pixels long."""
    return photo.resize(within(photo.size, THUMB_SIDE), Image.Resampling.LANCZOS, reducing_gap=1.5)


def grid(mask: Image.Image) -> bytes:
    """The mask in GRID_SIDE² cells, row by row: averages of a grey one, RGB in the middles of a coloured one."""
    resample = Image.Resampling.BOX if mask.mode == "L" else Image.Resampling.NEAREST
    return mask.resize((GRID_SIDE, GRID_SIDE), resample).tobytes()


def encode(image: Image.Image, file_format: str, **options: int) -> bytes:
    """The picture as the bytes of a file without metadata."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
