"""Cells: a picture as columns of activations on a grid of four pixels, which is where pictures are compared.

A cell says how a square of the picture is painted: its colour, its edges, what larger thing it is part of. Windows of
a picture (memory/tiling.py) give the cells of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engine.memory.tiling import Window, halo_of
from worker.engine.networks.extractors import Extractor, geometry

CELL = 4  # pixels a side
CELL_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
# Pixels a side of the square whose mean colour belongs to a cell.
SOFT = 8


def on_cells(activations: Tensor, stride: int) -> Tensor:
    """A layer's activations [1, C, h, w] as means over cells, or on its own grid where that is coarser."""
    return F.avg_pool2d(activations, CELL // stride) if stride < CELL else activations


def widths(extractor: Extractor) -> tuple[int, ...]:
    """The channels of each layer in a column."""
    return tuple(extractor.channels[layer] for layer in CELL_LAYERS)


def halo_of_columns(extractor: Extractor) -> int:
    """Pixels around a window on which its core's columns depend, as a multiple of STRIDE.

    What is enlarged depends on the next position too, one stride further away.
    """
    fields = (geometry(layer, extractor.layers) for layer in CELL_LAYERS)
    return max(halo_of(field + (2 * stride if stride > CELL else 0), stride) for stride, field in fields)


def columns_of(taps: Mapping[str, Tensor], window: Window, extractor: Extractor) -> Tensor:
    """The core's cells [h·w, C] of a window, in float32, from CELL_LAYERS' activations of its crop, shallow to deep.

    They are those of the whole where the crop has `halo_of_columns` around the core, or ends where the picture does.
    Layers of a coarser grid are enlarged, bilinearly; an odd last row or column takes after its neighbour.
    """
    rows, cells = window.cells(CELL)
    channels = list(widths(extractor))
    # Channels last, as activations lie in memory already: to turn columns around took longer than all else here.
    columns = torch.empty(rows.stop - rows.start, cells.stop - cells.start, sum(channels), device=extractor.device)
    for layer, into in zip(CELL_LAYERS, torch.split(columns, channels, 2), strict=True):
        stride, _ = geometry(layer, extractor.layers)
        part = on_cells(taps[layer], stride)
        if stride > CELL:
            part = F.interpolate(part.float(), scale_factor=stride // CELL, mode="bilinear", align_corners=False)
        core = window.core_of(part, CELL)[0].permute(1, 2, 0)
        height, width = core.shape[:2]
        into[:height, :width] = core
        into[height:, :width] = core[-1:]
        into[:, width:] = into[:, width - 1 : width]
    return columns.flatten(0, 1)


def soft_colors(crop: Tensor, window: Window) -> Tensor:
    """The mean colours [h·w, 3], in float32, of squares of SOFT pixels around the core's cells of [1, 3, H, W]."""
    margin = (SOFT - CELL) // 2
    means = F.avg_pool2d(F.pad(crop, (margin,) * 4, mode="reflect"), SOFT, CELL)
    return window.core_of(means, CELL)[0].flatten(1).T.float().contiguous()


def remove_grid(pixels: Tensor) -> None:
    """Take from pixels [1, 3, H, W] what all cells have in common, but for their mean.

    It is the networks': after each doubling, and before each halving on the way back, an even row has other weights
    than an odd one, and comes out lighter or darker by up to half a level of 8 bits, all over the picture.

    Source: Odena et al., "Deconvolution and Checkerboard Artifacts" (Distill, 2016), for the cause.
    """
    height, width = (length // CELL * CELL for length in pixels.shape[2:])
    cells = pixels[..., :height, :width].unflatten(3, (-1, CELL)).unflatten(2, (-1, CELL))
    places = cells.mean((2, 4), keepdim=True)
    cells.sub_(places - places.mean((3, 5), keepdim=True))
