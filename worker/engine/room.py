"""Whether a stage fits into memory, and how it is taken apart where it does not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import NamedTuple

import torch

from worker.engine.brief import Brief
from worker.engine.descent.optimize import history
from worker.engine.errors import TooLargeError
from worker.engine.memory.tiling import LEAST_SIDE, STRIDE, halo_of
from worker.engine.networks.extractors import Extractor, geometry
from worker.engine.pyramid import Stage
from worker.engine.style.cells import CELL, widths
from worker.engine.style.fingerprint import neighbor_pairs
from worker.engine.style.patches import BLOCK_BYTES, MOST, PATCH

FLOAT_BYTES = 12  # a pixel of three floats
# What an evaluation takes at any size: the kernels' code and their buffers, and the ends of large pages.
KERNEL_BYTES = 250_000_000
# Bytes for each of the activations that a pixel has, over the bytes of one: those kept for the way back, gradients, the
# copies with padding. Measured in float32 on a CPU, where it is 1.1 to 1.4; elsewhere with a reserve.
FACTOR, FACTOR_ELSEWHERE = 1.5, 3.0
# Copies of the cells' targets, in floats, while they are put together.
TARGETS = 3
# Bytes a pixel for each place with a style of its own: masks and areas in floats, while it is found what goes where and
# before anything is evaluated; the areas on the grids and the matches, afterwards; and what is mixed by them.
PLACED, KEPT, MIXED = 8, 0.5, 2.5


@dataclass(frozen=True)
class Room:
    """Bytes of memory for a painting, beside what is loaded already, and a folder for what has no room in them."""

    memory: int
    scratch: Path


class Layout(NamedTuple):
    """How a stage is evaluated: in tiles of so many pixels a side, or as a whole; and where its history lies."""

    tile: int | None = None
    scratch: Path | None = None


def layout(brief: Brief, stage: Stage, room: Room, places: int = 1) -> Layout:
    """The fastest layout of a stage of a painting that fits, with so many places that have a style of their own.

    Raises:
        TooLargeError: none does.
    """
    extractor, content, style, method = brief.extractor, brief.content_weights, brief.style_weights, brief.method
    pixels, layers = stage.width * stage.height, {*content, *style}
    is_measured = extractor.device.type == "cpu" and extractor.dtype == torch.float32
    pixel_bytes = (FACTOR if is_measured else FACTOR_ELSEWHERE) * extractor.dtype.itemsize
    pixel_bytes *= activations(extractor, layers) + (copies(extractor, style) if brief.recipe.correlations else 0)
    if brief.recipe.kind.matches_cells:  # targets, and what they are mixed of
        pixel_bytes += TARGETS * FLOAT_BYTES / 3 * sum(widths(extractor)) / CELL**2
    if brief.recipe.kind.matches_patches:  # sums and squares, twice while they are added to
        pixel_bytes += 2 * TARGETS * FLOAT_BYTES / 3 * sum(_of_layer(extractor, layer) for layer in style)
    pixel_bytes += MIXED * places if places > 1 else 0
    photos = sum(_of_layer(extractor, layer) for layer in content) * extractor.dtype.itemsize * pixels
    vectors = 2 + 2 * history(3 * pixels, stage.evaluations) if method.optimizer == "lbfgs" else 0
    pairs = vectors * FLOAT_BYTES * pixels
    # The iterate, its gradient, the photo in bytes; Adam's moments and where it was before; two means of iterates.
    held = 27 + (KEPT * places if places > 1 else 0)
    held += (0 if method.optimizer == "lbfgs" else 3 * FLOAT_BYTES) + (2 * FLOAT_BYTES if method.average else 0)
    # In files: L-BFGS's history, the photo's activations, and what has no need to be on a GPU.
    outside = FLOAT_BYTES if extractor.device.type == "cpu" else 0
    offered = places * patches_bytes(extractor, style) if brief.recipe.kind.matches_patches else 0
    placed = PLACED * places * pixels if places > 1 else 0
    left = room.memory - KERNEL_BYTES - offered - held * pixels
    if left >= max(placed, pairs + pixel_bytes * pixels):
        return Layout()
    halo = max(halo_of(field, stride) for stride, field in (geometry(layer, extractor.layers) for layer in layers))
    halo += STRIDE if brief.recipe.kind.matches_patches else 0
    for scratch, bytes_left in ((None, left - pairs - photos), (room.scratch, left + outside * pixels)):
        side = isqrt(max(0, int(bytes_left / pixel_bytes))) - 2 * halo
        # In memory only where the tiles are not made small for it.
        if left >= placed and side >= (4 * LEAST_SIDE if scratch is None else LEAST_SIDE):
            return Layout(side // STRIDE * STRIDE, scratch)
    smallest = (LEAST_SIDE + 2 * halo + STRIDE) ** 2
    needed = max(held * pixels + placed, (held - outside) * pixels + pixel_bytes * smallest)
    raise TooLargeError(int(KERNEL_BYTES + offered + needed), room.memory)


def patches_bytes(extractor: Extractor, layers: Collection[str]) -> int:
    """Of a painting's patches that are offered in these layers, and of their comparison with some of a picture's."""
    return MOST * PATCH**2 * 4 * sum(extractor.channels[layer] for layer in layers) + BLOCK_BYTES


def activations(extractor: Extractor, layers: Collection[str]) -> float:
    """Activations for each pixel, down to the deepest of `layers`."""
    needed = extractor.down_to(layers)
    return sum(_of_layer(extractor, layer) for layer in needed)


def _of_layer(extractor: Extractor, layer: str) -> float:
    return extractor.channels[layer] / geometry(layer, extractor.layers)[0] ** 2


def copies(extractor: Extractor, correlated: Collection[str]) -> float:
    """Activations for each pixel in copies on the grid of the next shallower layer, which correlations are taken on."""
    strides = {layer: geometry(layer, extractor.layers)[0] for layer in correlated}
    pairs = [pair for pair in neighbor_pairs(correlated) if strides[pair[0]] != strides[pair[1]]]
    return sum(extractor.channels[deeper] / strides[shallower] ** 2 for deeper, shallower in pairs)
