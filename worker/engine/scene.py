"""What is painted: a photo, which painting's style goes where, and what stays."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from worker.engine.brief import Brief
from worker.engine.colors.color import recolored
from worker.engine.colors.masks import guide, partition, soft_mask
from worker.engine.colors.palette import Palette, mixed_palette
from worker.engine.errors import EmptyMaskError
from worker.engine.images import fitted_size, to_bytes
from worker.engine.networks.extractors import Extractor, geometry
from worker.engine.networks.upscale import Upscaler
from worker.engine.objective import Objective, Part, Targets, Workspace
from worker.engine.options import PaintOptions
from worker.engine.style.cells import CELL
from worker.engine.style.codebook import joined
from worker.engine.style.fingerprint import Fingerprint, blend
from worker.engine.style.match import CellPart, loosened
from worker.engine.style.patches import PatchPart, patches_of

# Below this share of the picture a part has no position of its own in the deep layers, and nothing to be painted with.
LEAST_SHARE = 5e-4
Place = TypeVar("Place", bound=Hashable)


@dataclass(frozen=True)
class Region:
    """A style, and a mask of the photo that is white where it is painted; None is wherever no other region's is."""

    style: Fingerprint
    mask: Image.Image | None = None


def regions_of(
    choices: Iterable[tuple[Place, Fingerprint, float]], mask_of: Callable[[Place], Image.Image | None]
) -> tuple[Region, ...]:
    """Regions from styles, each with where it is painted and its weight: one a place, with the blend of those there."""
    places: dict[Place, list[tuple[Fingerprint, float]]] = {}
    for place, style, weight in choices:
        places.setdefault(place, []).append((style, weight))
    return tuple(Region(blend(parts), mask_of(place)) for place, parts in places.items())


class Spot(NamedTuple):
    """Where is painted, an area [1, 1, H, W] of shares of pixels, and in which regions' styles; None is everywhere."""

    regions: tuple[Region, ...]
    area: Tensor | None


@dataclass(frozen=True)
class Scene:
    """A photo (RGB) and what is to become of it.

    Attributes:
        regions: at least one.
        keep: a mask that is white where the photo stays as it is.
        color_mask: a mask that is white where the photo's colours are kept; None is everywhere.
        start: the picture that `start="artwork"` begins from.
        upscaler: what enlarges the finished picture with `resample="network"`.

    Masks may have any mode and size; they are stretched over the photo.
    """

    photo: Image.Image
    regions: tuple[Region, ...]
    keep: Image.Image | None = None
    color_mask: Image.Image | None = None
    start: Image.Image | None = None
    upscaler: Upscaler | None = None

    @staticmethod
    def of(photo: Image.Image, style: Fingerprint) -> Scene:
        """The whole photo in one style."""
        return Scene(photo, (Region(style),))

    def check(self, extractor: Extractor, options: PaintOptions) -> None:
        """Make sure that the scene can be painted.

        Raises:
            FingerprintMismatchError: a style was not made with `extractor`.
            EmptyMaskError: a region's mask covers nothing, or what is kept leaves nothing to paint.
            ValueError: `start` is artwork, and there is none.
        """
        for region in self.regions:
            region.style.check(extractor)
        if options.start == "artwork" and self.start is None:
            raise ValueError("start is artwork, but there is no artwork to start from")
        size = fitted_size(self.photo.size, options.size)
        painted = 1 - self.kept(size, 0.0)
        masks = (soft_mask(region.mask, size) for region in self.regions if region.mask)
        for area in chain([painted], (mask * painted for mask in masks)):  # one at a time, for memory's sake
            if float(area.mean()) < LEAST_SHARE:
                raise EmptyMaskError(float(area.sum()), size)

    @property
    def palette(self) -> Palette | None:
        """The palette of all styles together; None if one of them has none."""
        palettes = [region.style.palette for region in self.regions if region.style.palette]
        if not palettes or len(palettes) < len(self.regions):
            return None
        return mixed_palette([(palette, 1 / len(palettes)) for palette in palettes])

    def kept(self, size: tuple[int, int], feather: float) -> Tensor:
        """Mask [1, 1, H, W] of what stays the photo at `size` (width, height); zeros where nothing does."""
        if self.keep is None:
            return torch.zeros(1, 1, size[1], size[0])
        return soft_mask(self.keep, size, feather)

    def areas(self, size: tuple[int, int], feather: float) -> list[Tensor]:
        """Each region's share [1, 1, H, W] of the pixels at `size` (width, height), without what stays the photo."""
        areas, rest = self.areas_and_rest(size, feather)
        return areas if rest is None else [area + rest / len(areas) for area in areas]

    def areas_and_rest(self, size: tuple[int, int], feather: float) -> tuple[list[Tensor], Tensor | None]:
        """The same as the masks say, and what none of them covers: it is painted in all the styles together."""
        masks = [soft_mask(each.mask, size, feather) if each.mask else None for each in self.regions]
        painted, count = 1 - self.kept(size, feather), len(masks)
        shares = partition(masks) if any(mask is not None for mask in masks) else [painted / count] * count
        areas = [share * painted for share in shares] if self.keep else shares
        return areas[:count], areas[count] if len(areas) > count and bool(areas[count].any()) else None

    def brief(self, options: PaintOptions, extractor: Extractor) -> Brief:
        """What follows from the options for this photo.

        Raises:
            ValueError: the options ask for layers that the extractor lacks.
        """
        return Brief.of(self.photo.size, options, extractor)

    def objective(
        self,
        size: tuple[int, int],
        brief: Brief,
        motif: Image.Image | None = None,
        workspace: Workspace = Workspace(),
        is_evaluated: bool = True,
    ) -> Objective:
        """What is minimised at `size` (width, height); `motif` is what the content is taken of, the photo by default.

        Where cells are compared, they are still to be matched; if that is all, and it is not to be evaluated, the rest
        is left out.
        """
        keep = (self.kept(size, brief.options.feather) * 255).round().byte() if self.keep else None
        content, parts = to_bytes(motif or self.photo, size), list[Part]()
        cells, patches = list[CellPart](), list[PatchPart]()
        if brief.recipe.kind.matches_cells:
            cells, content = self.cells(size, brief, content)
        elif brief.recipe.kind.matches_patches:
            patches, content = self.patches(size, brief, content)
        if not is_evaluated:
            brief = replace(brief, content_weights={})
        elif brief.recipe.kind.compares_statistics:
            parts = self.parts(size, brief)
        return Objective(brief, Targets(content, keep, parts, cells, patches), workspace)

    def cells(self, size: tuple[int, int], brief: Brief, motif: Tensor) -> tuple[list[CellPart], Tensor]:
        """The books for a stage of `size` (width, height), each with where it is painted from, and the motif in its
        paintings' colours.

        What no mask covers is painted from one book of all: a mean of several paintings' cells would be none's. `motif`
        is in bytes [1, 3, H, W], as is what is returned.
        """
        scale, device = max(size) * brief.options.brush, brief.extractor.device
        spots = self.spots(size, brief.options.feather)
        grid = (size[1] // CELL, size[0] // CELL)
        books = [joined([(region.style.book(scale), 1.0) for region in spot.regions]) for spot in spots]
        parts = [
            CellPart(book.to(device), _on_grid(spot.area, grid, CELL).to(device), brief.recipe.emphasis)
            for book, spot in zip(books, spots, strict=True)
        ]
        return loosened(parts, brief.options.fidelity), self._recolored(motif, spots)

    def patches(self, size: tuple[int, int], brief: Brief, motif: Tensor) -> tuple[list[PatchPart], Tensor]:
        """The same with the paintings' patches.

        Raises:
            ValueError: a painting's pixels are not there.
        """
        extractor, scale = brief.extractor, max(size) * brief.options.brush
        spots, parts = self.spots(size, brief.options.feather), []
        for spot in spots:
            exemplars = [each for region in spot.regions for each in region.style.exemplars]
            if not all(region.style.exemplars for region in spot.regions):
                raise ValueError("a painting's own pixels are not known, and its patches are taken of them")
            patches = patches_of(exemplars, scale, extractor, tuple(brief.style_weights), brief.recipe.pooling)
            areas = {}
            for layer in patches:
                stride, _ = geometry(layer, extractor.layers)
                grid = (size[1] // stride, size[0] // stride)
                areas[layer] = _on_grid(spot.area, grid, stride).to(extractor.device)
            parts.append(PatchPart(patches, areas))
        return parts, self._recolored(motif, spots)

    def spots(self, size: tuple[int, int], feather: float) -> list[Spot]:
        """Where which styles are painted at `size` (width, height): each region's own, and the rest in all of them."""
        if not any(region.mask for region in self.regions):
            return [Spot(self.regions, 1 - self.kept(size, feather) if self.keep else None)]
        areas, rest = self.areas_and_rest(size, feather)
        spots = [Spot((region,), area) for region, area in zip(self.regions, areas, strict=True)]
        return spots if rest is None else [*spots, Spot(self.regions, rest)]

    def _recolored(self, motif: Tensor, spots: Sequence[Spot]) -> Tensor:
        palettes = [spot.regions[0].style.palette if len(spot.regions) == 1 else self.palette for spot in spots]
        return recolored(motif, palettes, [spot.area for spot in spots])

    def parts(self, size: tuple[int, int], brief: Brief) -> list[Part]:
        """The objective's parts for a stage of `size` (width, height), with the styles' statistics."""
        styles = [region.style.at(max(size) * brief.options.brush) for region in self.regions]
        if self.keep is None and not any(region.mask for region in self.regions):
            return [Part(style, 1 / len(styles)) for style in styles]
        areas = self.areas(size, brief.options.feather)
        whole = sum(float(area.mean()) for area in areas)
        parts = []
        for style, area in zip(styles, areas, strict=True):
            share = float(area.mean()) / max(whole, LEAST_SHARE)
            if share > 0:
                parts.append(Part(style, share, _guides(area, size, brief)))
        return parts


def _on_grid(area: Tensor | None, grid: tuple[int, int], stride: int) -> Tensor:
    """An area [1, 1, H, W] as the share of each cell of so many pixels [h, w]; None is everywhere."""
    return torch.ones(grid) if area is None else F.avg_pool2d(area, stride)[0, 0]


def _guides(area: Tensor, size: tuple[int, int], brief: Brief) -> Mapping[str, Tensor]:
    guides, extractor = {}, brief.extractor
    for layer in brief.style_weights:
        stride, field = geometry(layer, extractor.layers)
        grid = (size[1] // stride, size[0] // stride)
        guides[layer] = guide(area, grid, field, stride, brief.options.guides).to(extractor.device)
    return guides
