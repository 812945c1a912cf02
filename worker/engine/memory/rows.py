"""Pictures that come as strips of rows, from the top: looked at in windows, and resampled, never whole in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, floor

import numpy as np
import torch
from PIL import Image
from torch import Tensor

STRIP_ROWS = 256
# Pixels on either side of one on which it depends, in the coarser of the two grids (Pillow, Resample.c).
SUPPORT = {Image.Resampling.LANCZOS: 3.0, Image.Resampling.BICUBIC: 2.0, Image.Resampling.BILINEAR: 1.0}


class Rows:
    """The rows of a picture in strips [1, C, rows, W], of which those are held that may still be asked for."""

    def __init__(self, strips: Iterable[Tensor]) -> None:
        self._strips = iter(strips)
        self._held: list[Tensor] = []
        self._top = 0

    def between(self, top: int, bottom: int) -> Tensor:
        """Rows `top` to before `bottom` [1, C, bottom − top, W]; those above are let go, and not to be asked for again.

        Raises:
            ValueError: the picture ends before.
        """
        there = self._top + sum(strip.shape[2] for strip in self._held)
        while there < bottom:
            strip = next(self._strips, None)
            if strip is None:
                raise ValueError(f"rows up to {bottom} were asked for, and there are {there}")
            self._held.append(strip)
            there += strip.shape[2]
        while self._held and self._top + self._held[0].shape[2] <= top:
            self._top += self._held.pop(0).shape[2]
        return torch.cat(self._held, 2)[:, :, top - self._top : bottom - self._top]


def resampled(
    strips: Iterable[Tensor], size: tuple[int, int], asked: tuple[int, int], resampling: Image.Resampling
) -> Iterator[Tensor]:
    """A picture of `size` (width, height) in strips [1, C, rows, W] of float32, as strips of the size `asked`.

    Each channel is resampled as a picture of floats, so that nothing of its depth is lost.
    """
    if resampling is Image.Resampling.NEAREST:
        yield from _picked(strips, size, asked)
        return
    rows, scale = Rows(strips), size[1] / asked[1]
    reach = SUPPORT[resampling] * max(1.0, scale)
    for top in range(0, asked[1], STRIP_ROWS):
        bottom = min(asked[1], top + STRIP_ROWS)
        first, last = max(0, floor(top * scale - reach)), min(size[1], ceil(bottom * scale + reach))
        window = rows.between(first, last)[0]
        box = (0, top * scale - first, size[0], min(bottom * scale - first, last - first))
        channels = [
            np.asarray(Image.fromarray(each.numpy()).resize((asked[0], bottom - top), resampling, box))
            for each in window
        ]
        yield torch.from_numpy(np.stack(channels))[None]


def _picked(strips: Iterable[Tensor], size: tuple[int, int], asked: tuple[int, int]) -> Iterator[Tensor]:
    """The nearest pixels. Of two that are as near, which one depends on where a box begins, so there is none."""
    rows = Rows(strips)
    columns, lines = (_nearest(*lengths) for lengths in zip(size, asked, strict=True))
    for top in range(0, asked[1], STRIP_ROWS):
        of_strip = lines[top : top + STRIP_ROWS]
        first, last = int(of_strip[0]), int(of_strip[-1])
        yield rows.between(first, last + 1)[:, :, of_strip - first][..., columns]


def _nearest(length: int, asked: int) -> Tensor:
    """Which pixel of `length` each of the `asked` is, as Pillow picks them."""
    places = Image.fromarray(np.arange(length, dtype=np.int32)[None])
    return torch.from_numpy(np.array(places.resize((asked, 1), Image.Resampling.NEAREST))[0]).long()
