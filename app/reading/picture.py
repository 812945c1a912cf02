"""The one reader of pictures: any file → an upright sRGB photo or mask without metadata, or a refusal.

Page, shell and the owner's folder read with it. It loads nothing of the service, Pillow and the standard library only,
so that it also runs where nothing else may (app/darkroom/child/developing.py).
"""

from __future__ import annotations

# Pillow would load some of these only while it decodes, when a confined process can open no file any more.
import copy  # noqa: F401
import io
import math
import warnings
from typing import BinaryIO, NamedTuple

from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageChops,
    Jpeg2KImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,
    TiffImagePlugin,  # also of EXIF, which is a TIFF directory
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from app.reading import containers, heic, kinds, promises
from app.reading.colors import meaning
from app.reading.errors import UNREADABLE, RefusedError
from app.reading.mending import mended
from app.reading.normal import Side, Upright, normalize

# Pillow's JPEG reader also opens MPO, the several-pictures JPEG of phones, of which we take the first.
JPEGS = {"JPEG", "MPO"}
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "JPEG2000")  # and HEIC, where its reader is there
HEAD_BYTES = 4096
PNG_DEPTH_AT = 24
# A mask is grey although its file has colours where no more of it than this is clearly coloured: JPEG's noise.
COLORED_SHARE, CLEARLY_COLORED = 0.002, 24
# Of a TIFF's tags: what says that its first picture is but a preview, as in cameras' raw files.
NEW_SUBFILE_TYPE, REDUCED, DNG_VERSION = 254, 1, 50706

# The guard would refuse without saying how large the picture is. `check_size` knows.
Image.MAX_IMAGE_PIXELS = None
# Colour profiles above a megabyte are rare but legal; Pillow counts them as text.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 1024 * 1024


class Limits(NamedTuple):
    """What a picture may be: megapixels at most, pixels on each side at least, and the ratio of both at most."""

    megapixels: float
    least_side: int = 1
    ratio: float = math.inf


# Of pictures on one's own machine: what its memory may well hold.
OWN = Limits(500)


def read_photo(source: BinaryIO, limits: Limits = OWN, side: Side | None = None) -> Image.Image:
    """Decode a file: format by content, upright, sRGB, on white, first frame, no metadata. Closes it.

    Raises:
        RefusedError: the file is empty, of another type, damaged, or beyond the limits, which is known from its header
            before a pixel is decoded.
        MemoryError: it does not fit in what this process may use.
    """
    return read_picture(source, limits, side).picture


def read_mask(source: BinaryIO, limits: Limits = OWN, side: Side | None = None) -> Image.Image:
    """Decode a file as `read_photo` does, but on black: L, or RGB where it clearly has colours.

    Raises:
        RefusedError, MemoryError: as in `read_photo`.
    """
    mask = read_picture(source, limits, side, "black").picture
    red, green, blue = mask.split()
    difference = ImageChops.lighter(ImageChops.difference(red, green), ImageChops.difference(green, blue))
    colored = sum(difference.histogram()[CLEARLY_COLORED:])
    return mask if colored > COLORED_SHARE * mask.width * mask.height else mask.convert("L")


def read_picture(
    source: BinaryIO, limits: Limits = OWN, side: Side | None = None, background: str | None = "white"
) -> Upright:
    """Decode a file as `read_photo` does, with its transparency; without a background, the colours under that stay.

    A file whose fault is not in its pixels is read without the fault.

    Raises:
        RefusedError, MemoryError: as in `read_photo`.
    """
    with warnings.catch_warnings():
        # Animations and damaged files make Pillow warn; nobody reads it here.
        warnings.simplefilter("ignore")
        return mended_or_not(source, limits, side, background)


def mended_or_not(source: BinaryIO, limits: Limits, side: Side | None, background: str | None) -> Upright:
    try:
        return picture_of(source, limits, side, background)
    except RefusedError as refused:
        if refused.code != "photo-damaged":
            raise
        source.seek(0)
        ways = mended(source.read())
        if not ways:
            raise
        source.close()
        first, *others = (picture_of(io.BytesIO(each), limits, side, background) for each in ways)
        if any(ImageChops.difference(first.picture, other.picture).getbbox() for other in others):
            raise
        return first


def picture_of(source: BinaryIO, limits: Limits, side: Side | None, background: str | None) -> Upright:
    """The picture of a file without a fault."""
    head = source.read(HEAD_BYTES)
    if not head:
        raise RefusedError("photo-empty")
    source.seek(0)
    formats = (*FORMATS, *heic.FORMATS) if heic.may_be(head) and heic.can_read() else FORMATS
    try:
        image: Image.Image = Image.open(source, formats=formats)
    except UnidentifiedImageError as error:
        raise kinds.unidentified(head) from error
    except UNREADABLE as error:
        raise RefusedError("photo-damaged") from error
    check_size(image.size, limits)
    if image.format in JPEGS and not is_held(source, image.size):
        raise RefusedError("photo-damaged")
    if is_raw(image):
        raise kinds.wrong_type(kinds.RAW)
    try:
        meant = meaning(image, source)
        seen = None
        if image.format == "AVIF":
            source.seek(0)
            seen = containers.clean_aperture(source.read(containers.BOXES_WITHIN_BYTES), image.size)
        if image.format == "PNG":
            scale_clear(image, head[PNG_DEPTH_AT])
        draft(image, side)
        image.load()
        source.close()
        if seen:
            image = image.crop(seen)
            check_size(image.size, limits)
        return normalize(image, meant, side, background)
    except UNREADABLE as error:
        raise RefusedError("photo-damaged") from error


def check_size(size: tuple[int, int], limits: Limits) -> None:
    """Refuse a picture by its header's width and height in pixels."""
    width, height = size
    if width * height > limits.megapixels * 1_000_000:
        raise RefusedError("photo-too-many-pixels", megapixels=width * height / 1e6, limit_mp=limits.megapixels)
    if min(size) < limits.least_side:
        raise RefusedError("photo-too-small", width=width, height=height, minimum=limits.least_side)
    if max(size) > limits.ratio * min(size):
        raise RefusedError("photo-too-narrow", width=width, height=height, ratio=limits.ratio)


def is_held(source: BinaryIO, size: tuple[int, int]) -> bool:
    """Whether a JPEG has data for the size that its header promises."""
    at = source.tell()
    source.seek(0)
    jpeg = source.read()
    source.seek(at)
    return promises.holds(jpeg, size[0] * size[1])


def is_raw(image: Image.Image) -> bool:
    """Whether a TIFF is a camera's raw file, whose first picture is a small preview."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    tags = image.tag_v2
    return DNG_VERSION in tags or tags.get(NEW_SUBFILE_TYPE, 0) == REDUCED


def scale_clear(image: Image.Image, depth: int) -> None:
    """Bring the one transparent level or colour of a PNG to the depth that Pillow brings its samples to."""
    clear = image.info.get("transparency")
    if isinstance(clear, int) and image.mode == "L" and depth < 8:
        image.info["transparency"] = clear * 255 // (2**depth - 1)
    if isinstance(clear, tuple) and depth == 16:
        image.info["transparency"] = tuple(level >> 8 for level in clear)


def draft(image: Image.Image, side: Side | None) -> None:
    """Let a JPEG be decoded at a half, a quarter or an eighth, for a part of the time and of the memory."""
    if side:
        least = side.longest - side.slack
        # Both sides stay at least as long as is asked for; the shorter one does not count.
        image.draft(None, (least, 1) if image.width > image.height else (1, least))
