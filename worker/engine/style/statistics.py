"""Second-order statistics of activations: what Gatys et al. mean by style."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# A guide may be zero everywhere: a region too thin for a coarse layer's grid.
EPSILON = 1e-12


class LayerStatistics(NamedTuple):
    """Mean [C] and second moment E[f fᵀ] [C, C], float32, of one layer's activations over all positions.

    Of two neighbouring layers: the deeper one's mean [C] and their cross moment E[f gᵀ] [C, D], the deeper one first.
    """

    mean: Tensor
    moment: Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """The same values in float32, or in float64 if that is what they came in."""
    return values if values.dtype == torch.float64 else values.float()


def gram(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """Gram matrix [C, C], at least float32, of activations [1, C, H, W], divided by H·W so that scales compare.

    With a `guide` [1, 1, H, W], not negative, each position counts by its guide: Σ g·f fᵀ / Σ g. No gradient flows to
    the guide; one that is zero everywhere gives zeros.

    Source: Gatys et al., CVPR 2016, eq. 3. Undivided there; the division makes it the second moment E[f fᵀ].
    The product is taken in float32 whatever the activations are: bfloat16 sums of 10⁵ terms lose the style.
    Guided: Gatys et al., CVPR 2017 (arXiv 1611.07865), spatial control. There a guidance channel T with mean(T²) = 1
    multiplies the activations before their Gram matrix is taken: our guide is T², and its mean may be any.
    """
    if guide is None:
        matrix: Tensor = _Gram.apply(features)  # type: ignore[no-untyped-call]
    else:
        matrix = _GuidedGram.apply(features, guide)  # type: ignore[no-untyped-call]
    return matrix


def cross_moment(deeper: Tensor, shallower: Tensor, guide: Tensor | None = None) -> Tensor:
    """E[f gᵀ] [C, D], at least float32, of two layers' activations [1, C, h, w] and [1, D, H, W] over H·W positions.

    The deeper map is brought to the shallower one's grid by `upsampled`. `guide` [1, 1, H, W] as in `gram`.

    Source: Novak and Nikulin, "Improving the Neural Algorithm of Artistic Style" (arXiv 1605.04603), the correlations
    between layers; undivided there.
    """
    moment: Tensor = _CrossMoment.apply(upsampled(deeper, shallower), shallower, guide)  # type: ignore[no-untyped-call]
    return moment


def upsampled(deeper: Tensor, shallower: Tensor) -> Tensor:
    """`deeper` [1, C, h, w] on the grid of `shallower` [1, D, H, W]: each position takes the nearest one's activations.

    Nearest, for then a pooled position stands exactly where its four were; and CUDA adds up its gradient in the same
    order every time, which it does not for the bilinear one.
    """
    size = shallower.shape[2:]
    return deeper if deeper.shape[2:] == size else F.interpolate(deeper, size, mode="nearest-exact")


def channel_means(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """Mean [C], at least float32, of activations [1, C, H, W] over all positions; `guide` as in `gram`."""
    if guide is None:
        return at_least_float32(features[0]).mean((1, 2))
    weights = _weights(guide, features)
    return at_least_float32(features[0].flatten(1)) @ weights


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
        flat = _rows(features) @ symmetric
        return _as_features(flat, features)


class _GuidedGram(torch.autograd.Function):
    """As `_Gram`, each position weighted."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, guide: Tensor) -> Tensor:
        weights = _weights(guide, features)
        ctx.save_for_backward(features, weights)
        flat = at_least_float32(features[0].flatten(1))
        moment: Tensor = (flat * weights) @ flat.T
        return moment

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        features, weights = ctx.saved_tensors
        symmetric = (gradient + gradient.T).to(features.dtype)
        flat = _rows(features) @ symmetric
        return _as_features(flat * weights[:, None].to(flat.dtype), features), None


class _CrossMoment(torch.autograd.Function):
    """The product of two layers on one grid; its gradients in the activations' own dtype, as in `_Gram`."""

    @staticmethod
    def forward(ctx: Any, deeper: Tensor, shallower: Tensor, guide: Tensor | None) -> Tensor:
        positions = shallower.shape[2] * shallower.shape[3]
        weights = None if guide is None else _weights(guide, shallower)
        ctx.save_for_backward(deeper, shallower, weights)
        first, second = (at_least_float32(each[0].flatten(1)) for each in (deeper, shallower))
        moment: Tensor = first @ second.T / positions if weights is None else (first * weights) @ second.T
        return moment

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        deeper, shallower, weights = ctx.saved_tensors
        if weights is None:
            gradient = gradient / (shallower.shape[2] * shallower.shape[3])
        factor = 1 if weights is None else weights[:, None].to(shallower.dtype)
        matrix = gradient.to(shallower.dtype)
        for_deeper = (_rows(shallower) @ matrix.T) * factor
        for_shallower = (_rows(deeper) @ matrix) * factor
        return _as_features(for_deeper, deeper), _as_features(for_shallower, shallower), None


def _weights(guide: Tensor, features: Tensor) -> Tensor:
    """The guide as shares [H·W] that sum to 1."""
    flat = guide.flatten().to(device=features.device, dtype=at_least_float32(features[:0]).dtype)
    return flat / flat.sum().clamp_min(EPSILON)


def _rows(features: Tensor) -> Tensor:
    """[1, C, H, W] as [H·W, C], which channels_last activations are without a copy."""
    return features[0].permute(1, 2, 0).reshape(-1, features.shape[1])


def _as_features(rows: Tensor, like: Tensor) -> Tensor:
    """[H·W, C] as [1, C, H, W] on the grid of `like`."""
    return rows.view(1, like.shape[2], like.shape[3], -1).permute(0, 3, 1, 2)


def layer_statistics(features: Tensor, guide: Tensor | None = None) -> LayerStatistics:
    """Mean and second moment of activations [1, C, H, W] over all positions; `guide` as in `gram`."""
    return LayerStatistics(channel_means(features, guide), gram(features, guide))


def cross_statistics(deeper: Tensor, shallower: Tensor, guide: Tensor | None = None) -> LayerStatistics:
    """The deeper layer's mean on the shallower one's grid, and their cross moment; `guide` as in `cross_moment`."""
    on_its_grid = upsampled(deeper, shallower)
    return LayerStatistics(channel_means(on_its_grid, guide), cross_moment(on_its_grid, shallower, guide))
