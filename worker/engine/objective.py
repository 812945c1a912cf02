"""The objective of one stage: α·content + β·style + smoothing, as a function of the iterate's pixels."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from worker.engine.extractors import CONTENT_LAYER, STYLE_LAYERS, Extractor
from worker.engine.fingerprint import ScaleStatistics
from worker.engine.images import to_tensor
from worker.engine.losses import content_loss, gram_loss, total_variation

# Weights of the relative losses; the content term's is 1. Chosen by eye and by measured style and content distances
# over nine pairs: at seven times this style weight faces dissolve, at a third the strokes grow timid.
STYLE_WEIGHT = 40.0
TV_WEIGHT = 2.0


class Objective:
    """Loss of an iterate [1, 3, H, W]; the targets are computed once, at construction.

    Source: Gatys et al., CVPR 2016, eq. 7 and 5 with equal layer weights, each loss relative to its target (losses.py),
    plus total variation. Without a photo only the style remains, which is texture synthesis (Gatys et al., 2015).
    """

    def __init__(
        self,
        style: ScaleStatistics,
        extractor: Extractor,
        style_weight: float,
        tv_weight: float,
        photo: Image.Image | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        self.style = style
        self.extractor = extractor
        self.style_weight = style_weight
        self.tv_weight = tv_weight
        with torch.no_grad():
            self.content = extractor(to_tensor(photo, size))[CONTENT_LAYER] if photo else None

    def __call__(self, pixels: Tensor) -> Tensor:
        taps = self.extractor(pixels)
        style = torch.stack([gram_loss(taps[layer], self.style[layer].moment) for layer in STYLE_LAYERS]).mean()
        loss = self.style_weight * style + self.tv_weight * total_variation(pixels)
        return loss if self.content is None else loss + content_loss(taps[CONTENT_LAYER], self.content)
