"""The terms of the objective, each a formula of the literature: a preset names one of each kind and gives it a weight.

`Studio`'s own are relative to their targets, so that one set of weights fits every layer, painting and size. The others
are those of the papers and programs that the presets reproduce; where they speak of undivided Gram matrices F·Fᵀ of M
positions, ours are second moments F·Fᵀ/M, and the formulas are rewritten so that the value is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from worker.engine.memory.tiling import Window
from worker.engine.style.statistics import LayerStatistics, at_least_float32

ContentScaling = Literal["relative", "half-sse", "mse", "sse", "nst-1", "nst-2"]
Smoothing = Literal["mean-square", "nst", "nine-point"]
CONTENT_SCALINGS: tuple[ContentScaling, ...] = get_args(ContentScaling)

# A black photo or painting has no activation to compare with: the quotient must not be infinite.
EPSILON = 1e-12
# Added to covariances, whose root has no gradient where they are singular; crowsonkb/style-transfer-pytorch does too.
RIDGE = 1e-4
# Of Gatys' own notebook: 10³/C² for each layer (leongatys/PytorchNeuralStyleTransfer).
CODE_STYLE_WEIGHT = 1e3
# The notebooks and programs on Caffe's VGG have pixels from 0 to 255.
PIXEL_RANGE = 255.0


class Grid(NamedTuple):
    """Where a layer's activations come from: their channels, their positions, and the pixels of the picture."""

    channels: int
    positions: int
    pixels: int


Measure = Callable[[LayerStatistics, Grid], Tensor]


def squared_distance(features: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Σ (F − P)² of [1, C, h, w], at least in float32; `weights` [1, 1, h, w] are its positions'."""
    squares = (at_least_float32(features) - at_least_float32(target)).square()
    distance: Tensor = squares.sum() if weights is None else (squares.sum(1, keepdim=True) * weights).sum()
    return distance


def content_factor(
    scaling: ContentScaling, squares: Tensor, channels: int, entries: int, pixels: int
) -> Tensor | float:
    """What Σ (F − P)² is multiplied by; `squares` is Σ P², both over all `entries` of the layer.

    - `relative`: mean squared difference over the photo's mean square. 0 is the photo, 1 a picture without activations.
    - `half-sse`: ½ Σ (F − P)². Source: Gatys et al., CVPR 2016, eq. 1.
    - `mse`: mean (F − P)². Source: leongatys/PytorchNeuralStyleTransfer; crowsonkb/style-transfer-pytorch.
    - `sse`, `nst-1`, `nst-2`: Σ (F − P)² times 1, 1/(2 √C √pixels), 1/(C · pixels). Source: titu1994/Neural-Style-
      Transfer, `--content_loss_type` 0, 1 and 2, which take the picture's pixels for the layer's positions.
    """
    match scaling:
        case "relative":
            share: Tensor = squares.clamp_min(EPSILON * entries).reciprocal()
            return share
        case "half-sse":
            return 0.5
        case "mse":
            return 1 / entries
        case "sse":
            return 1.0
        case "nst-1":
            return 0.5 / math.sqrt(channels * pixels)
        case "nst-2":
            return 1 / (channels * pixels)


def relative_gram(target: LayerStatistics) -> Measure:
    """‖G − A‖² / ‖A‖²: 0 is the painting's style, whatever the layer and the extractor.

    Source: Gatys et al., CVPR 2016, eq. 4, with 1/‖A‖² for 1/(4 N² M²).
    """
    norm = target.moment.square().sum().clamp_min(EPSILON)
    return lambda found, _grid: _distance(found, target) / norm


def gram_2015(target: LayerStatistics) -> Measure:
    """‖F·Fᵀ − A·Aᵀ‖² / (4 N² M²), which of second moments is ‖G − A‖² / (4 N²). N·N' where two layers are correlated.

    Source: Gatys et al., arXiv 1508.06576, eq. 4; CVPR 2016, eq. 4. There M is the painting's too, resized to the
    photo's; here each picture is divided by its own.
    """
    return lambda found, _grid: _distance(found, target) / (4 * target.moment.numel())


def gram_code(target: LayerStatistics) -> Measure:
    """Mean over the C × C entries of (G − A)², times 10³/C².

    Source: leongatys/PytorchNeuralStyleTransfer, which differs from the paper.
    """
    entries = target.moment.numel()
    return lambda found, _grid: CODE_STYLE_WEIGHT / entries * _distance(found, target) / entries


def gram_nst(target: LayerStatistics) -> Measure:
    """‖F·Fᵀ − A·Aᵀ‖² / (4 · 3² · pixels²): the 3 colours and the picture's pixels stand for N and M of every layer.

    Source: titu1994/Neural-Style-Transfer, Network.py and INetwork.py.
    """
    return lambda found, grid: _distance(found, target) * (grid.positions / grid.pixels) ** 2 / 36


def wasserstein(target: LayerStatistics) -> Measure:
    """Squared 2-Wasserstein distance of the Gaussians with these means and covariances, each part averaged over C.

    mean (μ − μ_A)² + tr(Σ + Σ_A − 2 (Σ_A^½ Σ Σ_A^½)^½) / C.
    Source: Givens and Shortt, "A class of Wasserstein metrics for probability distributions" (1984), proposition 7, as
    crowsonkb/style-transfer-pytorch uses it. The root's trace is differentiated in closed form instead of by
    Newton-Schulz steps.
    """
    wanted = _covariance(target)
    root = _square_root(wanted)

    def measure(found: LayerStatistics, _grid: Grid) -> Tensor:
        covariance = _covariance(found)
        product = root @ covariance @ root
        trace: Tensor = _TraceOfRoot.apply((product + product.T) / 2)  # type: ignore[no-untyped-call]
        means = (found.mean - target.mean).square().mean()
        return means + (covariance.trace() + wanted.trace() - 2 * trace).clamp_min(0) / len(target.mean)

    return measure


def shifted(statistics: LayerStatistics, shift: float, other_mean: Tensor | None = None) -> LayerStatistics:
    """Statistics of activations to which `shift` is added, from those of the activations themselves.

    E[(f+s)(g+s)ᵀ] = E[f gᵀ] + s (μ_f 1ᵀ + 1 μ_gᵀ) + s². `other_mean` is μ_g, where it is another layer's.
    Source: Novak and Nikulin, arXiv 1605.04603, section 3.3, with s = −1: ReLU's activations have sparse Gram matrices.
    """
    if shift == 0:
        return statistics
    mean, other = statistics.mean, statistics.mean if other_mean is None else other_mean
    return LayerStatistics(mean + shift, statistics.moment + shift * (mean[:, None] + other[None, :]) + shift * shift)


def total_variation(image: Tensor, kind: Smoothing = "mean-square", window: Window | None = None) -> Tensor:
    """How rough the picture [1, 3, H, W] is; of the crop of a `window`, what its core adds to the whole's.

    - `mean-square`: mean squared difference of neighbouring rows plus that of columns. Source: Johnson et al. (arXiv
      1603.08155), section 3.2, with means instead of sums.
    - `nst`: Σ (dx² + dy²)^1.25 of pixels from 0 to 255. Source: titu1994/Neural-Style-Transfer; Mahendran and Vedaldi
      (arXiv 1412.0035), eq. 4, with β = 2.5.
    - `nine-point`: mean squared difference to the eight neighbours, the diagonal ones by half. Source: crowsonkb/style-
      transfer-pytorch.
    """
    window = window or Window.whole(*image.shape[2:])
    height, width = window.bottom - window.top, window.right - window.left
    top, left = window.top - window.outer_top, window.left - window.outer_left
    # A pair is the core's in which it begins, so one row and one column more are looked at.
    image = image[..., top : top + height + 1, left : left + width + 1]
    rows = (image[..., 1:, :] - image[..., :-1, :])[..., :width]
    columns = (image[..., 1:] - image[..., :-1])[..., :height, :]
    if kind == "nst":
        square = rows[..., : columns.shape[-1]].square() + columns[..., : rows.shape[-2], :].square()
        return (PIXEL_RANGE**2 * square).clamp_min(EPSILON).pow(1.25).sum()
    all_rows, all_columns = 3 * (window.height - 1) * window.width, 3 * window.height * (window.width - 1)
    straight = rows.square().sum() / all_rows + columns.square().sum() / all_columns
    if kind == "mean-square":
        return straight
    falling, rising = image[..., 1:, 1:] - image[..., :-1, :-1], image[..., 1:, :-1] - image[..., :-1, 1:]
    all_corners = 3 * (window.height - 1) * (window.width - 1)
    return (straight + (falling.square().sum() + rising.square().sum()) / (2 * all_corners)) / 3


def outside(image: Tensor, window: Window) -> Tensor:
    """Mean square by which a picture [1, 3, H, W] leaves [0, 1]; of a window's crop, what its core adds to that."""
    core = window.core_of(image, 1)
    return (core - core.clamp(0, 1)).square().sum() / (image.shape[1] * window.height * window.width)


def _distance(found: LayerStatistics, target: LayerStatistics) -> Tensor:
    return (found.moment - target.moment).square().sum()


def _covariance(statistics: LayerStatistics) -> Tensor:
    mean = statistics.mean
    ridge = RIDGE * torch.eye(len(mean), dtype=mean.dtype, device=mean.device)
    return statistics.moment - mean[:, None] * mean[None, :] + ridge


def _square_root(matrix: Tensor) -> Tensor:
    """The symmetric root of a symmetric positive matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root


class _TraceOfRoot(torch.autograd.Function):
    """tr(M^½) of a symmetric positive matrix; its gradient is ½ M^−½."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        roots = values.clamp_min(torch.finfo(matrix.dtype).eps * values[-1].clamp_min(EPSILON)).sqrt()
        ctx.save_for_backward(roots, vectors)
        trace: Tensor = roots.sum()
        return trace

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        roots, vectors = ctx.saved_tensors
        whole: Tensor = gradient * ((vectors / (2 * roots)) @ vectors.T)
        return whole
