"""A painting's parts, such as its sky and its village: of each the cells and the colours, to paint from it alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from worker.engine.colors.palette import Palette, palette_of
from worker.engine.errors import FingerprintFormatError, FingerprintMismatchError
from worker.engine.images import fitted_size
from worker.engine.networks.extractors import Extractor
from worker.engine.networks.operators import Pooling
from worker.engine.style.cells import CELL
from worker.engine.style.codebook import (
    CELLS,
    Chosen,
    Codebook,
    cells_of,
    chosen,
    codebook_from,
    mirrored_views,
    scales_for,
)
from worker.engine.style.fingerprint import Fingerprint, palette_in, palette_tensors

FORMAT = "atelier-parts-1"
# Cells of a scale: of all parts together, each by its share of the painting, and of one at least.
SHARED_CELLS, LEAST_CELLS = 2 * CELLS, 60
# A scale at which a part has fewer cells than these says nothing of how it is painted: the next one stands for it.
TELLING_CELLS = 8
PALETTE_SCALE = 512  # pixels on the longer side at which colours are looked at


class PartMap(NamedTuple):
    """Which part each pixel of a painting belongs to: names, and numbers of them, uint8 [h, w].

    It has any size, and is stretched over the painting. A number that has no name is no part.
    """

    names: tuple[str, ...]
    numbers: NDArray[np.uint8]


@dataclass(frozen=True)
class StylePart:
    """How a part is painted, and in which colours."""

    codebook: Codebook
    palette: Palette

    def of(self, style: Fingerprint) -> Fingerprint:
        """The painting's fingerprint with this part's cells and colours; statistics stay those of all of it."""
        return replace(style, codebooks=((self.codebook, 1.0),), palette=self.palette)


def save_parts(parts: Mapping[str, StylePart], extractor: Extractor, path: Path) -> None:
    """Write parts that `extractor` measured."""
    tensors: dict[str, Tensor] = {}
    for index, part in enumerate(parts.values()):
        of_part = part.codebook.tensors() | palette_tensors(part.palette)
        tensors |= {f"{index}.{name}": values for name, values in of_part.items()}
    metadata = {"format": FORMAT, "extractor": extractor.name, "weights_hash": extractor.weights_hash}
    save_file(tensors, path, metadata=metadata | {"names": json.dumps(list(parts))})


def load_parts(path: Path, extractor: Extractor) -> dict[str, StylePart]:
    """Read what was written, for use with `extractor`.

    Raises:
        FingerprintFormatError: the file is damaged or something else.
        FingerprintMismatchError: it was made with another extractor or other weights.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise FingerprintFormatError(f"{path} is not a file of parts of format {FORMAT}.")
        if (metadata["extractor"], metadata["weights_hash"]) != (extractor.name, extractor.weights_hash):
            raise FingerprintMismatchError(f"{path} was made with {metadata['extractor']}, or with other weights.")
        tensors = load_file(path)
        names: list[str] = json.loads(metadata["names"])
        return {name: _part_in(tensors, index, extractor) for index, name in enumerate(names)}
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise FingerprintFormatError(f"{path} is damaged: {error}") from error


def _part_in(tensors: Mapping[str, Tensor], index: int, extractor: Extractor) -> StylePart:
    prefix = f"{index}."
    own = {name.removeprefix(prefix): values for name, values in tensors.items() if name.startswith(prefix)}
    codebook = Codebook.from_tensors(own, extractor.basis)
    if codebook is None:
        raise KeyError("a part's codebook")
    return StylePart(codebook, palette_in(own))


@torch.no_grad()
def parts_of(
    painting: Image.Image, where: PartMap, extractor: Extractor, pooling: Pooling = "average"
) -> dict[str, StylePart]:
    """The parts of a painting by their names, those that it has none of left out.

    Each has its own cells, of the painting's mirror image as well, but not of its turns: in a doodle, water lies and
    trees stand. A cell belongs to the part that has most of it.
    """
    found: dict[str, dict[int, Chosen]] = {}
    rare: dict[str, tuple[int, Tensor]] = {}
    for scale in scales_for(painting):
        columns, colors = cells_of(painting, extractor, scale, pooling, mirrored_views)
        shares = cell_shares(where, fitted_size(painting.size, scale))
        owner = shares.argmax(1)
        for number, name in enumerate(where.names):
            own = (owner == number) & (shares[:, number] > 0)
            count = max(LEAST_CELLS, round(SHARED_CELLS * float(own.float().mean())))
            if own.sum() >= 2 * TELLING_CELLS:
                found.setdefault(name, {})[scale] = chosen(columns[own], colors[own], extractor, count)
            elif name not in found and shares[:, number].max() > 0:
                rare[name] = scale, shares[:, number]
    for name in rare.keys() - found.keys():
        scale, shares_of_it = rare[name]
        columns, colors = cells_of(painting, extractor, scale, pooling, mirrored_views)
        most = shares_of_it.topk(min(TELLING_CELLS, int((shares_of_it > 0).sum()))).indices
        found[name] = {scale: chosen(columns[most], colors[most], extractor, TELLING_CELLS)}
    palettes = _palettes(painting, where)
    return {
        name: StylePart(codebook_from(found[name], painting, extractor), palettes[name])
        for name in where.names
        if name in found
    }


def cell_shares(where: PartMap, size: tuple[int, int]) -> Tensor:
    """What each part has of the cells [N, parts] of a painting of `size` (width, height), as `cells_of` orders them."""
    views = mirrored_views(_planes(where, size))
    return torch.cat([F.avg_pool2d(view, CELL)[0].flatten(1).T for view in views])


def _planes(where: PartMap, size: tuple[int, int]) -> Tensor:
    """Each part's share [1, parts, H, W] of the pixels of a painting of `size` (width, height)."""
    numbers = torch.from_numpy(where.numbers)
    planes = torch.stack([numbers == number for number in range(len(where.names))])[None].float()
    return F.interpolate(planes, (size[1], size[0]), mode="area")


def _palettes(painting: Image.Image, where: PartMap) -> dict[str, Palette]:
    size = fitted_size(painting.size, min(PALETTE_SCALE, max(painting.size)))
    small = painting.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    planes = _planes(where, size)[0].double().numpy()
    return {name: palette_of(small, plane) for name, plane in zip(where.names, planes, strict=True) if plane.any()}
