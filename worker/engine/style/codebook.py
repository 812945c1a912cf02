"""Codebooks: how a painting is painted, cell by cell, at several scales: what a picture in its style is made of.

With the sketch beside it, the painting can be drawn again from a codebook: it is as private as the painting itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from worker.engine.images import fitted_size, to_bytes, to_tensor
from worker.engine.memory.tiling import Window
from worker.engine.networks.basis import Basis, unit_of
from worker.engine.networks.extractors import Extractor
from worker.engine.networks.operators import Pooling
from worker.engine.pyramid import between
from worker.engine.style.cells import CELL_LAYERS, columns_of, soft_colors, widths

SCALES = (64, 128, 256, 512, 1024)
# Of a scale. 400 were chosen of the painting's mirror image and turns as well, until it was seen that as many of the
# painting alone are nearer to it, and twice as many keep faces; the bytes are those of fewer bits (docs/decisions.md).
CELLS = 950
SKETCH_SIDE = 24
# Cells of a scale among which is chosen, and how often groups are formed anew.
CONSIDERED, ROUNDS = 12_000, 8
# What a colour's distance, white to black being √3, counts beside one unit of the activations' deviations.
COLOR_UNIT = 0.05
LEVELS = 127  # of a code, either way from 0
WEAKEST = 16  # directions; what is finer than they vary is not kept of any
BLOCK = 4096  # cells that are compared at a time
PREFIX = "cells"


@dataclass(frozen=True)
class Book:
    """The cells of one scale, or of several and of several paintings together: its sources.

    Attributes:
        codes: [K, D], how far each cell's activations go from the mean of its source in each direction; float32, as
            the rest.
        directions: [C, D], which are few: what is said in them is compared sooner than columns are.
        colors: [K, 3], in [0, 1], each of a cell's surroundings.
        masses: [K], the share that each should have of a picture; together 1.
        sources: [K], the number of each cell's source.
        means: [S, C], of the sources' columns.
        shares: [S], of the sources; together 1.
    """

    codes: Tensor
    directions: Tensor
    colors: Tensor
    masses: Tensor
    sources: Tensor
    means: Tensor
    shares: Tensor

    @cached_property
    def deviations(self) -> Tensor:
        """[K, C], how each cell's activations differ from the mean of its source."""
        return self.codes @ self.directions.T

    @property
    def columns(self) -> Tensor:
        """The cells' activations [K, C]."""
        return self.deviations + self.means[self.sources]

    def to(self, device: torch.device) -> Book:
        """The same on a device."""
        return Book(*(getattr(self, field.name).to(device) for field in fields(self)))


def joined(parts: Sequence[tuple[Book, float]]) -> Book:
    """One book from several with positive weights: all their cells, and all their sources with these shares."""
    if len(parts) == 1:
        return parts[0][0]
    total = sum(weight for _, weight in parts)
    shares = [weight / total for _, weight in parts]
    counts = [len(book.shares) for book, _ in parts]
    codes, directions = in_common([book for book, _ in parts])
    return Book(
        torch.cat(codes),
        directions,
        torch.cat([book.colors for book, _ in parts]),
        torch.cat([book.masses * share for (book, _), share in zip(parts, shares, strict=True)]),
        torch.cat([book.sources + sum(counts[:index]) for index, (book, _) in enumerate(parts)]),
        torch.cat([book.means for book, _ in parts]),
        torch.cat([book.shares * share for (book, _), share in zip(parts, shares, strict=True)]),
    )


def in_common(books: Sequence[Book]) -> tuple[list[Tensor], Tensor]:
    """Each book's codes [K, D], and directions [C, D] for all of them: theirs, or the channels where theirs differ."""
    directions = books[0].directions
    if all(torch.equal(each.directions, directions) for each in books):
        return [each.codes for each in books], directions
    return [each.deviations for each in books], torch.eye(len(directions)).to(directions)


class Page(NamedTuple):
    """A book as it is kept: a byte for each of a cell's directions, and for each of its colour's channels."""

    codes: Tensor  # int8 [K, D]
    step: Tensor  # float32 [D]
    colors: Tensor  # uint8 [K, 3]
    masses: Tensor  # float16 [K]
    mean: Tensor  # float16 [C]


@dataclass(frozen=True)
class Codebook:
    """Books by scale (longest side of the painting in pixels), as they are kept.

    Attributes:
        basis: of the codes.
        brings_basis: whether it is the codebook's own, and not its extractor's.
        sketch: the painting itself, uint8 [h, w, 3], SKETCH_SIDE pixels on its longer side.
        size: (width, height) of the painting that was measured.
    """

    pages: dict[int, Page]
    basis: Basis
    brings_basis: bool
    sketch: Tensor
    size: tuple[int, int]

    def at(self, scale: float) -> Book:
        """The book of any scale: a stored one, or those of two with their shares."""
        return joined([(self._opened(known), share) for known, share in between(self.pages, scale)])

    def _opened(self, scale: int) -> Book:
        codes, step, colors, masses, mean = (part.float() for part in self.pages[scale])
        sources = torch.zeros(len(masses), dtype=torch.long)
        directions = self.basis.of_columns[:, : codes.shape[1]]
        return Book(codes * step, directions, colors / 255, masses / masses.sum(), sources, mean[None], torch.ones(1))

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of it."""
        found = {f"{PREFIX}.sketch": self.sketch, f"{PREFIX}.size": torch.tensor(self.size)}
        found |= self.basis.tensors() if self.brings_basis else {}
        for scale, page in self.pages.items():
            parts = page._asdict() | {"codes": _packed(page.codes)}
            found |= {f"{PREFIX}.{scale}.{name}": part for name, part in parts.items()}
        return found

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], basis: Basis | None) -> Codebook | None:
        """What `tensors` gave, if it is there; `basis` is the extractor's.

        Raises:
            KeyError, ValueError: something is missing, or damaged.
        """
        if f"{PREFIX}.sketch" not in tensors:
            return None
        own = Basis.from_tensors(tensors)
        if own is None and basis is None:
            raise KeyError("the basis of its codes")
        scales = sorted(int(name.split(".")[1]) for name in tensors if name.endswith(".codes"))
        pages = {}
        for scale in scales:
            page = Page(*(tensors[f"{PREFIX}.{scale}.{part}"] for part in Page._fields))
            pages[scale] = page._replace(codes=_unpacked(page.codes, (len(page.colors), len(page.step))))
        width, height = tensors[f"{PREFIX}.size"].tolist()
        return Codebook(pages, own or basis, own is not None, tensors[f"{PREFIX}.sketch"], (width, height))  # type: ignore[arg-type]


@torch.no_grad()
def codebook_of(
    painting: Image.Image,
    extractor: Extractor,
    pooling: Pooling = "average",
    scales: Collection[int] = SCALES,
    count: int = CELLS,
) -> Codebook:
    """The codebook of a painting at the scales that `scales_for` finds; `count` is how many cells a scale gets."""
    used = scales_for(painting, scales)
    found = {scale: chosen(*cells_of(painting, extractor, scale, pooling), extractor, count) for scale in used}
    return codebook_from(found, painting, extractor)


def codebook_from(found: Mapping[int, Chosen], painting: Image.Image, extractor: Extractor) -> Codebook:
    """The codebook of a painting whose cells were chosen at these scales."""
    basis = extractor.basis or Basis.of(torch.cat([cells.deviations for cells in found.values()]), widths(extractor))
    width, height = (max(1, round(side * SKETCH_SIDE / max(painting.size))) for side in painting.size)
    small = painting.convert("RGB").resize((width, height), Image.Resampling.BOX)
    pages = {scale: _page(cells, basis) for scale, cells in found.items()}
    sketch = to_bytes(small)[0].permute(1, 2, 0).contiguous()
    return Codebook(pages, basis, extractor.basis is None, sketch, painting.size)


def scales_for(painting: Image.Image, scales: Collection[int] = SCALES) -> list[int]:
    """Those of `scales`, from the smallest, that do not enlarge a painting, and its own if that is between two.

    Only a painting smaller than the smallest scale is enlarged, to that one.
    """
    longest = max(painting.size)
    used = sorted(scale for scale in scales if scale <= longest) or [min(scales)]
    return [*used, longest] if used[-1] * 1.1 < longest < max(scales) else used


Views = Callable[[Tensor], list[Tensor]]


def plain_view(pixels: Tensor) -> list[Tensor]:
    """Pixels [1, C, H, W] as they are."""
    return [pixels]


def mirrored_views(pixels: Tensor) -> list[Tensor]:
    """The same and their mirror image, in which up is still up."""
    return [pixels, pixels.flip(3)]


def turned_views(pixels: Tensor) -> list[Tensor]:
    """The same and their three turns."""
    return [*mirrored_views(pixels), *(pixels.rot90(turns, (2, 3)) for turns in (1, 2, 3))]


@torch.no_grad()
def cells_of(
    painting: Image.Image,
    extractor: Extractor,
    scale: int,
    pooling: Pooling = "average",
    views: Views = plain_view,
) -> tuple[Tensor, Tensor]:
    """Columns [N, C] and colours [N, 3] of all cells of a painting at a scale, in each of its views."""
    pixels = to_tensor(painting, fitted_size(painting.size, scale)).to(extractor.device)
    columns, colors = [], []
    for view in views(pixels):
        window = Window.whole(view.shape[2], view.shape[3])
        columns.append(columns_of(extractor(view, CELL_LAYERS, pooling), window, extractor))
        colors.append(soft_colors(view, window))
    return torch.cat(columns).cpu(), torch.cat(colors).cpu()


class Chosen(NamedTuple):
    """Some of a painting's cells, as in Book, and the mean [C] of all."""

    deviations: Tensor
    colors: Tensor
    masses: Tensor
    mean: Tensor


def chosen(columns: Tensor, colors: Tensor, extractor: Extractor, count: int) -> Chosen:
    """At most `count` of these cells [N, C] and colours [N, 3]: one of each group of like ones, with the group's share.

    Source: Lloyd, "Least squares quantization in PCM" (1982); of each group, the cell that is nearest to its mean.
    """
    mean = columns.mean(0)
    # At equal distances, so that the same cells are considered every time.
    considered = torch.linspace(0, len(columns) - 1, min(len(columns), CONSIDERED)).long()
    deviations, colors = columns[considered] - mean, colors[considered]
    if len(colors) <= count:
        return Chosen(deviations, colors, torch.full_like(colors[:, 0], 1 / len(colors)), mean)
    points = torch.cat([deviations / unit_of(deviations, widths(extractor)), colors / COLOR_UNIT], 1)
    centers = points[torch.linspace(0, len(points) - 1, count).long()]
    for _ in range(ROUNDS):
        group = _nearest(points, centers)
        sizes = torch.bincount(group, minlength=count)[:, None]
        sums = torch.zeros_like(centers).index_add_(0, group, points)
        centers = torch.where(sizes > 0, sums / sizes.clamp_min(1), centers)
    sizes = torch.bincount(_nearest(points, centers), minlength=count)
    kept = sizes > 0
    medoids = _nearest(centers[kept], points)
    return Chosen(deviations[medoids], colors[medoids], sizes[kept] / sizes.sum(), mean)


def _nearest(points: Tensor, centers: Tensor) -> Tensor:
    """For each of the points [N, D], the number of the center [K, D] that is nearest to it."""
    squares = centers.square().sum(1)
    return torch.cat([(squares - 2 * part @ centers.T).argmin(1) for part in torch.split(points, BLOCK)])


def _page(cells: Chosen, basis: Basis) -> Page:
    codes = basis.codes(cells.deviations)
    # One step for all directions: those that vary little then have few values, which compress well.
    step = torch.maximum(codes[:, -WEAKEST:].std(0, correction=0).mean(), codes.abs().max() / LEVELS).clamp_min(1e-6)
    colors = (cells.colors * 255).round().byte()
    steps = step.expand(codes.shape[1]).contiguous()
    return Page((codes / step).round().to(torch.int8), steps, colors, cells.masses.half(), cells.mean.half())


def _packed(codes: Tensor) -> Tensor:
    """Codes as a file has them, uint8 [bytes]: direction after direction, compressed (RFC 1950)."""
    return torch.frombuffer(bytearray(zlib.compress(codes.T.contiguous().numpy().tobytes(), 9)), dtype=torch.uint8)


def _unpacked(packed: Tensor, shape: tuple[int, int]) -> Tensor:
    """The codes, int8 [K, D]. Files of earlier releases have them as they are.

    Raises:
        ValueError: they are damaged.
    """
    if packed.dtype == torch.int8:
        return packed
    count, directions = shape
    try:
        found = zlib.decompressobj().decompress(packed.numpy().tobytes(), count * directions + 1)
    except zlib.error as error:
        raise ValueError(f"codes: {error}") from error
    if len(found) != count * directions:
        raise ValueError("codes: not as many as colours")
    return torch.frombuffer(bytearray(found), dtype=torch.int8).view(directions, count).T.contiguous()
