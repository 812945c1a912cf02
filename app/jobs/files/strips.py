"""Pictures in strips: what the engine hands over, what is in memory, what was stored. encoding.py makes files of them.

No more of a picture is held than a strip, so that an artwork of 67 megapixels costs no more memory than a small one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.jobs.files.recipe import KEYWORD

STRIP = 64  # rows
# uint16 holds 257 times as much as uint8 for the same colour, so that white stays white.
DEPTHS = 257

Depth = type[np.uint8] | type[np.uint16]
Rows = NDArray[np.unsignedinteger[Any]]
# How opaque a photo is [h, w]: 0 where nothing of it is seen, 255 where nothing is seen through it.
Alpha = NDArray[np.uint8]


class Picture(Protocol):
    """A finished picture. `strips` gives its sRGB pixels as [rows, width, bands] from top to bottom, in the asked
    depth. There are three bands, or a fourth with its transparency, by which the colours are not multiplied.
    """

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def bands(self) -> int: ...
    def strips(self, dtype: Depth) -> Iterator[Rows]: ...


@dataclass(frozen=True)
class PictureInMemory:
    """A picture whose pixels [H, W, 3] or [H, W, 4] are all here, as uint8 or uint16."""

    pixels: Rows

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def bands(self) -> int:
        return int(self.pixels.shape[2])

    def strips(self, dtype: Depth) -> Iterator[Rows]:
        for top in range(0, self.height, STRIP):
            yield in_depth(self.pixels[top : top + STRIP], dtype)


@dataclass(frozen=True)
class Reworked:
    """A picture that is made of another one strip by strip, for classes that say how."""

    picture: Picture

    @property
    def width(self) -> int:
        return self.picture.width

    @property
    def height(self) -> int:
        return self.picture.height

    @property
    def bands(self) -> int:
        return self.picture.bands


@dataclass(frozen=True)
class TransparentPicture(Reworked):
    """A picture with a photo's transparency, which is stretched over it."""

    alpha: Alpha

    @property
    def bands(self) -> int:
        return 4

    def strips(self, dtype: Depth) -> Iterator[Rows]:
        whole = Image.fromarray(self.alpha)
        scale = whole.height / self.height
        top = 0
        for strip in self.picture.strips(dtype):
            bottom = top + len(strip)
            box = (0, top * scale, whole.width, min(bottom * scale, whole.height))
            # Linear: sharper filters swing over, and would leave the shadow of an edge where nothing is.
            alpha = whole.resize((self.width, len(strip)), Image.Resampling.BILINEAR, box)
            yield np.dstack([strip, in_depth(np.asarray(alpha), dtype)])
            top = bottom


def with_alpha(picture: Picture, alpha: Alpha | None) -> Picture:
    """The picture with a photo's transparency, if it has any."""
    return picture if alpha is None else TransparentPicture(picture, alpha)


class StoredPicture:
    """A PNG or TIFF that encoding.py wrote, or a photo as it is kept, decoded while it is read; `made_with` is the text
    of its recipe, if any.

    One reader at a time: they share the file's place.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read the header.

        Raises:
            OSError: it is no such picture, or damaged.
        """
        self._file = file
        image = self._opened()
        self.width: int = image.width
        self.height: int = image.height
        self.bands: int = image.bands
        self.bits: Literal[8, 16] = 16 if image.format == "ushort" else 8
        told = (name for name in image.get_fields() if name == "image-description" or name.endswith(f"-{KEYWORD}"))
        self.made_with: str | None = next(map(image.get, told), None)

    def strips(self, dtype: Depth) -> Iterator[Rows]:
        """The pixels, from the file's beginning.

        Raises:
            OSError: the picture is damaged.
        """
        image = self._opened()
        region = libvips().Region.new(image)
        source = np.uint16 if self.bits == 16 else np.uint8
        for top in range(0, self.height, STRIP):
            rows = min(STRIP, self.height - top)
            pixels = _understood(lambda: region.fetch(0, top, self.width, rows))  # noqa: B023 - called at once
            decoded: Rows = np.frombuffer(pixels, source)
            yield in_depth(decoded.reshape(rows, self.width, self.bands), dtype)

    def reduced(self, width: int, height: int) -> Image.Image:
        """The colours of all of a picture of 8 bits at another size, shrunk while it is read.

        Raises:
            OSError: the picture is damaged.
        """
        image = self._opened().extract_band(0, n=3)

        def shrunk() -> bytes:
            small = image.thumbnail_image(width, height=height, size="force")
            pixels: bytes = small.write_to_memory()
            return pixels

        return Image.frombytes("RGB", (width, height), _understood(shrunk))

    def _opened(self) -> Any:
        vips = libvips()
        self._file.seek(0)

        def opened() -> Any:
            source = vips.Source.new_from_descriptor(self._file.fileno())
            # Damage is told, not painted over with grey.
            image = vips.Image.new_from_source(source, "", access="sequential", fail_on="error")
            if image.bands not in (3, 4) or image.format not in ("uchar", "ushort"):
                raise OSError("it has no three or four channels of 8 or 16 bits")
            return image

        return _understood(opened)


def in_depth(rows: Rows, dtype: Depth) -> Rows:
    """Rows of uint8 or uint16 as either of the two, rounded to the nearest."""
    if rows.dtype == dtype:
        return rows
    if dtype is np.uint16:
        return rows.astype(np.uint16) * np.uint16(DEPTHS)
    return ((rows.astype(np.uint32) + DEPTHS // 2) // DEPTHS).astype(np.uint8)


def whole(picture: Picture, dtype: Depth) -> Rows:
    """The colours [H, W, 3] of all pixels of a picture, for what cannot work in strips.

    Raises:
        OSError: it was stored, and is damaged.
    """
    pixels = np.empty((picture.height, picture.width, 3), dtype)
    top = 0
    for rows in picture.strips(dtype):
        pixels[top : top + len(rows)] = rows[..., :3]
        top += len(rows)
    return pixels


@cache
def libvips() -> Any:
    """pyvips, set up for a service. Loaded with the first picture: Celery's parent must not have the library's threads
    when it forks, and nobody waits for it at the start.
    """
    import pyvips

    # It tells of its threads with every picture.
    logging.getLogger("pyvips").setLevel(logging.WARNING)
    # Each operation is done once; a cache of them would only keep pictures and files.
    pyvips.cache_set_max(0)
    # Encoders are serial, and other requests and the engine have the processors.
    pyvips.concurrency_set(1)
    # Of its loaders, only those that are tested against hostile files.
    pyvips.block_untrusted_set(True)
    return pyvips


def _understood(read: Callable[[], Any]) -> Any:
    """What `read` returns; the library's complaint about a file as an OSError."""
    try:
        return read()
    except libvips().Error as error:
        raise OSError(f"the picture cannot be read: {error}") from error
