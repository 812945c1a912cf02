"""A texture from a fingerprint alone: what a style looks like without any photo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from worker.engine.extractors import Extractor
from worker.engine.fingerprint import Fingerprint
from worker.engine.images import resized, to_image
from worker.engine.objective import Objective, Part
from worker.engine.optimize import minimize
from worker.engine.options import PaintOptions, plan
from worker.engine.presets import PRESETS, equal_weights


def synthesize(
    style: Fingerprint, extractor: Extractor, side: int, seed: int = 0, after: Callable[[], None] | None = None
) -> Image.Image:
    """Square RGB texture of `side` pixels with the statistics of `style`, started from noise.

    `after` is called after every evaluation; what it raises ends the synthesis.

    Source: Gatys et al., "Texture Synthesis Using Convolutional Neural Networks" (arXiv 1505.07376), eq. 4, over the
    pyramid that paintings use.
    """
    style.check(extractor)
    recipe = replace(PRESETS["studio"], tv_weight=PRESETS["studio"].tv_weight / 2)
    weights = equal_weights(style.layers)
    stages = plan((side, side), PaintOptions(size=side, quality="best"))
    generator = torch.Generator().manual_seed(seed)
    pixels = 0.5 + 0.1 * torch.randn(1, 3, stages[0].height, stages[0].width, generator=generator)
    pixels = pixels.clamp(0, 1).to(extractor.device)

    def go_on(_done: int, _iterate: Tensor) -> bool:
        if after:
            after()
        return False

    for stage in stages:
        objective = Objective(recipe, {}, weights, [Part(style.at(stage.scale))], extractor)
        pixels = minimize(resized(pixels, (stage.width, stage.height)), objective, stage.evaluations, go_on).pixels
    return to_image(pixels)


def stand_in(
    style: Fingerprint, extractor: Extractor, side: int = 512, after: Callable[[], None] | None = None
) -> Image.Image:
    """The texture to measure in place of a painting that is not here, where `style` does not cover what is asked.

    Of five style layers at 512 pixels, made so, the Gram matrices of all thirteen layers of `compact` are within 1 % of
    the painting's own (squared error over squared norm), with max pooling within 7 %; shrunk to 256 or 128 pixels,
    within 14 %. It has no palette of its own: the fingerprint's holds.
    """
    return synthesize(style, extractor, side, after=after)
