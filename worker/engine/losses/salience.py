"""Where a photo has something to see: there its content counts more than in its flat parts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from worker.engine.losses.terms import EPSILON
from worker.engine.style.statistics import at_least_float32

# Times the mean that a position's distance counts at most: a single bright sign must not be all that there is.
MOST = 4.0


def saliences(parts: Sequence[Tensor], share: float) -> list[Tensor]:
    """Weights [1, 1, h, w] of the positions of one layer, whose activations [1, C, h, w] come in parts.

    1 − share + share · d/mean(d), with d = min(‖P − mean(P)‖², MOST · its mean): what differs from the photo's usual.
    Their mean over all parts is 1, also where the photo is one colour.
    """
    count = sum(part.shape[2] * part.shape[3] for part in parts)
    mean = torch.stack([at_least_float32(part).sum((2, 3), keepdim=True) for part in parts]).sum(0) / count
    distances = [(at_least_float32(part) - mean).square().mean(1, keepdim=True) for part in parts]
    most = MOST * _mean(distances, count)
    capped = [torch.minimum(each, most) + EPSILON for each in distances]
    usual = _mean(capped, count)
    return [1 - share + share * each / usual for each in capped]


def _mean(parts: Sequence[Tensor], count: int) -> Tensor:
    return torch.stack([part.sum() for part in parts]).sum() / count
