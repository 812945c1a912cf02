"""A painting drawn again from its codebook: what stands in for it where it is not at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from worker.engine.brief import Brief
from worker.engine.descent.optimize import minimize
from worker.engine.images import fitted_size, resized, to_image
from worker.engine.networks.extractors import Extractor
from worker.engine.objective import Objective, Targets
from worker.engine.options import PaintOptions
from worker.engine.style.cells import CELL
from worker.engine.style.codebook import SCALES, Codebook
from worker.engine.style.match import CellPart, Matching

# Where things are is known by the sketch's colours alone, so they count more than in a photo.
MATCHING = Matching(colors=6.0, usage=0.05, draw=0.0)
SKETCH_SHARE = 0.5  # of the sketch in the colours that are matched, beside the iterate's; none in what else is
# How often each scale is matched, and the evaluations after each time; the last number holds for all that follow.
ROUNDS, EVALUATIONS = (3, 2, 2, 2, 1), (30, 25, 20, 20, 15)


def repaint(
    codebook: Codebook, extractor: Extractor, longest: int = max(SCALES), after: Callable[[], None] | None = None
) -> Image.Image:
    """The painting, RGB, `longest` pixels on its longer side, from its codebook's cells and sketch.

    By default that is the largest scale of codebooks.

    It climbs through the codebook's own scales. `after` is called after every evaluation; what it raises ends it.
    Composition and palette are the painting's; what is smaller than a pixel of the sketch is only like it.
    """
    brief = Brief.of(codebook.size, PaintOptions(preset="studio"), extractor)
    brief = replace(brief, recipe=replace(brief.recipe, matching=MATCHING), content_weights={})
    sketch = codebook.sketch.permute(2, 0, 1)[None].to(extractor.device, torch.float32) / 255
    pixels: Tensor | None = None

    def go_on(_done: int, _iterate: Tensor) -> bool:
        if after:
            after()
        return False

    scales = [scale for scale in sorted(codebook.pages) if scale < longest]
    for index, scale in enumerate([*scales, longest]):
        size = fitted_size(codebook.size, scale)
        motif = resized(sketch, size)
        pixels = motif.clone() if pixels is None else resized(pixels, size)
        everywhere = torch.ones(size[1] // CELL, size[0] // CELL, device=extractor.device)
        part = CellPart(codebook.at(scale).to(extractor.device), everywhere)
        objective = Objective(brief, Targets(motif, cells=[part]))
        for _ in range(ROUNDS[min(index, len(ROUNDS) - 1)]):
            objective.match(pixels, 0.0, color_share=SKETCH_SHARE)
            pixels = minimize(pixels, objective, EVALUATIONS[min(index, len(EVALUATIONS) - 1)], go_on).pixels
    assert pixels is not None
    return to_image(pixels)
