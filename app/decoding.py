"""A stranger's bytes → an upright sRGB photo, or a mask, without metadata, or a refusal.

All that parses a stranger's bytes is in this room, and it runs in a child process that app/darkroom.py starts for each
picture. So it loads nothing of the web application: Pillow, the standard library, and what confines it.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
import struct
import sys
import traceback
import warnings
import zlib
from collections.abc import Callable
from typing import BinaryIO, NamedTuple, cast

# Pillow would load some of these only while it decodes, when a confined process can open no file any more.
from PIL import (
    AvifImagePlugin,
    Image,
    ImageChops,
    ImageCms,
    ImageOps,
    ImageStat,
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,
    TiffImagePlugin,  # noqa: F401 - EXIF is a TIFF directory
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from app.confinement import confine
from app.tones import read_signal, to_standard_range

try:  # HEIC is an extra: its wheels carry GPL code, which the core must not depend on.
    from pillow_heif import register_heif_opener  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    HEIC_FORMATS: tuple[str, ...] = ()
else:
    register_heif_opener(thumbnails=False)
    HEIC_FORMATS = ("HEIF",)

# Pillow's JPEG reader also opens MPO, the several-pictures JPEG of phones, of which we take the first.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", *HEIC_FORMATS)
MINIMUM_SIDE = 16
GREATEST_RATIO = 10


class Side(NamedTuple):
    """How long a picture becomes: `longest` pixels if it is longer than that by more than `slack`; a JPEG that its
    reader can decode at a scale that leaves it at most `slack` shorter is left at that.
    """

    longest: int
    slack: int


# Decoding and shrinking to the very pixel would take twice the time and three times the memory of decoding alone.
STORED, MASK = Side(4096, 512), Side(2048, 0)
THUMB_SIDE = 1280
STORED_OPTIONS = {"quality": 95, "subsampling": 0}
# More effort makes a thumbnail no smaller, but takes twice the time.
THUMB_OPTIONS = {"quality": 84, "method": 2}
# A mask is grey although its file has colours where no more of it than this is clearly coloured: JPEG's noise.
COLORED_SHARE, CLEARLY_COLORED = 0.002, 24
# What is looked at for a mask's colours, and how far apart two of them are at least (Euclid in RGB).
SAMPLE_SIDE, MOST_COLORS, APART = 128, 32, 64
LEAST_SHARE = 5e-4  # of a mask, for a colour of it; the engine's own limit
GRID_SIDE = 32
# Boxes about the picture come before its pixels.
SIGNAL_WITHIN_BYTES = 65_536
# What damaged files make Pillow's readers raise, in 13.0.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
)
SRGB = ImageCms.createProfile("sRGB")
# Openings of files that people take for photos, to name what they chose: (offset, bytes, name).
KNOWN_OTHERS = (
    (0, b"GIF8", "a GIF"),
    (0, b"II*\0", "a TIFF or a camera's raw file"),
    (0, b"MM\0*", "a TIFF or a camera's raw file"),
    (0, b"BM", "a Windows bitmap"),
    (0, b"%PDF", "a PDF"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an SVG drawing or another text file"),
    (0, b"<!DOCTYPE html", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"PK\3\4", "a ZIP file or an office document"),
    (4, b"ftyphei", "a HEIC photo"),
    (4, b"ftyphev", "a HEIC photo"),
    (4, b"ftypmif1", "a HEIC photo"),
    (4, b"ftypmp4", "a video"),
    (4, b"ftypisom", "a video"),
    (4, b"ftypqt", "a video"),
)


# Animations and damaged files make Pillow warn; nobody reads it here.
warnings.simplefilter("ignore")
# The guard would refuse without saying how large the picture is. `check_size` knows, and memory is limited anyway.
Image.MAX_IMAGE_PIXELS = None
# Threads of the reader would each cost memory, and the child may start none.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# Colour profiles above a megabyte are rare but legal; Pillow counts them as text.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 1024 * 1024


class RefusedError(Exception):
    """A file that is no photo for us: the code of one of app/errors.py's kinds, and what its sentence needs."""

    def __init__(self, code: str, **values: float | str) -> None:
        self.code = code
        self.values = values
        super().__init__(code)


def main() -> None:
    """Answer for what is on standard input: a line, `photo`, `mask` or `rest` (all but the mask), and a file.

    Arguments: megapixels, megabytes, seconds.
    """
    limit_mp, memory_mb, time_s = map(int, sys.argv[-3:])
    os.nice(10)  # Who waits for a page goes first.
    Image.preinit()
    # The HEIC reader starts a thread whatever it is told.
    confine(memory_mb * 1_000_000, time_s, threads=bool(HEIC_FORMATS))
    asked = sys.stdin.buffer.readline()
    answer_to = {b"mask\n": answer_mask, b"rest\n": answer_rest}.get(asked, answer)
    reply = answer_to(io.BytesIO(sys.stdin.buffer.read()), limit_mp)
    sys.stdout.buffer.write(reply)
    sys.stdout.buffer.flush()
    # Freeing what a damaged file did to a decoder's memory is not worth a crash after the answer.
    os._exit(0)


def answer(source: BinaryIO, limit_mp: int) -> bytes:
    """What the parent reads of a photo: a line of JSON, then the photo as JPEG and its thumbnail as WebP, if it is one.

    The line is `{"width", "height", "jpeg_bytes", "webp_bytes"}` or that of `refused`. The source is closed once its
    pixels are there, so that nobody need keep its bytes beside them.
    """
    return answered(developed_photo, source, limit_mp)


def answer_mask(source: BinaryIO, limit_mp: int) -> bytes:
    """What the parent reads of a mask: a line of JSON, then the mask as PNG, if it is one.

    The line is `{"width", "height", "png_bytes", "white", "colors", "grid"}` or that of `refused`: the share that is
    white, `main_colors`, and `grid` in base64.
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
    photo = read_photo(source, limit_mp)
    jpeg = encode(photo, "JPEG", **STORED_OPTIONS)
    webp = encode(thumbnail(photo), "WEBP", **THUMB_OPTIONS)
    return header(width=photo.width, height=photo.height, jpeg_bytes=len(jpeg), webp_bytes=len(webp)) + jpeg + webp


def developed_mask(source: BinaryIO, limit_mp: int, turned: bool = False) -> bytes:
    mask = read_mask(source, limit_mp)
    mask = ImageOps.invert(mask.convert("L")) if turned else mask
    png = encode(mask, "PNG", compress_level=6)
    found = {
        "white": ImageStat.Stat(mask.convert("L")).mean[0] / 255,
        "colors": main_colors(mask),
        "grid": base64.b64encode(grid(mask)).decode(),
    }
    return header(width=mask.width, height=mask.height, png_bytes=len(png), **found) + png


def header(**members: object) -> bytes:
    """The line that an answer begins with."""
    return json.dumps(members).encode() + b"\n"


def read_photo(source: BinaryIO, limit_mp: int) -> Image.Image:
    """Decode an untrusted file: format by content, upright, sRGB, on white, first frame, no metadata. Closes it.

    Raises:
        RefusedError: the file is empty, of another type, damaged, too small, too narrow, or above `limit_mp`
            megapixels, which is known from its header before a pixel is decoded.
        MemoryError: it does not fit in what this process may use.
    """
    return read_picture(source, limit_mp, STORED, "white")


def read_mask(source: BinaryIO, limit_mp: int) -> Image.Image:
    """Decode an untrusted file as `read_photo` does, but on black: L, or RGB where it clearly has colours.

    Raises:
        RefusedError, MemoryError: as in `read_photo`.
    """
    mask = read_picture(source, limit_mp, MASK, "black")
    red, green, blue = mask.split()
    difference = ImageChops.lighter(ImageChops.difference(red, green), ImageChops.difference(green, blue))
    colored = sum(difference.histogram()[CLEARLY_COLORED:])
    return mask if colored > COLORED_SHARE * mask.width * mask.height else mask.convert("L")


def read_picture(source: BinaryIO, limit_mp: int, side: Side, background: str) -> Image.Image:
    """The file's picture, as long as `side` says; what is transparent shows the background."""
    start = source.read(SIGNAL_WITHIN_BYTES)
    head = start[:32]
    if not head:
        raise RefusedError("photo-empty")
    source.seek(0)
    try:
        image = Image.open(source, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise unidentified(head) from error
    except UNREADABLE as error:
        raise RefusedError("photo-damaged") from error
    check_size(image.size, limit_mp)
    try:
        signal = read_signal(start) if image.format in {"AVIF", "HEIF"} else None
        draft(image, side)
        image.load()
        source.close()
        return normalize(image, signal, side, background)
    except UNREADABLE as error:
        raise RefusedError("photo-damaged") from error


def unidentified(head: bytes) -> RefusedError:
    """The refusal of bytes that no allowed reader knows, naming what they look like."""
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or head[8:12] == b"WEBP" or head[4:12] == b"ftypavif":
        return RefusedError("photo-damaged")
    for offset, opening, name in KNOWN_OTHERS:
        if head.lstrip()[offset:].startswith(opening):
            return RefusedError("photo-wrong-type", what=name)
    return RefusedError("photo-not-an-image")


def check_size(size: tuple[int, int], limit_mp: int) -> None:
    """Refuse a picture by its header's width and height in pixels."""
    width, height = size
    if width * height > limit_mp * 1_000_000:
        raise RefusedError("photo-too-many-pixels", megapixels=width * height / 1e6, limit_mp=limit_mp)
    if min(size) < MINIMUM_SIDE:
        raise RefusedError("photo-too-small", width=width, height=height, minimum=MINIMUM_SIDE)
    if max(size) > GREATEST_RATIO * min(size):
        raise RefusedError("photo-too-narrow", width=width, height=height, ratio=GREATEST_RATIO)


def draft(image: Image.Image, side: Side) -> None:
    """Let a JPEG be decoded at a half, a quarter or an eighth, for a part of the time and of the memory."""
    least = side.longest - side.slack
    # Both sides stay at least as long as is asked for; the shorter one does not count.
    image.draft(None, (least, 1) if image.width > image.height else (1, least))


def normalize(
    image: Image.Image, signal: tuple[int, int] | None, side: Side = STORED, background: str = "white"
) -> Image.Image:
    """The first frame, upright, in sRGB, on the background, mode RGB, as long as `side` says, without metadata.

    `signal` is of `read_signal`; a colour profile counts more. May close the image.
    """
    if image.mode == "CMYK" and "adobe" not in image.info:
        # Adobe's programs store inks inverted, and Pillow takes every file for theirs.
        image = ImageChops.invert(image)
    profile = image.info.get("icc_profile")
    orientation = read_orientation(image)
    if image.mode in {"P", "PA"} or (image.has_transparency_data and image.mode != "RGBA"):
        image = replacing(image, image.convert("RGBA"))
    elif image.mode.startswith("I"):
        # 16 bits to 8: Pillow's own conversion would clip instead of scale.
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    elif image.mode in {"1", "F"}:
        image = image.convert("L")
    if max(image.size) > side.longest + side.slack:
        image = shrunk(image, within(image.size, side.longest))
    standard = to_standard_range(image, *signal) if signal and not profile else to_srgb(image, profile)
    image = replacing(image, standard)
    if orientation is not None:
        image = replacing(image, image.transpose(orientation))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    return clean


def thumbnail(photo: Image.Image) -> Image.Image:
    """The photo at most THUMB_SIDE pixels long."""
    return photo.resize(within(photo.size, THUMB_SIDE), Image.Resampling.LANCZOS, reducing_gap=1.5)


def within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Width and height of a picture made at most `longest` pixels long, in its own proportions."""
    scale = min(1.0, longest / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height


def shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture made smaller; closes what it is given.

    First the width, then the height, as Pillow does it too, which would keep the picture and what lies between both
    steps until the end.
    """
    narrow = replacing(image, image.resize((size[0], image.height), Image.Resampling.LANCZOS))
    return narrow.resize(size, Image.Resampling.LANCZOS)


def replacing(before: Image.Image, after: Image.Image) -> Image.Image:
    """`after`, which was made from `before`; that one's memory is freed, whoever still refers to it."""
    if after is not before:
        before.close()
    return after


ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_orientation(image: Image.Image) -> Image.Transpose | None:
    """How to turn the picture upright by its EXIF tag; unreadable metadata counts as none."""
    try:
        return ORIENTATIONS.get(image.getexif().get(0x0112, 1))
    except (*UNREADABLE, TypeError):
        return None


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture's colours in sRGB; a profile that can't be read, or does not fit, counts as none."""
    if not profile:
        return image
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    opaque = image.convert("RGB") if alpha else image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(opaque, source, SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, *UNREADABLE):
        return image
    if converted is None:
        return image
    if alpha:
        converted.putalpha(alpha)
    return converted


def main_colors(mask: Image.Image) -> dict[str, float]:
    """Colours of a mask as `#rrggbb`, each with its share; what is nearer than APART to a commoner one is the same."""
    sample = mask.convert("RGB").resize((SAMPLE_SIDE, SAMPLE_SIDE), Image.Resampling.NEAREST)
    counted = cast(list[tuple[int, tuple[int, int, int]]], sample.getcolors(SAMPLE_SIDE**2))
    found: dict[tuple[int, int, int], int] = {}
    for count, color in sorted(counted, reverse=True):
        near = next((other for other in found if math.dist(color, other) < APART), None)
        if near is not None:
            found[near] += count
        elif len(found) < MOST_COLORS:
            found[color] = count
    shares = {"#{:02x}{:02x}{:02x}".format(*color): count / SAMPLE_SIDE**2 for color, count in found.items()}
    return {color: share for color, share in shares.items() if share >= LEAST_SHARE}


def grid(mask: Image.Image) -> bytes:
    """The mask in GRID_SIDE² cells, row by row: averages of a grey one, RGB in the middles of a coloured one."""
    resample = Image.Resampling.BOX if mask.mode == "L" else Image.Resampling.NEAREST
    return mask.resize((GRID_SIDE, GRID_SIDE), resample).tobytes()


def encode(image: Image.Image, file_format: str, **options: int) -> bytes:
    """The picture as the bytes of a file without metadata."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
