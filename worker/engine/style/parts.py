"""A painting's parts, such as its sky and its village: of each the cells and the colours, to paint from it alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageColor
from safetensors.torch import save_file
from torch import Tensor

from worker.engine.colors.masks import nearest_color
from worker.engine.colors.palette import QUANTILES, Palette
from worker.engine.errors import FingerprintMismatchError
from worker.engine.images import fitted_size
from worker.engine.networks.basis import Basis
from worker.engine.networks.extractors import Extractor
from worker.engine.networks.operators import Pooling
from worker.engine.style.cells import CELL
from worker.engine.style.codebook import (
    Chosen,
    Codebook,
    Page,
    cells_of,
    chosen,
    codebook_from,
    mirrored_views,
    scales_for,
)
from worker.engine.style.fingerprint import Fingerprint, opened

FORMAT = "atelier-parts-1"
# Cells of a scale: of all parts together, each by its share of the painting, and of one at least; and the directions of
# their codes that are kept. On two paintings that were tried, 800 cells of 64 directions looked no better.
SHARED_CELLS, LEAST_CELLS, KEPT_DIRECTIONS = 280, 16, 32
# A scale at which a part has fewer cells in the painting than these says nothing of how it is painted: the next one
# stands for it.
TELLING_CELLS = 8


class PartMap(NamedTuple):
    """Which part each pixel of a painting belongs to: names, and numbers of them, uint8 [h, w].

    It has any size, and is stretched over the painting. A number that has no name is no part.
    """

    names: tuple[str, ...]
    numbers: NDArray[np.uint8]

    @staticmethod
    def of_palette(picture: Image.Image, names: Sequence[str]) -> PartMap:
        """From a picture of mode P, whose n-th colour means the n-th name."""
        return PartMap(tuple(names), np.array(picture))

    @staticmethod
    def of_colors(picture: Image.Image, colors: Sequence[str]) -> PartMap:
        """From a picture whose pixels mean the nearest of `colors`, `#rrggbb`, which are the parts' names."""
        wanted = [ImageColor.getrgb(color)[:3] for color in colors]
        return PartMap(tuple(colors), nearest_color(picture, wanted))


@dataclass(frozen=True)
class Parts:
    """How a painting's parts are painted: the cells of all, and by scale the number of each cell's part, uint8 [K]."""

    names: tuple[str, ...]
    codebook: Codebook
    labels: Mapping[int, Tensor]

    def of(self, style: Fingerprint, name: str) -> Fingerprint:
        """The painting's fingerprint with one part's cells and colours; statistics stay those of all of it.

        Raises:
            KeyError: the painting has no such part.
        """
        if name not in self.names:
            raise KeyError(name)
        number, codebook = self.names.index(name), self.codebook
        own = {scale: self.labels[scale] == number for scale in codebook.pages}
        pages = {
            scale: _restricted(page, own[scale], codebook.basis)
            for scale, page in codebook.pages.items()
            if own[scale].any()
        }
        largest = pages[max(pages)]
        palette = _palette_of_cells(largest.colors.float() / 255, largest.masses.float())
        return replace(style, codebooks=((replace(codebook, pages=pages), 1.0),), palette=palette)


def _restricted(page: Page, own: Tensor, basis: Basis) -> Page:
    """A page with some of its cells, which differ from their own mean."""
    codes, masses = page.codes[own].float() * page.step, page.masses[own].float()
    center = (masses / masses.sum()) @ codes
    mean = page.mean.float() + basis.of_columns[:, : len(center)] @ center
    return Page(codes - center, torch.ones_like(page.step), page.colors[own], page.masses[own], mean)


def _palette_of_cells(colors: Tensor, masses: Tensor) -> Palette:
    """The palette of colours [K, 3] in [0, 1] that have these masses [K]."""
    shares = masses / masses.sum()
    mean = shares @ colors
    covariance = (colors - mean).T @ ((colors - mean) * shares[:, None])
    quantiles = []
    for channel in colors.T:
        order = channel.argsort()
        ranks = shares[order].cumsum(0) - shares[order] / 2
        quantiles.append(np.interp(np.linspace(0, 1, QUANTILES), ranks.numpy(), channel[order].numpy()))
    return Palette(mean, covariance, torch.tensor(np.array(quantiles), dtype=torch.float32))


def save_parts(parts: Parts, extractor: Extractor, path: Path) -> None:
    """Write parts that `extractor` measured."""
    tensors = parts.codebook.tensors()
    tensors |= {f"labels.{scale}": labels for scale, labels in parts.labels.items()}
    metadata = {"format": FORMAT, "extractor": extractor.name, "weights_hash": extractor.weights_hash}
    save_file(tensors, path, metadata=metadata | {"names": json.dumps(parts.names)})


def load_parts(path: Path, extractor: Extractor) -> Parts:
    """Read what was written, for use with `extractor`.

    Raises:
        FingerprintFormatError: the file is damaged or something else.
        FingerprintMismatchError: it was made with another extractor or other weights.
    """
    with opened(path, FORMAT, "file of parts") as (file, metadata):
        if (metadata["extractor"], metadata["weights_hash"]) != (extractor.name, extractor.weights_hash):
            raise FingerprintMismatchError(f"{path} was made with {metadata['extractor']}, or with other weights.")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dictionary
        codebook = Codebook.from_tensors(tensors, extractor.basis)
        if codebook is None:
            raise KeyError("the codebook")
        labels = {scale: tensors[f"labels.{scale}"] for scale in codebook.pages}
        return Parts(tuple(json.loads(metadata["names"])), codebook, labels)


@torch.no_grad()
def parts_of(painting: Image.Image, where: PartMap, extractor: Extractor, pooling: Pooling = "average") -> Parts:
    """The parts of a painting; those that it has nothing of are left out.

    Each has its own cells, of the painting's mirror image as well, but not of its turns: in a doodle, water lies and
    trees stand. A cell belongs to the part that has most of it.
    """
    scales = scales_for(painting)
    found: dict[int, Chosen] = {}
    labels: dict[int, Tensor] = {}
    told: set[int] = set()
    for scale in reversed(scales):
        columns, colors = cells_of(painting, extractor, scale, pooling, mirrored_views)
        shares = cell_shares(where, fitted_size(painting.size, scale))
        own = _owned(shares, scale == scales[-1])
        if own:
            told |= set(own)
            found[scale], labels[scale] = _chosen_by_part(columns, colors, own, extractor)
    order = sorted(told)
    renumbered = {scale: torch.bucketize(each, torch.tensor(order)).to(torch.uint8) for scale, each in labels.items()}
    codebook = codebook_from(found, painting, extractor)
    if not codebook.brings_basis:
        codebook = replace(codebook, pages={scale: _shortened(page) for scale, page in codebook.pages.items()})
    return Parts(tuple(where.names[number] for number in order), codebook, renumbered)


def _owned(shares: Tensor, is_largest: bool) -> dict[int, Tensor]:
    """By parts' numbers, the cells that they have most of; parts of too few are left out.

    At the largest scale they are not, and a part that has most of none has those that it has anything of.
    """
    owner, found = shares.argmax(1), dict[int, Tensor]()
    for number in range(shares.shape[1]):
        cells = ((owner == number) & (shares[:, number] > 0)).nonzero()[:, 0]
        if is_largest and not len(cells):
            cells = shares[:, number].nonzero()[:, 0]
        if len(cells) >= (1 if is_largest else 2 * TELLING_CELLS):
            found[number] = cells
    return found


def _chosen_by_part(
    columns: Tensor, colors: Tensor, own: Mapping[int, Tensor], extractor: Extractor
) -> tuple[Chosen, Tensor]:
    """Cells of each part, together 1 in mass, and the numbers of their parts."""
    mean, total = columns.mean(0), sum(len(cells) for cells in own.values())
    chosen_ones, labels = [], []
    for number, cells in own.items():
        share = len(cells) / total
        one = chosen(columns[cells], colors[cells], extractor, max(LEAST_CELLS, round(SHARED_CELLS * share)))
        chosen_ones.append(Chosen(one.deviations + one.mean - mean, one.colors, one.masses * share, mean))
        labels.append(torch.full((len(one.masses),), number, dtype=torch.uint8))
    deviations, colors_of_all, masses = (torch.cat(each) for each in list(zip(*chosen_ones, strict=True))[:3])
    return Chosen(deviations, colors_of_all, masses, mean), torch.cat(labels)


def _shortened(page: Page) -> Page:
    return page._replace(codes=page.codes[:, :KEPT_DIRECTIONS].contiguous(), step=page.step[:KEPT_DIRECTIONS].clone())


def cell_shares(where: PartMap, size: tuple[int, int]) -> Tensor:
    """What each part has of the cells [N, parts] of a painting of `size` (width, height), as `cells_of` orders them."""
    numbers = torch.from_numpy(where.numbers)
    planes = torch.stack([numbers == number for number in range(len(where.names))])[None].float()
    planes = F.interpolate(planes, (size[1], size[0]), mode="area")
    return torch.cat([F.avg_pool2d(view, CELL)[0].flatten(1).T for view in mirrored_views(planes)])
