"""The objective of one stage: α·content + β·style + smoothing, as a function of the iterate's pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from worker.engine.extractors import Extractor
from worker.engine.fingerprint import ScaleStatistics, neighbor_pairs, pair_name
from worker.engine.losses import STYLE_LOSS, Grid, Measure, content_loss, shifted, total_variation
from worker.engine.presets import Preset
from worker.engine.statistics import LayerStatistics, channel_means, cross_statistics, gram


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


class _Term(NamedTuple):
    """One layer's share of the style loss, in one part; with a neighbour, of their correlation on its grid."""

    weight: float
    layer: str
    neighbor: str | None
    guide: Tensor | None
    measure: Measure


class Objective:
    """Loss of an iterate [1, 3, H, W]; the targets are computed once, at construction.

    Source: Gatys et al., CVPR 2016, eq. 7 and 5, plus total variation; for several parts, the guided Gram matrices of
    Gatys et al., CVPR 2017 (arXiv 1611.07865), eq. 5 to 7. Without a photo only the style remains, which is texture
    synthesis (Gatys et al., arXiv 1505.07376).
    """

    def __init__(
        self,
        recipe: Preset,
        content_weights: Mapping[str, float],
        style_weights: Mapping[str, float],
        parts: Sequence[Part],
        extractor: Extractor,
        photo: Tensor | None = None,
        keep: Tensor | None = None,
    ) -> None:
        """`photo` is [1, 3, H, W]; `keep` [1, 1, H, W] is 1 where the photo is seen, whatever is painted."""
        self.recipe = recipe
        self.content_weights = content_weights if photo is not None else {}
        self.extractor = extractor
        self.kept = None if keep is None or photo is None else (keep, keep * photo)
        self.layers = tuple(dict.fromkeys([*style_weights, *self.content_weights]))
        # A relative distance is the same in all units; the others are of squares.
        relative = recipe.content_scaling == "relative"
        self._content_weight = recipe.content_weight * (1 if relative else recipe.feature_scale**2)
        self._needs_mean = recipe.activation_shift != 0 or recipe.style_loss == "wasserstein"
        self._terms = list(self._style_terms(style_weights, parts))
        with torch.no_grad():
            layers = tuple(self.content_weights)
            taps = extractor(photo, layers, recipe.pooling) if photo is not None and layers else {}
        self.content = {layer: taps[layer] for layer in self.content_weights}

    def __call__(self, pixels: Tensor) -> Tensor:
        """The loss, a scalar in at least float32."""
        if self.kept is not None:
            pixels = (1 - self.kept[0]) * pixels + self.kept[1]
        taps = self.extractor(pixels, self.layers, self.recipe.pooling)
        count = pixels.shape[2] * pixels.shape[3]
        loss = self.recipe.tv_weight * total_variation(pixels, self.recipe.smoothing) if self.recipe.tv_weight else 0
        loss = loss + self.recipe.style_weight * self._style(taps, count)
        for layer, weight in self.content_weights.items():
            distance = content_loss(taps[layer], self.content[layer], self.recipe.content_scaling, count)
            loss = loss + self._content_weight * weight * distance
        return loss

    def _style(self, taps: Mapping[str, Tensor], pixels: int) -> Tensor:
        losses = []
        for term in self._terms:
            grid = Grid(taps[term.layer].shape[1], taps[term.layer].shape[2] * taps[term.layer].shape[3], pixels)
            losses.append(term.weight * term.measure(self._found(taps, term), grid))
        return torch.stack(losses).sum()

    def _style_terms(self, weights: Mapping[str, float], parts: Sequence[Part]) -> Iterator[_Term]:
        """A term for each layer and part; where neighbours are correlated, the shallowest layer has none."""
        pairs: list[tuple[str, str | None]] = [(layer, None) for layer in weights]
        if self.recipe.correlations:
            pairs = list(neighbor_pairs(weights))
        for part in parts:
            for layer, neighbor in pairs:
                target = part.style[pair_name(layer, neighbor) if neighbor else layer]
                measure = STYLE_LOSS[self.recipe.style_loss](
                    self._prepared(target, part.style[neighbor].mean if neighbor else None)
                )
                guide = part.guides[neighbor or layer] if part.guides else None
                yield _Term(part.share * weights[layer], layer, neighbor, guide, measure)

    def _found(self, taps: Mapping[str, Tensor], term: _Term) -> LayerStatistics:
        """The iterate's statistics for a term."""
        if term.neighbor:
            found = cross_statistics(taps[term.layer], taps[term.neighbor], term.guide)
            return self._prepared(found, channel_means(taps[term.neighbor], term.guide))
        moment = gram(taps[term.layer], term.guide)
        # The mean costs another pass, which most losses have no use for.
        mean = channel_means(taps[term.layer], term.guide) if self._needs_mean else moment.new_zeros(len(moment))
        return self._prepared(LayerStatistics(mean, moment))

    def _prepared(self, statistics: LayerStatistics, other_mean: Tensor | None = None) -> LayerStatistics:
        """Scaled and shifted as the recipe says; `other_mean` is the neighbour's."""
        scale = self.recipe.feature_scale
        other = None if other_mean is None else other_mean * scale
        return shifted(self._scaled(statistics), self.recipe.activation_shift, other)

    def _scaled(self, statistics: LayerStatistics) -> LayerStatistics:
        scale = self.recipe.feature_scale
        return statistics if scale == 1 else LayerStatistics(statistics.mean * scale, statistics.moment * scale**2)
