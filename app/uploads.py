"""A stranger's bytes → an upright sRGB photo without metadata, or a refusal that leaves nothing behind."""

from __future__ import annotations

import io
import json
import secrets
import struct
import time
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, ImageCms, UnidentifiedImageError

from app.errors import (
    PHOTO_DAMAGED,
    PHOTO_EMPTY,
    PHOTO_NOT_AN_IMAGE,
    PHOTO_TOO_MANY_PIXELS,
    PHOTO_TOO_NARROW,
    PHOTO_TOO_SMALL,
    PHOTO_WRONG_TYPE,
    RefusalError,
)
from app.jobs import keys
from app.jobs.blobs import BlobNotFoundError, Storage

try:  # HEIC is an extra: its wheels carry GPL code, which the core must not depend on.
    from pillow_heif import register_heif_opener  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    HEIC_FORMATS: tuple[str, ...] = ()
else:
    register_heif_opener(thumbnails=False)
    HEIC_FORMATS = ("HEIF",)

# Pillow's JPEG reader also opens MPO, the several-pictures JPEG of phones, of which we take the first.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", *HEIC_FORMATS)
# iPhones and Macs convert HEIC themselves where it is not listed, so these stay four even with the extra.
ACCEPT = "image/jpeg,image/png,image/webp,image/avif"
MINIMUM_SIDE = 16
GREATEST_RATIO = 10
STORED_SIDE, THUMB_SIDE = 4096, 1280
STORED_QUALITY, THUMB_QUALITY = 95, 84
# What damaged files make Pillow's readers raise, in 13.0.
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, OverflowError, struct.error, zlib.error)
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


@dataclass(frozen=True)
class DecodedPhoto:
    """A photo ready to keep: JPEG and WebP bytes, width and height in pixels of the JPEG."""

    photo_jpeg: bytes
    thumb_webp: bytes
    width: int
    height: int


@dataclass(frozen=True)
class StoredPhoto:
    """A photo that is kept under its id."""

    id: str
    width: int
    height: int


def decode_photo(source: BinaryIO, limit_mp: int) -> DecodedPhoto:
    """Decode an untrusted file: format by content, upright, sRGB, on white, first frame, no metadata.

    This function is the seam around everything that parses a stranger's bytes: bytes in, plain bytes out.

    Raises:
        RefusalError: the file is empty, of another type, damaged, too small, too narrow, or above `limit_mp`
            megapixels, which is known from its header before a pixel is decoded.
    """
    head = source.read(32)
    if not head:
        raise RefusalError(PHOTO_EMPTY)
    source.seek(0)
    try:
        image = Image.open(source, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise unidentified(head) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise RefusalError(PHOTO_TOO_MANY_PIXELS, megapixels=2 * limit_mp, limit_mp=limit_mp) from error
    except UNREADABLE as error:
        raise RefusalError(PHOTO_DAMAGED) from error
    check_size(image.size, limit_mp)
    try:
        photo = normalize(image)
    except UNREADABLE as error:
        raise RefusalError(PHOTO_DAMAGED) from error
    thumb = photo.copy()
    thumb.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS)
    return DecodedPhoto(
        photo_jpeg=encode(photo, "JPEG", quality=STORED_QUALITY, subsampling=0),
        thumb_webp=encode(thumb, "WEBP", quality=THUMB_QUALITY),
        width=photo.width,
        height=photo.height,
    )


def unidentified(head: bytes) -> RefusalError:
    """The refusal of bytes that no allowed reader knows, naming what they look like."""
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or head[8:12] == b"WEBP" or head[4:12] == b"ftypavif":
        return RefusalError(PHOTO_DAMAGED)
    for offset, opening, name in KNOWN_OTHERS:
        if head.lstrip()[offset:].startswith(opening):
            return RefusalError(PHOTO_WRONG_TYPE, what=name)
    return RefusalError(PHOTO_NOT_AN_IMAGE)


def check_size(size: tuple[int, int], limit_mp: int) -> None:
    """Refuse a picture by its header's width and height in pixels."""
    width, height = size
    if width * height > limit_mp * 1_000_000:
        raise RefusalError(PHOTO_TOO_MANY_PIXELS, megapixels=width * height / 1e6, limit_mp=limit_mp)
    if min(size) < MINIMUM_SIDE:
        raise RefusalError(PHOTO_TOO_SMALL, width=width, height=height, minimum=MINIMUM_SIDE)
    if max(size) > GREATEST_RATIO * min(size):
        raise RefusalError(PHOTO_TOO_NARROW, width=width, height=height, ratio=GREATEST_RATIO)


def normalize(image: Image.Image) -> Image.Image:
    """The first frame, upright, in sRGB, on white, mode RGB, at most STORED_SIDE pixels long, without any metadata."""
    # JPEGs can be decoded at a half, a quarter or an eighth: a 100-megapixel photo becomes as cheap as a small one.
    image.draft(None, (STORED_SIDE, STORED_SIDE))
    image.load()
    profile = image.info.get("icc_profile")
    orientation = read_orientation(image)
    if image.mode in {"P", "PA"} or (image.has_transparency_data and image.mode != "RGBA"):
        image = image.convert("RGBA")
    elif image.mode.startswith("I"):
        # 16 bits to 8: Pillow's own conversion would clip instead of scale.
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    elif image.mode in {"1", "F"}:
        image = image.convert("L")
    if max(image.size) > STORED_SIDE:
        image.thumbnail((STORED_SIDE, STORED_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    image = to_srgb(image, profile)
    if orientation is not None:
        image = image.transpose(orientation)
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    return clean


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


def encode(image: Image.Image, file_format: str, **options: int) -> bytes:
    """The picture as the bytes of a file without metadata."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def store(photo: DecodedPhoto, storage: Storage) -> StoredPhoto:
    """Keep a decoded photo under a new id; where that fails half-way, what was written is taken back.

    Raises:
        OSError: the storage has no room or can't be reached.
    """
    stored = StoredPhoto(secrets.token_hex(16), photo.width, photo.height)
    meta = {"width": photo.width, "height": photo.height, "created_at": time.time()}
    try:
        storage.put(keys.photo_key(stored.id), photo.photo_jpeg)
        storage.put(keys.photo_thumb_key(stored.id), photo.thumb_webp)
        # The meta file comes last: a photo without one was never accepted.
        storage.put(keys.photo_meta_key(stored.id), json.dumps(meta).encode())
    except OSError:
        storage.delete_prefix(keys.photo_prefix(stored.id))
        raise
    return stored


def find(photo_id: str, storage: Storage) -> StoredPhoto | None:
    """The stored photo of an id, or None for an id that was never given out or whose photo is gone."""
    try:
        meta = json.loads(storage.get(keys.photo_meta_key(photo_id)))
    except (BlobNotFoundError, ValueError):
        return None
    return StoredPhoto(photo_id, meta["width"], meta["height"])


def allow_pixels(limit_mp: int) -> None:
    """Set Pillow's own guard to the limit of `decode_photo`, for readers that would decode before we see the size."""
    Image.MAX_IMAGE_PIXELS = limit_mp * 1_000_000
