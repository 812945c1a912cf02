"""What is painted: a photo, which painting's style goes where, and what stays."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor

from worker.engine.errors import EmptyMaskError
from worker.engine.extractors import Extractor
from worker.engine.fingerprint import Fingerprint, blend
from worker.engine.images import fitted_size, to_bytes
from worker.engine.masks import geometry, guide, partition, soft_mask
from worker.engine.objective import Objective, Part
from worker.engine.options import PaintOptions, layer_weights, recipe
from worker.engine.palette import Palette, mixed_palette
from worker.engine.spill import Spill

# Below this share of the picture a part has no position of its own in the deep layers, and nothing to be painted with.
LEAST_SHARE = 5e-4
# Style layers by which the sharpness of a picture is judged. Of the usual five they take a sixth of the operations.
SURFACE_LAYERS = 2
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


@dataclass(frozen=True)
class Scene:
    """A photo (RGB) and what is to become of it.

    Attributes:
        regions: at least one.
        keep: a mask that is white where the photo stays as it is.
        color_mask: a mask that is white where the photo's colours are kept; None is everywhere.
        start: the picture that `start="artwork"` begins from.

    Masks may have any mode and size; they are stretched over the photo.
    """

    photo: Image.Image
    regions: tuple[Region, ...]
    keep: Image.Image | None = None
    color_mask: Image.Image | None = None
    start: Image.Image | None = None

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
        masks = [soft_mask(region.mask, size) for region in self.regions if region.mask]
        for area in [painted, *(mask * painted for mask in masks)]:
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
        masks = [soft_mask(each.mask, size, feather) if each.mask else None for each in self.regions]
        painted = 1 - self.kept(size, feather)
        count = len(masks)
        shares = partition(masks) if any(mask is not None for mask in masks) else [painted / count] * count
        if len(shares) > count:
            # What no mask covers is painted in all the styles together.
            rest = shares.pop()
            shares = [share + rest / count for share in shares]
        return [share * painted for share in shares]

    def objective(
        self,
        size: tuple[int, int],
        options: PaintOptions,
        extractor: Extractor,
        motif: Image.Image | None = None,
        tile: int | None = None,
        spill: Spill | None = None,
        watch: Callable[[float], None] = lambda _share: None,
        surface: bool = False,
    ) -> Objective:
        """What is minimised at `size` (width, height); `motif` is what the content is taken of, the photo by default.

        `tile`, `spill` and `watch` are those of Objective. `surface` takes the style alone, as the shallowest layers
        see it: a small part of what all costs.

        Raises:
            ValueError: the options ask for layers that the extractor lacks.
        """
        wanted = recipe(options)
        content_weights, style_weights = layer_weights(wanted, options, extractor)
        if surface:
            shallow = sorted(style_weights, key=extractor.layers.index)[:SURFACE_LAYERS]
            content_weights, style_weights = {}, {layer: style_weights[layer] for layer in shallow}
        parts = self.parts(size, max(size) * options.brush, options, tuple(style_weights), extractor)
        content = to_bytes(motif or self.photo, size)
        kept = (self.kept(size, options.feather) * 255).round().byte() if self.keep else None
        return Objective(wanted, content_weights, style_weights, parts, extractor, content, kept, tile, spill, watch)

    def parts(
        self, size: tuple[int, int], scale: float, options: PaintOptions, layers: Sequence[str], extractor: Extractor
    ) -> list[Part]:
        """The objective's parts for a stage of `size` (width, height), with the styles' statistics at `scale`."""
        styles = [region.style.at(scale) for region in self.regions]
        if self.keep is None and not any(region.mask for region in self.regions):
            return [Part(style, 1 / len(styles)) for style in styles]
        areas = self.areas(size, options.feather)
        whole = sum(float(area.mean()) for area in areas)
        parts = []
        for style, area in zip(styles, areas, strict=True):
            share = float(area.mean()) / max(whole, LEAST_SHARE)
            if share > 0:
                guides = _guides(area, size, options, layers, extractor)
                parts.append(Part(style, share, guides))
        return parts


def _guides(
    area: Tensor, size: tuple[int, int], options: PaintOptions, layers: Sequence[str], extractor: Extractor
) -> Mapping[str, Tensor]:
    guides = {}
    for layer in layers:
        stride, field = geometry(layer, extractor.layers)
        grid = (size[1] // stride, size[0] // stride)
        guides[layer] = guide(area, grid, field, stride, options.guides).to(extractor.device)
    return guides
