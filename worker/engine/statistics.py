"""Second-order statistics of activations: what Gatys et al. mean by style."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor


class LayerStatistics(NamedTuple):
    """Mean [C] and second moment E[f fᵀ] [C, C], float32, of one layer's activations over all positions."""

    mean: Tensor
    moment: Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """The same values in float32, or in float64 if that is what they came in."""
    return values if values.dtype == torch.float64 else values.float()


def gram(features: Tensor) -> Tensor:
    """Gram matrix [C, C], at least float32, of activations [1, C, H, W], divided by H·W so that scales compare.

    Source: Gatys et al., CVPR 2016, eq. 3. Undivided there; the division makes it the second moment E[f fᵀ].
    The product is taken in float32 whatever the activations are: bfloat16 sums of 10⁵ terms lose the style.
    """
    matrix: Tensor = _Gram.apply(features)  # type: ignore[no-untyped-call]
    return matrix


class _Gram(torch.autograd.Function):
    """Autograd alone would multiply twice on the way back, in float32: here once, in the activations' own dtype."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        flat = at_least_float32(features[0].flatten(1))  # [C, H·W]
        moment: Tensor = flat @ flat.T / flat.shape[1]
        return moment

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        features: Tensor = ctx.saved_tensors[0]
        positions = features.shape[2] * features.shape[3]
        symmetric = ((gradient + gradient.T) / positions).to(features.dtype)
        # As a product of [H·W, C] with [C, C], the result lies in memory as channels_last activations do.
        flat = features[0].permute(1, 2, 0).reshape(positions, -1) @ symmetric
        return flat.view(features.shape[2], features.shape[3], -1).permute(2, 0, 1)[None]


def layer_statistics(features: Tensor) -> LayerStatistics:
    """Mean and second moment of activations [1, C, H, W] over all positions."""
    return LayerStatistics(at_least_float32(features[0]).mean((1, 2)), gram(features))
