"""What comes out of the darkroom: pictures as they are kept, which nobody has to decode again to know their sizes."""

from __future__ import annotations

from dataclasses import dataclass

from app.jobs.masks import COLOR_CELLS, GREY_CELLS


@dataclass(frozen=True)
class DecodedPhoto:
    """A photo ready to keep: JPEG and WebP bytes, width and height in pixels of the JPEG.

    `alpha_png` is how opaque each pixel of it was, in grey; empty where all of them were wholly.
    """

    photo_jpeg: bytes
    thumb_webp: bytes
    width: int
    height: int
    alpha_png: bytes = b""


@dataclass(frozen=True)
class DecodedMask:
    """A mask ready to keep: PNG bytes, L or RGB, and what `app.darkroom.child.developing.answer_mask` tells of it."""

    png: bytes
    width: int
    height: int
    white: float
    colors: dict[str, float]
    grid: bytes
    flat: float = 1.0

    @property
    def has_whole_grid(self) -> bool:
        return len(self.grid) in {GREY_CELLS, COLOR_CELLS}
