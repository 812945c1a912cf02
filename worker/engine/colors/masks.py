"""Masks: from a picture's pixels to what the engine uses, a share in [0, 1] for each pixel or for each cell of a layer.

White means yes. Whose yes it is (this style, these colours, keep the photo) is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageFilter
from torch import Tensor

from worker.engine.errors import EmptyMaskError

GuideMode = Literal["simple", "inside", "all"]
GUIDE_MODES: tuple[GuideMode, ...] = get_args(GuideMode)

WIDENING = 3  # cells; k in the notebook `SpatialControl` of Gatys et al. 2017
# Masks that are to fit together were blurred and rounded to 8 bits each for itself: two levels are no gap. Unsaid, a
# region of nothing but such gaps would, once its guide is normalised, count as much as any other.
GAP = 2.5 / 255


def soft_mask(image: Image.Image, size: tuple[int, int], feather: float = 0.0) -> Tensor:
    """Mask [1, 1, H, W], float32 in [0, 1], of a picture of any mode and size, for a picture of `size` (width, height).

    Colours count by their luminance, transparency as black. The picture is resampled without overshoot and with
    antialiasing, then blurred by a Gaussian whose sigma is `feather` times the longer side; 0 leaves edges as they are.

    Raises:
        EmptyMaskError: the mask covers less than one pixel.
        ValueError: `feather` is negative.
    """
    if feather < 0:
        raise ValueError(f"feather is {feather}, but must not be negative")
    grey = _grey(image)
    if grey.size != size:
        grey = grey.resize(size, Image.Resampling.BILINEAR)
    if feather > 0:
        # Three box blurs, which take as long for a wide sigma as for a narrow one. Edges of the picture stay as covered
        # as what is next to them.
        grey = grey.filter(ImageFilter.GaussianBlur(feather * max(size)))
    mask = torch.from_numpy(np.array(grey))[None, None].float() / 255
    covered = float(mask.sum())
    if covered < 1:
        raise EmptyMaskError(covered, size)
    return mask


def mask_of_color(image: Image.Image, color: str, all_colors: Sequence[str]) -> Image.Image:
    """Mask L of those pixels of a colour map that are nearer to `color` than to any other of `all_colors`.

    Colours are written as `#rrggbb`; nearness is Euclidean in RGB, and the first of equally near ones wins. So a map
    that was saved as JPEG, or resampled, or drawn in slightly other colours, still falls into its regions.
    """
    colors = list(dict.fromkeys(ImageColor.getrgb(name)[:3] for name in (*all_colors, color)))
    chosen = colors.index(ImageColor.getrgb(color)[:3])
    return Image.fromarray(np.where(nearest_color(image, colors) == chosen, np.uint8(255), np.uint8(0)))


def nearest_color(image: Image.Image, colors: Sequence[tuple[int, ...]]) -> NDArray[np.uint8]:
    """Of each pixel [H, W] the number of the nearest of at most 255 RGB colours, the first of equally near ones."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.int32)  # [H, W, 3]
    nearest = np.zeros(pixels.shape[:2], dtype=np.uint8)
    least = np.full(pixels.shape[:2], np.iinfo(np.int32).max, dtype=np.int32)
    for index, candidate in enumerate(colors):
        distance = ((pixels - np.array(candidate, dtype=np.int32)) ** 2).sum(2, dtype=np.int32)
        closer = distance < least
        nearest[closer] = index
        least[closer] = distance[closer]
    return nearest


def partition(masks: Sequence[Tensor | None]) -> list[Tensor]:
    """Regions [1, 1, H, W] in [0, 1] that sum to 1 at every pixel, one for each of `masks` and perhaps one more.

    Where masks overlap, they share by proportion. None stands for what no mask covers; several share it equally. If
    there is no None, the uncovered rest follows as one more region, which may be nothing but zeros.

    Raises:
        ValueError: there is no mask among `masks`, hence no size; one region needs none.
    """
    given = [mask for mask in masks if mask is not None]
    if not given:
        raise ValueError("partition needs at least one mask that is not None")
    total = torch.stack(given).sum(0)
    covered = total > 1 - GAP
    divisor = torch.where(covered, total, 1.0)
    rest = torch.where(covered, 0.0, 1 - total)
    unmasked = len(masks) - len(given)
    regions = [rest / unmasked if mask is None else mask / divisor for mask in masks]
    return regions if unmasked else [*regions, rest]


def guide(
    mask: Tensor, grid_size: tuple[int, int], receptive_field: int = 1, stride: int = 1, mode: GuideMode = "simple"
) -> Tensor:
    """Guide [1, 1, h, w] in [0, 1] of one layer, whose activations are [B, C, h, w], from a mask [1, 1, H, W].

    `simple`: the mask's average over each cell. `all`: the most of the mask in each cell's receptive field. `inside`:
    the least of it, which is 0 for a cell that sees anything else, so that no style bleeds across the edge; then
    widened by three cells, but not beyond `simple`, which it also falls back to where nothing would be left. Hence
    `inside` ≤ `simple` ≤ `all`.

    Args:
        mask: of the picture that the extractor sees, at its size; `simple` takes any size.
        grid_size: (height, width) of the layer's activations.
        receptive_field: side of the square of pixels that one cell depends on; not needed for `simple`.
        stride: pixels from one cell to the next; not needed for `simple`.
        mode: how the guide is made.

    Source: Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer" (arXiv 1611.07865), spatial control,
    and `get_fm_guides` in its notebook `SpatialControl`. We differ: the receptive field is computed instead of probed
    with noise; masks stay grey, so that feathered edges stay soft, instead of cut at ½; the widened guide ends where
    the region ends, whereas there it may reach three cells into its neighbour. The normalisation to mean(T²) = 1 is
    the loss's affair.

    Raises:
        ValueError: there is no such mode.
    """
    if mode not in GUIDE_MODES:
        raise ValueError(f"guides is {mode!r}, but must be one of {', '.join(GUIDE_MODES)}")
    simple = F.adaptive_avg_pool2d(mask, grid_size)
    if mode == "simple":
        return simple
    if mode == "all":
        return torch.maximum(simple, _most_seen(mask, grid_size, receptive_field, stride))
    inside = 1 - _most_seen(1 - mask, grid_size, receptive_field, stride)
    if inside.max() < simple.max() / 2:
        return simple
    widened = F.max_pool2d(inside, 2 * WIDENING + 1, stride=1, padding=WIDENING)
    return torch.minimum(simple, widened)


def _most_seen(mask: Tensor, grid_size: tuple[int, int], receptive_field: int, stride: int) -> Tensor:
    """Maximum of the mask over each cell's receptive field, first along columns, then along rows."""
    for axis, cells in enumerate(grid_size):
        before = (receptive_field - stride) // 2
        after = (cells - 1) * stride + receptive_field - before - mask.shape[2 + axis]
        # What lies outside of the picture belongs to nobody. A negative `after` drops pixels that no cell sees.
        mask = F.pad(mask, (0, 0, before, after) if axis == 0 else (before, after, 0, 0))
        kernel = (receptive_field, 1) if axis == 0 else (1, receptive_field)
        mask = F.max_pool2d(mask, kernel, stride=(stride, 1) if axis == 0 else (1, stride))
    return mask


def _grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Sixteen bits, whatever Pillow calls them: its own conversion would clip I at 255.
        deep = np.asarray(image, dtype=np.float64) / 257
        return Image.fromarray(np.rint(deep.clip(0, 255)).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return image.convert("L")
