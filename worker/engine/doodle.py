"""Doodles: pictures without a photo, from a map that says which part of which painting goes where.

Source: Champandard, "Semantic Style Transfer and Turning Two-Bit Doodles into Fine Artwork" (arXiv 1603.01768), which
puts a map's channels beside the activations that are matched. We differ: a map's colours bind instead of weigh, since
each is a region of its own that is matched with the cells of its part alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from PIL import Image

from worker.engine.colors.masks import partition, soft_mask
from worker.engine.images import fitted_size, to_image
from worker.engine.scene import Region, Scene

GROUND_SIDE = 1024  # pixels; there is nothing fine in it


def grounded(scene: Scene) -> Scene:
    """A scene whose photo says nothing but its size, with a ground in its place.

    Raises:
        ValueError, EmptyMaskError: as in `ground`.
    """
    return replace(scene, photo=ground(scene.regions, scene.photo.size))


def ground(regions: Sequence[Region], size: tuple[int, int]) -> Image.Image:
    """A picture of `size` (width, height) with each region in its style's mean colour.

    Raises:
        ValueError: a region's style has no palette.
        EmptyMaskError: a mask covers less than one pixel.
    """
    fitted = fitted_size(size, min(GROUND_SIDE, max(size)))
    palettes = [region.style.palette for region in regions]
    means = [palette.mean for palette in palettes if palette]
    if len(means) < len(regions):
        raise ValueError("a style's palette is not known, and a doodle begins from its colours")
    masks = [soft_mask(region.mask, fitted) if region.mask else None for region in regions]
    if not any(mask is not None for mask in masks):
        return Image.new("RGB", size, tuple(round(255 * float(level)) for level in torch.stack(means).mean(0)))
    shares = partition(masks)
    means += [torch.stack(means).mean(0)] * (len(shares) - len(means))  # of what no mask covers
    pixels = torch.stack([share * mean[:, None, None] for share, mean in zip(shares, means, strict=True)]).sum(0)
    return to_image(pixels).resize(size)
