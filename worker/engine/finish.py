"""From the canvas to the picture that is shown: its colours, what of the photo is put back, its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from worker.engine.colors.color import ColorSpace, Recoloring, Tint
from worker.engine.colors.masks import soft_mask
from worker.engine.images import exact_size, fitted_size, in_floats, shrunk, to_bytes, to_image
from worker.engine.memory.rows import STRIP_ROWS, resampled
from worker.engine.networks.upscale import Upscaler, doubled, doublings
from worker.engine.options import PaintOptions
from worker.engine.scene import Scene

# What the network enlarges too far, or need not enlarge, is resampled with Lanczos.
FILTERS = {
    "network": Image.Resampling.LANCZOS,
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
}
# Longest side at which a canvas's colours are looked at before they are changed: more would not change them.
LOOKED_AT = 2048
Depth = type[np.uint8] | type[np.uint16]
Pixels = NDArray[np.uint8 | np.uint16]
Touch = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class Picture:
    """A finished picture that is made strip by strip, as deep as it was painted.

    Its parts: the canvas [1, 3, H, W] in float32, what is done to strips of it, and the size and filter to which it is
    resampled, after a network has doubled it as often as that takes, if there is one.
    """

    _canvas: Tensor
    _touches: tuple[Touch, ...] = ()
    _size: tuple[int, int] | None = None
    _filter: Image.Resampling = Image.Resampling.LANCZOS
    _upscaler: Upscaler | None = None
    bands: ClassVar = 3

    @property
    def width(self) -> int:
        return self._size[0] if self._size else self._canvas.shape[3]

    @property
    def height(self) -> int:
        return self._size[1] if self._size else self._canvas.shape[2]

    def strips(self, dtype: Depth) -> Iterator[Pixels]:
        """Rows from the top, [rows, W, 3] in sRGB, whole numbers over the whole range of `dtype`."""
        most = np.iinfo(dtype).max
        for strip in self._resampled(self._size) if self._size else self._touched():
            rows = (strip[0].clamp(0, 1) * most).round().permute(1, 2, 0).numpy()
            yield np.ascontiguousarray(rows, dtype)

    def image(self) -> Image.Image:
        """All of it, with 8 bits a channel."""
        whole = np.empty((self.height, self.width, 3), np.uint8)
        top = 0
        for strip in self.strips(np.uint8):
            whole[top : top + len(strip)] = strip
            top += len(strip)
        return Image.fromarray(whole)

    def _touched(self) -> Iterator[Tensor]:
        for top in range(0, self._canvas.shape[2], STRIP_ROWS):
            strip = self._canvas[:, :, top : top + STRIP_ROWS].detach().float().cpu().clamp(0, 1)
            for touch in self._touches:
                strip = touch(strip, top)
            yield strip

    def _resampled(self, asked: tuple[int, int]) -> Iterator[Tensor]:
        strips, size = self._touched(), (self._canvas.shape[3], self._canvas.shape[2])
        for _ in range(doublings(size, asked) if self._upscaler else 0):
            assert self._upscaler is not None
            strips, size = doubled(strips, size, self._upscaler), (2 * size[0], 2 * size[1])
        return strips if size == asked else resampled(strips, size, asked, self._filter)


class Finish:
    """The last touches to a canvas of a scene.

    `motif` is what is to be painted: the photo, or the photo in the painting's colours where the photo's are to be kept
    from `before` on.
    """

    def __init__(self, scene: Scene, options: PaintOptions) -> None:
        """Prepare the touches.

        Raises:
            ValueError: colours are to be kept from before on, and a style has no palette; or a network is to resample,
                and the scene has none.
        """
        if options.resample == "network" and scene.upscaler is None:
            raise ValueError("resample is network, but there is no network here that enlarges; choose lanczos")
        self.scene = scene
        self.options = options
        self.space: ColorSpace | None = None
        if options.keep_colors and options.color_when == "before":
            palette = scene.palette
            if palette is None:
                raise ValueError("color_when is before, but a style's palette is not known; choose after")
            self.space = ColorSpace.between(scene.photo, palette, options.color_method)
        self.motif = self.space.to_painting(scene.photo) if self.space else scene.photo

    def __call__(self, canvas: Tensor) -> Picture:
        """The finished picture of a canvas [1, 3, H, W], at the size that was asked for."""
        options, photo = self.options, self.scene.photo.size
        asked = exact_size(photo, options.output_size or options.size)
        # A long and thin photo may have been painted larger, so that the extractor could see it.
        is_larger = (canvas.shape[3], canvas.shape[2]) == fitted_size(photo, options.size) != asked
        size = asked if options.output_size or is_larger else None
        upscaler = self.scene.upscaler if options.resample == "network" else None
        return Picture(canvas, tuple(self._touches(canvas)), size, FILTERS[options.resample], upscaler)

    def canvas(self, canvas: Tensor) -> Picture:
        """What was painted, before any colours are kept or parts of the photo put back."""
        return Picture(canvas, tuple(self._tints(canvas)))

    def preview(self, canvas: Tensor) -> Picture:
        """The same at the canvas's own size."""
        return Picture(canvas, tuple(self._touches(canvas)))

    def _touches(self, canvas: Tensor) -> Iterator[Touch]:
        options, scene = self.options, self.scene
        size = (canvas.shape[3], canvas.shape[2])
        yield from self._tints(canvas)
        if options.keep_colors:
            yield Recoloring(
                to_image(shrunk(canvas, LOOKED_AT)), scene.photo, size, options.color_method, options.keep_colors,
                scene.color_mask, options.feather, self.space,
            )  # fmt: skip
        if scene.keep is not None:
            keep = soft_mask(scene.keep, size, options.feather)
            photo = to_bytes(scene.photo, size)

            def put_back(strip: Tensor, top: int) -> Tensor:
                rows = slice(top, top + strip.shape[2])
                kept = keep[..., rows, :]
                return kept * in_floats(photo[..., rows, :]) + (1 - kept) * strip

            yield put_back

    def _tints(self, canvas: Tensor) -> Iterator[Touch]:
        """Where a painting is of exactly one colour, the canvas in that colour."""
        scene, feather = self.scene, self.options.feather
        flat = [
            index for index, region in enumerate(scene.regions) if region.style.palette and region.style.palette.is_flat
        ]
        if not flat or self.options.keep_colors:
            return
        small = shrunk(canvas.detach().float().cpu(), LOOKED_AT)
        seen, areas = (scene.areas((each.shape[3], each.shape[2]), feather) for each in (small, canvas))
        for index in flat:
            palette = scene.regions[index].style.palette
            assert palette is not None
            yield Tint(small, seen[index], palette.mean, areas[index])
