"""Bounds from arithmetic alone: how far apart kernels may come that add up the same numbers, each in its own order.

Which kernels run, and so in which order and with which fused operations, depends on the processor. What does not are
the dtype, whose unit roundoff u is half its epsilon, and the lengths of the sums.
"""

from __future__ import annotations

from math import sqrt

import torch

from worker.engine import Extractor


def unit(dtype: torch.dtype) -> float:
    """u, the relative error of one rounding."""
    return torch.finfo(dtype).eps / 2


def of_sum(dtype: torch.dtype, terms: int, roundings: int = 1) -> float:
    """Error of a sum of so many products at worst, as a share of the sum of their magnitudes.

    γₙ = n u / (1 − n u), whatever the order. Source: Higham, "Accuracy and Stability of Numerical Algorithms" (2002),
    section 3.1. bfloat16's products are added up in float32, and only results rounded, `roundings` times on their way.
    """
    adding = unit(torch.promote_types(dtype, torch.float32)) * terms
    rounding = unit(dtype) * roundings
    return adding / (1 - adding) + rounding / (1 - rounding)


def of_orders(dtype: torch.dtype, *lengths: int) -> float:
    """Difference of two orders of adding up, relative, where sums of these lengths follow upon one another.

    Errors in both directions add up as their root: √n u for a sum of n terms, twice. Source: Higham and Mary, "A new
    approach to probabilistic rounding error analysis" (SIAM J. Sci. Comput. 41, 2019).
    """
    return 2 * unit(dtype) * sum(map(sqrt, lengths))


def of_evaluations(extractor: Extractor, pixels: int) -> float:
    """Difference of two evaluations of an objective, of a picture of so many pixels, relative in the norm.

    There is one sum for each convolution, on the way there and back, and one over the positions. Rounded values that
    are handed on, in a dtype shorter than that of the sums, differ by u/√3 in the root mean square, once for each
    convolution and way, in both evaluations.
    """
    weights = [extractor.network.convolution(step).weight for step in extractor.network.steps]
    lengths = [weight[0].numel() for weight in weights] + [weight[:, 0].numel() for weight in weights] + [pixels]
    adding = of_orders(torch.promote_types(extractor.dtype, torch.float32), *lengths)
    handed_on = 0.0 if extractor.dtype.itemsize >= torch.float32.itemsize else unit(extractor.dtype) / sqrt(3)
    return adding + handed_on * sqrt(2 * 2 * len(weights))
