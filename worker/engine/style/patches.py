"""Patches: each 3 × 3 patch of a layer's activations is to become the patch of a painting that is most like it.

Source: Li and Wand, "Combining Markov Random Fields and Convolutional Neural Networks for Image Synthesis" (CVPR 2016),
eq. 2 for the energy, eq. 3 for the nearest patch by normalised cross-correlation. We differ: of a large painting, so
many patches at equal distances are offered that memory and time are bounded; and the energy is relative to the
painting's variance, so that one weight fits every layer, painting and network.

A position lies in up to nine patches. Σ (F − T)² over all that cover it is the squared distance to their targets' mean,
times their number, and what these targets differ among themselves, which does not depend on F. So the energy of fixed
matches is as local as that of cells, and takes no more memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from worker.engine.images import fitted_size, to_tensor
from worker.engine.memory.tiling import Window, halo_of, windows
from worker.engine.networks.extractors import Extractor, geometry
from worker.engine.networks.operators import Pooling
from worker.engine.style.match import Target

PATCH = 3  # positions a side
PATCH_LAYERS = ("relu3_1", "relu4_1")
MOST = 4096  # patches of a painting that are offered in a layer
LONGEST = 1024  # pixels on the longer side of a painting that patches are taken of
SEEN = 512  # pixels a side of what is measured of a painting at a time
BLOCK = 1024  # patches that are compared at a time
EPSILON = 1e-8
# Bytes of one comparison: likenesses of a block.
BLOCK_BYTES = 4 * BLOCK * MOST

# A window's activations by layer [1, C, h, w], of all that is looked at for it.
LookAtLayers = Callable[[Window], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Exemplar:
    """A painting's pixels, RGB, that patches are taken of.

    `inside` [h, w] is true where they may be; it has any size and is stretched over the painting. None is everywhere.
    """

    picture: Image.Image
    inside: NDArray[np.bool_] | None = None

    @staticmethod
    def of(painting: Image.Image, inside: NDArray[np.bool_] | None = None) -> Exemplar:
        """Of a painting of any size, of which no more is kept than is ever looked at."""
        size = fitted_size(painting.size, min(LONGEST, max(painting.size)))
        return Exemplar(painting.convert("RGB").resize(size, Image.Resampling.LANCZOS), inside)


@dataclass(frozen=True)
class Patches:
    """A layer's patches: values [N, C, 9], row by row, in at least float32, and their Euclidean norms [N]."""

    values: Tensor
    norms: Tensor

    @property
    def variance(self) -> Tensor:
        """The mean square by which entries differ from their channel's mean."""
        return self.values.var((0, 2), correction=0).mean()


@dataclass(frozen=True)
class PatchPart:
    """Patches by layer, and where is painted from them: areas [h, w], 0 to 1, on the layers' grids."""

    patches: Mapping[str, Patches]
    areas: Mapping[str, Tensor]


@torch.no_grad()
def patches_of(
    exemplars: Sequence[tuple[Exemplar, float]],
    scale: float,
    extractor: Extractor,
    layers: Collection[str],
    pooling: Pooling = "average",
) -> dict[str, Patches]:
    """The patches of paintings at a scale (longest side in pixels), or at their own size where that is smaller.

    Each painting brings as much of the most that are offered as its positive share says.
    """
    total = sum(share for _, share in exemplars)
    found: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    for exemplar, share in exemplars:
        size = fitted_size(exemplar.picture.size, round(min(scale, max(exemplar.picture.size))))
        pixels = to_tensor(exemplar.picture, size).to(extractor.device)
        most = max(1, round(MOST * share / total))
        for layer, activations in _measured(pixels, extractor, layers, pooling).items():
            values = _unfolded(activations)
            found[layer].append(_offered(values, _inside(exemplar, activations.shape[2:]), most))
    joined = {layer: torch.cat(each) for layer, each in found.items()}
    return {layer: Patches(each, each.flatten(1).norm(dim=1).clamp_min(EPSILON)) for layer, each in joined.items()}


def _measured(pixels: Tensor, extractor: Extractor, layers: Collection[str], pooling: Pooling) -> dict[str, Tensor]:
    """Activations by layer [1, C, h, w] of pixels [1, 3, H, W], measured in parts, which takes less memory."""
    height, width = pixels.shape[2:]
    halo = max(halo_of(field, stride) for stride, field in (geometry(layer, extractor.layers) for layer in layers))
    found: dict[str, Tensor] = {}
    for window in windows(height, width, SEEN, halo):
        for layer, activations in extractor.walk(window.crop(pixels), tuple(layers), pooling):
            stride, _ = geometry(layer, extractor.layers)
            core = window.core_of(activations, stride)
            core = core.float() if core.dtype != torch.float64 else core
            if layer not in found:
                found[layer] = core.new_empty((1, core.shape[1], height // stride, width // stride))
            rows, columns = window.cells(stride)
            found[layer][..., rows, columns] = core
    return found


def _unfolded(activations: Tensor) -> Tensor:
    """All patches [h − 2, w − 2, C, 3, 3] of activations [1, C, h, w], as a view."""
    return activations[0].unfold(1, PATCH, 1).unfold(2, PATCH, 1).permute(1, 2, 0, 3, 4)


def _inside(exemplar: Exemplar, grid: torch.Size) -> Tensor:
    """The numbers of the patches whose middle may be taken; where none may, those of which any may, else all."""
    whole = torch.ones(grid[0] - 2, grid[1] - 2)
    if exemplar.inside is not None:
        mask = torch.from_numpy(exemplar.inside)[None, None].float()
        whole = F.interpolate(mask, tuple(grid), mode="area")[0, 0, 1:-1, 1:-1]
    for allowed in (whole >= 0.5, whole > 0, whole >= 0):
        numbers = allowed.flatten().nonzero()[:, 0]
        if len(numbers):
            break
    return numbers


def _offered(values: Tensor, numbers: Tensor, most: int) -> Tensor:
    """At most so many of the patches [h, w, C, 3, 3] of these numbers, at equal distances: [N, C, 9]."""
    taken = numbers[torch.linspace(0, len(numbers) - 1, min(len(numbers), most), dtype=torch.float64).long()]
    width = values.shape[1]
    taken = taken.to(values.device)
    return values[taken // width, taken % width].flatten(2)


@dataclass(frozen=True)
class PatchMatch:
    """What each patch is to become: of each part, layer by layer, a number of one of its patches, int32 [h−2, w−2]."""

    parts: tuple[PatchPart, ...]
    entries: tuple[Tensor, ...]

    def targets(self, window: Window, extractor: Extractor) -> dict[str, Target]:
        """Of each layer, what the positions of a window's core are compared with: where parts meet, by their areas."""
        layers = tuple(self.parts[0].patches)
        found = {}
        for index, layer in enumerate(layers):
            stride, _ = geometry(layer, extractor.layers)
            rows, columns = window.cells(stride)
            entries = self.entries[index :: len(layers)]
            sums = [
                _added(part.patches[layer], numbers, part.areas[layer][rows, columns], (rows, columns))
                for part, numbers in zip(self.parts, entries, strict=True)
            ]
            weight, first, second = (torch.stack(each).sum(0) for each in zip(*sums, strict=True))
            known = weight.clamp_min(EPSILON)
            # A mean over patches and their entries, where `Objective` takes one over positions.
            height, width = window.height // stride, window.width // stride
            share = height * width / (PATCH * PATCH * (height - 2) * (width - 2))
            rest = (second - first.square() / known).mean(0).sum() * share
            values = (first / known)[None].contiguous(memory_format=torch.channels_last)
            found[layer] = Target(values.to(extractor.dtype), share * weight[None, None], rest)
        return found


def _added(patches: Patches, numbers: Tensor, area: Tensor, core: tuple[slice, slice]) -> tuple[Tensor, Tensor, Tensor]:
    """Over the matched patches that cover each position of the core: weights [h, w], Σ w·T and Σ w·T² [C, h, w].

    A weight is the part's area over its patches' variance.
    """
    rows, columns = core
    # By their middles, on the layer's own grid and two more; −1 is none.
    middles = F.pad(numbers, (2, 2, 2, 2), value=-1)
    shape = area.shape
    channels = patches.values.shape[1]
    weight, first, second = (
        area.new_zeros((size, *shape), dtype=patches.values.dtype) for size in (1, channels, channels)
    )
    worth = area.to(patches.values) / patches.variance.clamp_min(EPSILON)
    for place in range(PATCH * PATCH):
        down, right = 2 - place // PATCH, 2 - place % PATCH  # from the position to the middle, with the padding's two
        here = middles[rows.start + down : rows.stop + down, columns.start + right : columns.stop + right]
        counts = worth * (here >= 0)
        target = patches.values[:, :, place][here.clamp_min(0).flatten().long()].T.view(channels, *shape)
        weight += counts
        first += counts * target
        second += counts * target.square()
    return weight[0], first, second


@torch.no_grad()
def matched_patches(
    look: LookAtLayers, spans: Sequence[Window], parts: Sequence[PatchPart], extractor: Extractor
) -> PatchMatch:
    """Match every patch of a picture that `look` shows in windows, which see one position more than their core needs.

    Source: Li and Wand, eq. 3: the largest Ψᵢ·Ψⱼ / (|Ψᵢ| |Ψⱼ|); |Ψᵢ| is the same for all j.
    """
    layers = tuple(parts[0].patches)
    strides = {layer: geometry(layer, extractor.layers)[0] for layer in layers}
    entries: list[Tensor] = []
    for _ in parts:
        for layer in layers:
            grid = (each // strides[layer] - 2 for each in (spans[0].height, spans[0].width))
            entries.append(torch.zeros(*grid, dtype=torch.int32, device=extractor.device))
    for window in spans:
        taps = look(window)
        for index, layer in enumerate(layers):
            for band, places in _bands(taps[layer], window, strides[layer]):
                flat = band.flatten(0, 1).flatten(1)
                for number, part in enumerate(parts):
                    best = _nearest(flat, part.patches[layer])
                    entries[number * len(layers) + index][places] = best.view(band.shape[:2])
    return PatchMatch(tuple(parts), tuple(entries))


def _bands(activations: Tensor, window: Window, stride: int) -> Iterator[tuple[Tensor, tuple[slice, slice]]]:
    """The patches [h, w, C, 3, 3] whose middles lie in a window's core, rows by rows, and their places among all."""
    rows, columns = window.cells(stride)
    height, width = window.height // stride, window.width // stride
    top, bottom = max(1, rows.start), min(height - 1, rows.stop)
    left, right = max(1, columns.start), min(width - 1, columns.stop)
    above, before = window.outer_top // stride, window.outer_left // stride
    if bottom <= top or right <= left:
        return
    step = max(1, BLOCK // (right - left))
    for start in range(top, bottom, step):
        stop = min(bottom, start + step)
        seen = activations[..., start - 1 - above : stop + 1 - above, left - 1 - before : right + 1 - before]
        seen = seen if seen.dtype == torch.float64 else seen.float()
        yield _unfolded(seen), (slice(start - 1, stop - 1), slice(left - 1, right - 1))


def _nearest(patches: Tensor, offered: Patches) -> Tensor:
    """For each of the patches [N, 9·C] the number of the most alike that are offered, int32."""
    flat = offered.values.flatten(1)
    return torch.cat([(part @ flat.T / offered.norms).argmax(1) for part in patches.split(BLOCK)]).to(torch.int32)
