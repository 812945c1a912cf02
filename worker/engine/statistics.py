"""Second-order statistics of activations: what Gatys et al. mean by style."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class LayerStatistics(NamedTuple):
    """Mean [C] and second moment E[f fᵀ] [C, C], float32, of one layer's activations over all positions."""

    mean: Tensor
    moment: Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """The same values in float32, or in float64 if that is what they came in."""
    return values if values.dtype == torch.float64 else values.float()


def gram(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """Gram matrix [C, C], at least float32, of activations [1, C, H, W], divided by H·W so that scales compare.

    With a `guide` [1, 1, H, W], positions count by its values: Σ t f fᵀ / Σ t.
    Source: Gatys et al., CVPR 2016, eq. 3. Undivided there; the division makes it the second moment E[f fᵀ]. With a
    guide, Gatys et al., CVPR 2017 (arXiv 1611.07865), eq. 5, whose T² is our t.
    The product is taken in float32 whatever the activations are: bfloat16 sums of 10⁵ terms lose the style.
    """
    matrix: Tensor = _Gram.apply(features, None if guide is None else _shares(guide))  # type: ignore[no-untyped-call]
    return matrix


class _Gram(torch.autograd.Function):
    """Autograd alone would multiply twice on the way back, in float32: here once, in the activations' own dtype."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, shares: Tensor | None) -> Tensor:
        ctx.save_for_backward(features, shares)
        flat = at_least_float32(features[0].flatten(1))  # [C, H·W]
        if shares is None:
            return flat @ flat.T / flat.shape[1]
        return (flat * shares.to(flat.dtype)) @ flat.T

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        features, shares = ctx.saved_tensors
        positions = features.shape[2] * features.shape[3]
        symmetric = gradient + gradient.T
        symmetric = (symmetric / positions if shares is None else symmetric).to(features.dtype)
        # As a product of [H·W, C] with [C, C], the result lies in memory as channels_last activations do.
        flat = features[0].permute(1, 2, 0).reshape(positions, -1) @ symmetric
        if shares is not None:
            flat = flat * shares.to(flat.dtype)[:, None]
        return flat.view(features.shape[2], features.shape[3], -1).permute(2, 0, 1)[None], None


def layer_statistics(features: Tensor, guide: Tensor | None = None, with_mean: bool = True) -> LayerStatistics:
    """Mean and second moment of activations [1, C, H, W] over all positions, or by a guide's [1, 1, H, W] values.

    Without `with_mean`, which costs another pass, the mean is zeros.
    """
    moment = gram(features, guide)
    if not with_mean:
        return LayerStatistics(moment.new_zeros(len(moment)), moment)
    values = at_least_float32(features[0])
    if guide is None:
        return LayerStatistics(values.mean((1, 2)), moment)
    return LayerStatistics(values.flatten(1) @ _shares(guide).to(values.dtype), moment)


def correlation(
    deeper: Tensor, shallower: Tensor, guide: Tensor | None = None
) -> tuple[LayerStatistics, Tensor]:
    """Correlation of a layer's activations [1, C, h, w] with a shallower layer's [1, D, H, W], on the finer grid.

    Mean [C] of the deeper, moment [C, D] = E[up(f) gᵀ]; and the mean [D] of the shallower. The coarser activations are
    repeated over the cells that they cover.
    Source: Novak and Nikulin, arXiv 1605.04603, sections 3.4 and 3.5.
    """
    finer = at_least_float32(shallower)
    coarse = at_least_float32(deeper)
    if coarse.shape[2:] != finer.shape[2:]:
        coarse = F.interpolate(coarse, finer.shape[2:], mode="nearest")
    f, g = coarse[0].flatten(1), finer[0].flatten(1)
    shares = g.new_full((g.shape[1],), 1 / g.shape[1]) if guide is None else _shares(guide).to(g.dtype)
    return LayerStatistics(f @ shares, (f * shares) @ g.T), g @ shares


def _shares(guide: Tensor) -> Tensor:
    """The guide's values over their sum, [H·W]."""
    flat = guide.flatten()
    return flat / flat.sum().clamp_min(1e-12)
