"""Evaluations on a GPU as CUDA graphs: the host launches all their kernels at once, instead of one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from worker.engine.descent.optimize import evaluated
from worker.engine.objective import Objective

# Evaluations below which capturing takes longer than it saves: it makes four itself.
WORTH_IT = 8
# Relative difference in loss and gradient up to which a graph is believed: sums are not always taken in the same order.
TOLERANCE = 1e-2
log = logging.getLogger(__name__)


def captured(objective: Objective, pixels: Tensor, evaluations: int) -> Callable[[Tensor], Tensor]:
    """The same loss, of iterates of the shape of `pixels` [1, 3, H, W]; `objective` itself where it is not captured.

    That is on other devices, in tiles, for few `evaluations`, and where the capture fails, which is logged.
    """
    if pixels.device.type != "cuda" or evaluations < WORTH_IT or not objective.is_static:
        return objective
    return graphed_if_possible(objective, pixels)


def graphed_if_possible(objective: Objective, pixels: Tensor) -> Callable[[Tensor], Tensor]:
    """Capture, and compare once: what a kernel was told by the host stays as it was at the capture."""
    try:
        graphed = _Graphed(objective, pixels)
        (loss, gradient), (found, found_gradient) = evaluated(objective, pixels), evaluated(graphed, pixels)
        errors = (found - loss).abs() / loss.abs(), (found_gradient - gradient).norm() / gradient.norm()
        if max(map(float, errors)) <= TOLERANCE:
            return graphed
        reason = "its values differ"
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        reason = str(error)
    log.warning("evaluations are launched kernel by kernel, because no CUDA graph could be captured: %s", reason)
    return objective


class _Graphed:
    """The graphs, and the objective whose targets they read."""

    def __init__(self, objective: Objective, pixels: Tensor) -> None:
        self._objective = objective
        sample = pixels.detach().clone().requires_grad_(True)
        graphs = torch.cuda.make_graphed_callables(objective, (sample,), num_warmup_iters=1)
        self._graphs = cast(Callable[[Tensor], Tensor], graphs)

    def __call__(self, pixels: Tensor) -> Tensor:
        return self._graphs(pixels)
