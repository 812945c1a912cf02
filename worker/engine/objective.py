"""The objective of one stage: α·content + β·style + smoothing, as a function of the iterate's pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.engine.extractors import Extractor
from worker.engine.fingerprint import ScaleStatistics, pair_name
from worker.engine.losses import STYLE_LOSS, Grid, content_loss, shifted, total_variation
from worker.engine.presets import Preset
from worker.engine.statistics import LayerStatistics, channel_means, cross_moment, gram, upsampled


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
        self.style_weights = style_weights
        self.parts = parts
        self.extractor = extractor
        self.kept = None if keep is None or photo is None else (keep, keep * photo)
        self.layers = tuple(dict.fromkeys([*style_weights, *self.content_weights]))
        self.pairs = _neighbours(style_weights) if recipe.correlations else {}
        # A relative distance is the same in all units; the others are of squares.
        relative = recipe.content_scaling == "relative"
        self._content_weight = recipe.content_weight * (1 if relative else recipe.feature_scale**2)
        self._needs_mean = recipe.activation_shift != 0 or recipe.style_loss == "wasserstein"
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
        measure = STYLE_LOSS[self.recipe.style_loss]
        terms = []
        for part in self.parts:
            for layer, weight in self.style_weights.items():
                neighbour = self.pairs.get(layer)
                if self.recipe.correlations and neighbour is None:
                    continue  # the shallowest has nothing to be correlated with
                found, target = self._statistics(taps, layer, neighbour, part)
                grid = Grid(taps[layer].shape[1], taps[layer].shape[2] * taps[layer].shape[3], pixels)
                terms.append(part.share * weight * measure(found, target, grid))
        return torch.stack(terms).sum()

    def _statistics(
        self, taps: Mapping[str, Tensor], layer: str, neighbour: str | None, part: Part
    ) -> tuple[LayerStatistics, LayerStatistics]:
        """What is found in the iterate and what is wanted, scaled and shifted as the recipe says."""
        guide = part.guides[layer] if part.guides else None
        shift = self.recipe.activation_shift
        if neighbour is None:
            moment = gram(taps[layer], guide)
            # The mean costs another pass, which most losses have no use for.
            mean = channel_means(taps[layer], guide) if self._needs_mean else moment.new_zeros(len(moment))
            found = LayerStatistics(mean, moment)
            return shifted(self._scaled(found), shift), shifted(self._scaled(part.style[layer]), shift)
        guide = part.guides[neighbour] if part.guides else None
        moment = cross_moment(taps[layer], taps[neighbour], guide)
        found = LayerStatistics(channel_means(upsampled(taps[layer], taps[neighbour]), guide), moment)
        other = channel_means(taps[neighbour], guide)
        target, target_other = part.style[pair_name(layer, neighbour)], part.style[neighbour].mean
        scale = self.recipe.feature_scale
        return (
            shifted(self._scaled(found), shift, other * scale),
            shifted(self._scaled(target), shift, target_other * scale),
        )

    def _scaled(self, statistics: LayerStatistics) -> LayerStatistics:
        scale = self.recipe.feature_scale
        return statistics if scale == 1 else LayerStatistics(statistics.mean * scale, statistics.moment * scale**2)


def _neighbours(layers: Mapping[str, float]) -> dict[str, str]:
    """Each layer's next shallower one."""
    names = list(layers)
    return dict(zip(names[1:], names, strict=False))
