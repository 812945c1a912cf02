"""A picture through an image transformation network, in bounded memory.

Instance norms take their statistics of the whole picture, so a tile by itself would be painted otherwise than the
whole: with seams, and each in its own contrast. Where a picture does not fit, the statistics are therefore found first,
norm after norm, each in a pass over all tiles with those before it known; the last pass paints. So tiles equal the
whole but for rounding. That takes as many passes as there are norms, each of a part of the network: eight times as
long as the whole in one pass, for the usual architecture. Statistics of a smaller copy would be found sooner, but a
smaller copy has other edges: it would be another picture than the one that more memory gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from math import ceil, isqrt

import torch
from PIL import Image
from torch import Tensor

from worker.engine.errors import TooLargeError
from worker.engine.images import fitted_size, in_floats, to_bytes
from worker.engine.memory.heap import frugal_heap
from worker.engine.memory.tiling import LEAST_SIDE, STRIDE, Window, windows
from worker.engine.networks.extractors import fastest_dtype
from worker.engine.networks.transform_net import Moments, TransformNet
from worker.engine.room import FACTOR, FLOAT_BYTES, KERNEL_BYTES, Room

# The photo in bytes, and the canvas.
HELD_BYTES = 3 + FLOAT_BYTES
# The picture with more columns and rows while it is looked at.
COPIES = 3


@torch.no_grad()
def transferred(
    photo: Image.Image,
    network: TransformNet,
    size: int,
    room: Room | None = None,
    watch: Callable[[float], None] = lambda _share: None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """The canvas [1, 3, H, W] of a photo, float32 in [0, 1] on the host, `size` pixels on its longer side.

    It is computed where the network is, in the fastest `dtype` there unless another is named. A long and thin photo is
    painted larger, as `fitted_size` has it. Where it does not fit into `room`, it is painted in tiles. `watch` is
    called after each tile of each pass with the share that is done, in (0, 1]; what it raises ends the painting.

    Raises:
        TooLargeError: it does not fit into `room`, even in tiles.
    """
    weights = next(network.parameters())
    device = weights.device
    dtype = dtype or fastest_dtype(device)
    given = to_bytes(photo, fitted_size(photo.size, size))
    height, width = given.shape[2:]
    padded = network.padded(given)
    tile = tile_for(network, padded.shape[3], padded.shape[2], room)
    places = _windows(network, padded, tile)
    fast = torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16)
    canvas = torch.empty(1, 3, height, width)
    with fast, frugal_heap() if tile else nullcontext():
        passes = len(network.norms) + 1 if tile else 1
        known: list[Moments] = []

        def crops() -> Iterator[tuple[Window, Tensor]]:
            for index, place in enumerate(places, 1):
                yield place, in_floats(place.crop(padded).to(device)).to(weights.dtype).contiguous()
                watch((len(known) + index / len(places)) / passes)

        while tile and len(known) < len(network.norms):
            known.append(_moments(network, known, crops()))
        for place, crop in crops():
            bottom, right = min(place.bottom, height), min(place.right, width)
            drawn = place.core_of(network.run(crop, known), 1)[..., : bottom - place.top, : right - place.left]
            canvas[..., place.top : bottom, place.left : right] = drawn.float().cpu()
    return canvas


def tile_for(network: TransformNet, width: int, height: int, room: Room | None) -> int | None:
    """Pixels of a tile's side, without what is around it, with which a picture fits into `room`; None is the whole.

    Raises:
        TooLargeError: none is small enough.
    """
    if room is None:
        return None
    pixel_bytes = FACTOR * 4 * _most_activations(network)
    left = room.memory - KERNEL_BYTES - HELD_BYTES * width * height
    if left >= pixel_bytes * width * height:
        return None
    around = 2 * _halo(network) + STRIDE
    side = isqrt(max(0, int(left / pixel_bytes))) - around
    if side < LEAST_SIDE:
        smallest = pixel_bytes * (LEAST_SIDE + around) ** 2
        raise TooLargeError(int(KERNEL_BYTES + HELD_BYTES * width * height + smallest), room.memory)
    return side // STRIDE * STRIDE


def _halo(network: TransformNet) -> int:
    """As a multiple of STRIDE, at which tiles begin: all strides of a network divide it."""
    return ceil(network.halo / STRIDE) * STRIDE


def _windows(network: TransformNet, padded: Tensor, tile: int | None) -> list[Window]:
    height, width = padded.shape[2:]
    return windows(height, width, tile, _halo(network)) if tile else [Window.whole(height, width)]


def _moments(network: TransformNet, known: list[Moments], crops: Iterator[tuple[Window, Tensor]]) -> Moments:
    """Of what the first norm that is not `known` is given of the whole picture, from all its windows."""
    number = len(known)
    stride = next(step.stride for step in network.plan.steps if step.kind == "norm" and step.number == number)
    mean: Tensor | float = 0.0
    square: Tensor | float = 0.0
    for place, crop in crops:
        # In float64, so that a variance may be a difference of means.
        core = place.core_of(network.run(crop, known, number), stride).double()
        share = place.share(stride)
        mean = mean + share * core.mean((2, 3), keepdim=True)
        square = square + share * core.square().mean((2, 3), keepdim=True)
    assert isinstance(mean, Tensor)
    return Moments(mean, (square - mean.square()).clamp_min(0))


def _most_activations(network: TransformNet) -> float:
    """For each pixel, at the step that holds most: what it is given and what it makes, with copies of both."""
    before, most = 1, 0.0
    for step in network.plan.steps:
        if step.kind == "convolution":
            shape = network.plan.shapes[step.number]
            held = (COPIES * shape.width_in / before**2) + COPIES * shape.width_out / step.stride**2
            most = max(most, held)
        before = step.stride
    return most
