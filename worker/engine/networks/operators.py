"""Convolution, ReLU and pooling as one operator, for frozen weights: the same values as torch's own, in half the time.

On a CPU the extractor is bound by memory traffic, not by arithmetic. Torch's separate operators write every activation
and every gradient several times over; this one writes each once. The benchmark of the extractor shows the difference.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
import torch.nn.grad
from torch import Tensor

Pooling = Literal["max", "average", "l2"]
POOLINGS: tuple[Pooling, ...] = ("max", "average", "l2")

# A window of zeros is common behind a ReLU, and the square root has no derivative there.
TINY = 1e-24


def pooled(x: Tensor, pooling: Pooling) -> Tensor:
    """2×2 pooling of [B, C, H, W] with stride 2; an odd last row or column is left out.

    `max` is VGG's own. `average` is what Gatys et al. 2015 put in its place: it lets the gradient reach every pixel.
    `l2` is 0.78·√Σx², as crowsonkb/style-transfer-pytorch scales it to keep the activations' size. There, the average
    is doubled for the same reason; here it is not, as in Gatys et al.: the compact extractor was trained with it so.
    """
    if pooling == "max":
        return F.max_pool2d(x, 2)
    if pooling == "average":
        return F.avg_pool2d(x, 2)
    return 0.78 * (4 * F.avg_pool2d(x.square(), 2)).clamp_min(TINY).sqrt()


def conv_relu(x: Tensor, weight: Tensor, bias: Tensor, pool: bool, mirrored: Tensor | None = None) -> Tensor:
    """ReLU of the 3×3 convolution of [B, C, H, W] with reflection padding, then 2×2 average pooling if `pool`.

    `weight` is [D, C, 3, 3], `bias` [D], H and W at least 2. Gradients flow to `x` only. An odd last row or column is
    left out of the pooling, as in `torch.nn.functional.avg_pool2d`. `mirrored` is what the function of that name makes
    of `weight`, where it gives anything.
    """
    return _ConvReLU.apply(x, weight, bias, pool, mirrored)  # type: ignore[no-any-return, no-untyped-call]


def mirrored(weight: Tensor) -> Tensor | None:
    """Weights [C, D, 3, 3] with which a convolution of [D, C, 3, 3] brings gradients back, where that is faster.

    A gradient's way back through a convolution is one with the kernels turned by 180 degrees and inputs and outputs
    exchanged. oneDNN takes a tenth less time for it than for what it calls the backward pass, at 16 channels half.
    """
    if not _is_onednns(weight):
        return None
    return weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)


class _ConvReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, pool: bool, mirrored: Tensor | None) -> Tensor:
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        activations = _convolved(padded, weight, bias)
        ctx.save_for_backward(activations, weight, mirrored)
        ctx.padded_shape = padded.shape
        ctx.pool = pool
        return F.avg_pool2d(activations, 2) if pool else activations

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:  # type: ignore[override]
        activations, weight, mirrored = ctx.saved_tensors
        if ctx.pool:
            height, width = activations.shape[2:]
            gradient = F.interpolate(gradient * 0.25, scale_factor=2, mode="nearest")
            if height % 2 or width % 2:
                gradient = F.pad(gradient, (0, width % 2, 0, height % 2))
            # Ours alone, unlike a gradient that autograd hands in: it may be overwritten.
            torch.ops.aten.threshold_backward.grad_input(gradient, activations, 0, grad_input=gradient)
        else:
            gradient = torch.ops.aten.threshold_backward(gradient, activations, 0)
        if mirrored is None:
            padded: Tensor = torch.nn.grad.conv2d_input(ctx.padded_shape, weight, gradient)  # type: ignore[no-untyped-call]
        else:
            padded = _onednn(gradient, mirrored, None, padding=2, then="none")
        return _unpadded(padded), None, None, None, None


def _convolved(padded: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """ReLU of the convolution, fused where oneDNN computes it."""
    if _is_onednns(padded):
        return _onednn(padded, weight, bias, padding=0, then="relu")
    return F.relu_(F.conv2d(padded, weight, bias))


def _is_onednns(values: Tensor) -> bool:
    """Whether oneDNN convolves these."""
    return values.device.type == "cpu" and is_onednns(values.dtype)


def is_onednns(dtype: torch.dtype) -> bool:
    """Whether oneDNN convolves activations of this dtype here.

    It knows no float64; bfloat16 not on every processor, nor where ONEDNN_MAX_CPU_ISA keeps it from the instructions;
    and some builds of torch are without it.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, then: str) -> Tensor:
    one = [1, 1]
    return torch.ops.mkldnn._convolution_pointwise(x, weight, bias, [padding, padding], one, one, 1, then, [], "")  # type: ignore[no-any-return]


def _unpadded(gradient: Tensor) -> Tensor:
    """Gradient before reflection padding, a view: every padded pixel's is added to that of the pixel it mirrors."""
    for axis in (2, 3):  # corners go first to the edge, then with it
        for edge, mirrored in ((0, 2), (-1, -3)):
            gradient.select(axis, mirrored).add_(gradient.select(axis, edge))
    return gradient[:, :, 1:-1, 1:-1]
