"""The objective of one stage: α·content + β·style + smoothing, as a function of the iterate's pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engine.brief import Brief
from worker.engine.images import in_floats
from worker.engine.losses.salience import saliences
from worker.engine.losses.terms import (
    EPSILON,
    Grid,
    Measure,
    content_factor,
    outside,
    shifted,
    squared_distance,
    total_variation,
)
from worker.engine.memory.spill import Spill
from worker.engine.memory.tiling import STRIDE, Window, halo_of, tiled, windows
from worker.engine.networks.decoder import HALO
from worker.engine.networks.extractors import geometry
from worker.engine.style.cells import (
    CELL,
    CELL_LAYERS,
    columns_of,
    halo_of_columns,
    on_cells,
    remove_grid,
    soft_colors,
)
from worker.engine.style.fingerprint import ScaleStatistics, neighbor_pairs, pair_name
from worker.engine.style.match import CellPart, Match, Seen, Target, matched
from worker.engine.style.patches import PatchMatch, PatchPart, matched_patches
from worker.engine.style.statistics import (
    LayerStatistics,
    at_least_float32,
    channel_means,
    cross_moment,
    gram,
    upsampled,
)


@dataclass(frozen=True)
class Part:
    """A part of the picture and the style that it is painted in.

    Attributes:
        style: the painting's statistics at this stage's scale.
        share: of the picture's painted area, 0 to 1. It weighs the part's style, so that strength means the same in a
            small part as in a large one. Gatys et al. (CVPR 2017) weigh all alike, which burns small ones.
        guides: layer → weights [1, 1, h, w] of its positions; None is the whole picture.
    """

    style: ScaleStatistics
    share: float = 1.0
    guides: Mapping[str, Tensor] | None = None


@dataclass(frozen=True)
class Targets:
    """What an iterate is compared with.

    Attributes:
        photo: [1, 3, H, W], in [0, 1] or in bytes. None leaves only the style.
        keep: mask [1, 1, H, W], in [0, 1] or in bytes, of where the photo is seen, whatever is painted.
        parts: the styles' statistics.
        cells: what the picture's cells are to be matched with, by `Objective.match`.
        patches: the same of its patches.
    """

    photo: Tensor | None = None
    keep: Tensor | None = None
    parts: Sequence[Part] = ()
    cells: Sequence[CellPart] = ()
    patches: Sequence[PatchPart] = ()


@dataclass(frozen=True)
class Workspace:
    """How an iterate is evaluated.

    Attributes:
        tile: about how many pixels a side the tiles have in which the picture is looked at; None looks at the whole.
        spill: takes the photo's activations and on a CPU the gradient, where memory has no room for them.
        watch: is called after each tile, twice in an evaluation, with the share of it that is done; what it raises ends
            the evaluation.
    """

    tile: int | None = None
    spill: Spill | None = None
    watch: Callable[[float], None] = lambda _share: None


class _Term(NamedTuple):
    """One layer's share of the style loss, in one part; with a neighbour, of their correlation on its grid."""

    weight: float
    layer: str
    neighbor: str | None
    guide: Tensor | None
    measure: Measure
    weight_of_guide: Tensor | None = None

    @property
    def grid(self) -> str:
        """The layer whose positions are counted."""
        return self.neighbor or self.layer

    def share(self, window: Window, guide: Tensor | None, stride: int) -> Tensor | float:
        """What a window, with its part of the guide, weighs of the whole."""
        if guide is None or self.weight_of_guide is None:
            return window.share(stride)
        return guide.sum() / self.weight_of_guide


# Pixels a side of what is matched or drawn at a time: with what must be looked at around it, a fifth more. Also where
# there is memory for all of it at once: then pictures of any memory are the same, but for what rounding decides.
VIEW = 1024


class Objective:
    """Loss of an iterate [1, 3, H, W]; the targets are computed once, at construction.

    Source: Gatys et al., CVPR 2016, eq. 7 and 5, plus total variation; for several parts, the guided Gram matrices of
    Gatys et al., CVPR 2017 (arXiv 1611.07865), eq. 5 to 7. Without a photo only the style remains, which is texture
    synthesis (Gatys et al., arXiv 1505.07376).

    Attributes:
        windows: in which the picture is looked at one after the other; none where there is no photo.
    """

    def __init__(self, brief: Brief, targets: Targets, workspace: Workspace = Workspace()) -> None:
        """Measure the photo."""
        extractor, photo, tile = brief.extractor, targets.photo, workspace.tile
        self.recipe, self.extractor = brief.recipe, extractor
        self.content_weights = brief.content_weights if photo is not None else {}
        self.style_weights = brief.style_weights
        self.photo, self.keep = photo, targets.keep if photo is not None else None
        if not tile:  # in tiles, each part comes to the device by itself
            self.photo, self.keep = (each if each is None else each.to(extractor.device) for each in (photo, self.keep))
        self.cells, self.patches = tuple(targets.cells), tuple(targets.patches)
        self.layers = tuple(dict.fromkeys([*self.style_weights, *self.content_weights]))
        self._geometry = {layer: geometry(layer, extractor.layers) for layer in self.layers}
        self._needs_mean = self.recipe.activation_shift != 0 or self.recipe.kind.needs_means
        self._terms = list(self._style_terms(targets.parts))
        self._match: Match | PatchMatch | None = None
        self._targets: dict[str, Target] | None = None
        self.windows: list[Window] = []
        if photo is not None:
            height, width = photo.shape[2:]
            halo = max(halo_of(field, stride) for stride, field in self._geometry.values())
            halo += STRIDE if self.patches else 0  # a patch in the core has positions around it
            self.windows = windows(height, width, tile, halo) if tile else [Window.whole(height, width)]
        self._zero = torch.zeros((), device=extractor.device)
        self._tile, self._spill, self._watch = tile, workspace.spill, workspace.watch
        self._content = [self._measured(window) for window in self.windows]
        self._content_factors = dict(self._factors())
        self._saliences = dict(self._weighted()) if self.recipe.salience else {}

    def __call__(self, pixels: Tensor) -> Tensor:
        """The loss, a scalar in at least float32."""
        if len(self.windows) > 1:
            return tiled(self, pixels)
        window = Window.whole(pixels.shape[2], pixels.shape[3])
        seen, taps, gathered = self._seen(pixels, window, self.layers)
        return self.style(gathered, window) + self._local(seen, taps, 0, window)

    @property
    def is_static(self) -> bool:
        """Whether every evaluation runs the same kernels on the same memory, and the host reads nothing in between."""
        return len(self.windows) == 1 and self._spill is None and self.recipe.kind.is_static

    @property
    def is_matched(self) -> bool:
        """Whether the picture is matched, before it is compared with what it is to become."""
        return bool(self.cells or self.patches)

    @property
    def needs_sums(self) -> bool:
        """Whether the loss depends on sums over the whole picture, and not only on each of its cells."""
        return bool(self._terms)

    def match(
        self,
        pixels: Tensor,
        share: float,
        seed: int = 0,
        known: Sequence[Tensor] = (),
        color_share: float | None = None,
    ) -> Match | PatchMatch:
        """Match an iterate [1, 3, H, W], patch by patch or cell by cell, unless it is `known` how.

        Cells are those of a mix with that share of the photo; colours are mixed by `color_share`, which is the same by
        default. What the picture was matched with, it is compared with from now on.
        """
        assert self.photo is not None
        photo, device = self.photo, self.extractor.device
        mixed = share if color_share is None else color_share

        def look(window: Window) -> Seen:
            of_photo, of_iterate = (in_floats(window.crop(each).to(device)) for each in (photo, pixels))
            columns = torch.lerp(self.columns(of_iterate, window), self.columns(of_photo, window), share)
            seen = soft_colors(of_photo, window)
            return Seen(columns, torch.lerp(soft_colors(of_iterate, window), seen, mixed), seen)

        match: Match | PatchMatch
        if known:
            entries = tuple(each.to(device) for each in known)
            match = PatchMatch(self.patches, entries) if self.patches else Match(self.cells, entries)
        elif self.patches:
            match = matched_patches(
                lambda window: self._patched(pixels, window), self.windows, self.patches, self.extractor
            )
        else:
            match = matched(look, self._views(), self.cells, self.recipe.matching, share, seed)
        self._match = match
        if len(self.windows) == 1:
            self._targets = match.targets(self.windows[0], self.extractor)
        return match

    @torch.no_grad()
    def _patched(self, pixels: Tensor, window: Window) -> dict[str, Tensor]:
        """A window's activations [1, C, h, w], by the layers whose patches are matched."""
        crop = in_floats(window.crop(pixels).to(self.extractor.device))
        return self.extractor(crop, tuple(self.patches[0].patches), self.recipe.pooling)

    @torch.no_grad()
    def draw(self, pixels: Tensor, strength: float) -> None:
        """Draw what was matched into pixels [1, 3, H, W], at once, by the extractor's decoder.

        `strength` is what the style counts; 1 is usual.
        """
        assert self.photo is not None
        beside_photo = strength / self.recipe.content_weight
        for window in self._views():
            seen = window.grown(HALO)
            drawn = self._drawn(in_floats(seen.crop(self.photo).to(self.extractor.device)), seen, beside_photo)
            top, left = window.top - seen.top, window.left - seen.left
            rows, columns = (
                slice(top, top + window.bottom - window.top),
                slice(left, left + window.right - window.left),
            )
            pixels[..., window.top : window.bottom, window.left : window.right] = drawn[..., rows, columns]
            self.release()
        remove_grid(pixels)

    def _views(self) -> list[Window]:
        """In which the picture is matched and drawn, one after the other."""
        assert self.photo is not None
        height, width = self.photo.shape[2:]
        return windows(height, width, min(VIEW, self._tile or VIEW), halo_of_columns(self.extractor))

    def _drawn(self, crop: Tensor, window: Window, strength: float) -> Tensor:
        """A window's core, drawn, in float32; of the photo the crop is looked at."""
        decoder, match = self.extractor.decoder, self._match
        assert decoder is not None
        assert isinstance(match, Match)
        matched = match.columns(window)
        photo = self.columns(crop, window).T.view(matched.shape)
        # What is not painted stays the photo, also for the eyes of its neighbours.
        matched = torch.where(match.told(window) > 0, matched, photo)
        core = window.core_of(crop, 1)[..., : CELL * matched.shape[2], : CELL * matched.shape[3]]
        matched, photo, core = (
            each.to(self.extractor.dtype, memory_format=torch.channels_last) for each in (matched, photo, core)
        )
        drawn = decoder(matched, photo, core, strength).float()
        # Rows and columns that make no whole cell take after their neighbours.
        missing = window.bottom - window.top - drawn.shape[2], window.right - window.left - drawn.shape[3]
        return F.pad(drawn, (0, missing[1], 0, missing[0]), mode="replicate")

    def columns(self, crop: Tensor, window: Window) -> Tensor:
        """The core's cells [h·w, C] of a window of a picture, of which the crop [1, 3, H, W] is looked at."""
        return columns_of(self.extractor(crop, CELL_LAYERS, self.recipe.pooling), window, self.extractor)

    def style(self, gathered: Sequence[Tensor], window: Window) -> Tensor:
        """The style loss of a picture, of which `window` is any, from what is gathered of all of it."""
        if not self._terms:
            return self._zero
        losses, each = [], iter(gathered)
        for term in self._terms:
            moment = next(each)
            mean = next(each) if self._needs_mean else moment.new_zeros(len(moment))
            other = next(each) if self._needs_mean and term.neighbor else None
            stride, _ = self._geometry[term.layer]
            pixels = window.height * window.width
            grid = Grid(len(moment), (window.height // stride) * (window.width // stride), pixels)
            losses.append(term.weight * term.measure(self._prepared(LayerStatistics(mean, moment), other), grid))
        return self.recipe.kind.statistics_weight * self.recipe.style_weight * torch.stack(losses).sum()

    def gathered(self, crop: Tensor, window: Window) -> list[Tensor]:
        """What the core of a window adds to the moments of the whole, term by term, and to its means if they count."""
        layers = dict.fromkeys(layer for term in self._terms for layer in (term.layer, term.grid))
        return self._seen(crop, window, tuple(layers))[2]

    def looked_at(self, crop: Tensor, index: int) -> tuple[Tensor, list[Tensor]]:
        """Smoothing and content loss of window `index`, and what is gathered of it."""
        window = self.windows[index]
        seen, taps, gathered = self._seen(crop, window, self.layers)
        return self._local(seen, taps, index, window), gathered

    def release(self) -> None:
        """Give back the memory of what was read from files or written there."""
        if self._spill:
            self._spill.release()

    def after_window(self, share: float) -> None:
        """The same, and tell whoever watches."""
        self.release()
        self._watch(share)

    def no_gradient(self, pixels: Tensor) -> Tensor:
        """Zeros in the shape of pixels [1, 3, H, W], for tiles to add to."""
        if self._spill is None or pixels.device.type != "cpu":
            return torch.zeros_like(pixels)
        return self._spill.tensor(tuple(pixels.shape), pixels.dtype)

    def _seen(
        self, crop: Tensor, window: Window, layers: Sequence[str]
    ) -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
        """The crop with what is kept of the photo, its activations, and what is gathered of them, term by term."""
        if self.keep is not None and self.photo is not None:
            keep, photo = (in_floats(window.crop(each).to(crop.device)) for each in (self.keep, self.photo))
            crop = (1 - keep) * crop + keep * photo
        taps: dict[str, Tensor] = {}
        gathered: dict[int, list[Tensor]] = {}
        for layer, activations in self.extractor.walk(crop, layers, self.recipe.pooling):
            taps[layer] = activations
            for index, term in enumerate(self._terms):
                if term.layer == layer:
                    gathered[index] = self._gathered(term, taps, window)
        return crop, taps, [values for index in range(len(self._terms)) for values in gathered[index]]

    def _gathered(self, term: _Term, taps: Mapping[str, Tensor], window: Window) -> list[Tensor]:
        stride, _ = self._geometry[term.grid]
        features = window.core_of(taps[term.grid], stride)
        guide = None if term.guide is None else window.of_layer(term.guide, stride)
        if term.neighbor:
            deeper = self._on_grid(taps[term.layer], features, term, window)
            moment, means = cross_moment(deeper, features, guide), [deeper, features]
        else:
            moment, means = gram(features, guide), [features]
        # A mean costs another pass, which most losses have no use for.
        found = [moment, *(channel_means(values, guide) for values in means if self._needs_mean)]
        if window.is_whole:
            return found
        share = term.share(window, guide, stride)
        return [share * values for values in found]

    def _on_grid(self, deeper: Tensor, shallower: Tensor, term: _Term, window: Window) -> Tensor:
        """The deeper layer's activations on the cells of its neighbour's in the core, placed as in the whole."""
        if window.is_whole:
            return upsampled(deeper, shallower)
        coarse, fine = self._geometry[term.layer][0], self._geometry[term.grid][0]
        places = (window.height, window.width), (window.outer_top, window.outer_left), window.cells(fine)
        for axis, (side, outer, cells) in enumerate(zip(*places, strict=True), 2):
            middles = torch.arange(cells.start, cells.stop, device=deeper.device) + 0.5
            nearest = (middles * ((side // coarse) / (side // fine))).floor().long()
            deeper = deeper.index_select(axis, nearest - outer // coarse)
        return deeper

    def _local(self, crop: Tensor, taps: Mapping[str, Tensor], index: int, window: Window) -> Tensor:
        """Smoothing and content loss of a window."""
        loss = crop.new_zeros(())
        if self.recipe.tv_weight:
            loss = loss + self.recipe.tv_weight * total_variation(crop, self.recipe.smoothing, window)
        if self.recipe.outside_weight:
            loss = loss + self.recipe.outside_weight * outside(crop, window)
        for layer, factor in self._content_factors.items():
            features = window.core_of(taps[layer], self._geometry[layer][0])
            weights = self._saliences[layer][index] if self._saliences else None
            loss = loss + factor * squared_distance(features, self._content[index][layer], weights)
        if self._match:
            loss = loss + self.recipe.style_weight * self._unlike(taps, window, self._match)
        return loss

    def _unlike(self, taps: Mapping[str, Tensor], window: Window, match: Match | PatchMatch) -> Tensor:
        """How far a window's cells or patches are from what they became in the match: mean squares over variances."""
        targets = self._targets or match.targets(window, self.extractor)
        losses = []
        for layer, weight in self.style_weights.items():
            stride, _ = self._geometry[layer]
            target, factor, rest = targets[layer]
            cells = window.core_of(on_cells(taps[layer], stride), max(stride, CELL))
            distance = (at_least_float32(cells) - at_least_float32(target)).square().mean(1, keepdim=True)
            positions = (window.height // max(stride, CELL)) * (window.width // max(stride, CELL))
            losses.append(weight / positions * ((factor * distance).sum() + rest))
        return torch.stack(losses).sum()

    @torch.no_grad()
    def _measured(self, window: Window) -> dict[str, Tensor]:
        """The photo's activations in a window's core."""
        if self.photo is None or not self.content_weights:
            return {}
        crop = in_floats(window.crop(self.photo))
        taps = self.extractor(crop, tuple(self.content_weights), self.recipe.pooling)
        cores = {layer: window.core_of(taps[layer], self._geometry[layer][0]) for layer in self.content_weights}
        kept = {layer: self._kept(core) for layer, core in cores.items()}
        self.release()
        return kept

    def _kept(self, core: Tensor) -> Tensor:
        """Activations [1, C, h, w] without those around them, channels last in memory and in a file: sums over them
        are then taken in one order, and equal to the last bit."""
        if self._spill is None:
            return core.contiguous(memory_format=torch.channels_last)
        _, channels, height, width = core.shape
        rows = self._spill.tensor((1, height, width, channels), core.dtype)
        return rows.permute(0, 3, 1, 2).copy_(core)

    def _factors(self) -> Iterator[tuple[str, Tensor | float]]:
        """Of each content layer, what its squared distance is multiplied by."""
        scaling = self.recipe.content_scaling
        # A relative distance is the same in all units; the others are of squares.
        unit = 1.0 if scaling == "relative" else self.recipe.feature_scale**2
        for layer, weight in self.content_weights.items():
            cores = [each[layer] for each in self._content]
            squares = torch.stack([at_least_float32(core).square().sum() for core in cores]).sum()
            entries, window = sum(core.numel() for core in cores), self.windows[0]
            factor = content_factor(scaling, squares, cores[0].shape[1], entries, window.height * window.width)
            yield layer, self.recipe.content_weight * unit * weight * factor
            self.release()

    def _weighted(self) -> Iterator[tuple[str, list[Tensor]]]:
        """Of each content layer, what its positions weigh, window by window."""
        for layer in self.content_weights:
            yield layer, saliences([each[layer] for each in self._content], self.recipe.salience)
            self.release()

    def _style_terms(self, parts: Sequence[Part]) -> Iterator[_Term]:
        """A term for each layer and part; where neighbours are correlated, the shallowest layer has none."""
        measure = self.recipe.kind.measure
        if measure is None:
            return
        pairs: list[tuple[str, str | None]] = [(layer, None) for layer in self.style_weights]
        if self.recipe.correlations:
            pairs = list(neighbor_pairs(self.style_weights))
        for part in parts:
            for layer, neighbor in pairs:
                target = part.style[pair_name(layer, neighbor) if neighbor else layer]
                measured = self._prepared(target, part.style[neighbor].mean if neighbor else None)
                guide = part.guides[neighbor or layer] if part.guides else None
                whole = None if guide is None else guide.sum().clamp_min(EPSILON)
                yield _Term(part.share * self.style_weights[layer], layer, neighbor, guide, measure(measured), whole)

    def _prepared(self, statistics: LayerStatistics, other_mean: Tensor | None = None) -> LayerStatistics:
        """Scaled and shifted as the recipe says; `other_mean` is the neighbour's."""
        scale = self.recipe.feature_scale
        other = None if other_mean is None else other_mean * scale
        return shifted(self._scaled(statistics), self.recipe.activation_shift, other)

    def _scaled(self, statistics: LayerStatistics) -> LayerStatistics:
        scale = self.recipe.feature_scale
        return statistics if scale == 1 else LayerStatistics(statistics.mean * scale, statistics.moment * scale**2)
