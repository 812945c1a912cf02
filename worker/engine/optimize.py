"""The optimiser loop of one stage: L-BFGS or Adam on the pixels, a callback after every evaluation, no blow-ups."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from worker.engine.errors import NotFiniteError

Objective = Callable[[Tensor], Tensor]
After = Callable[[int, Tensor], bool]

# Pairs of steps and gradients kept, 24 bytes a pixel each. 20 were as good as 100 in trials; in the last stages, with
# few evaluations, half a dozen do and leave memory to others.
HISTORY = 20
HISTORY_BYTES = 30e6
BETAS = (0.9, 0.99)  # of crowsonkb/style-transfer-pytorch
# Sum of the first gradient's absolute entries, at least. L-BFGS takes the same way whatever factor a loss has, but
# torch's forgets pairs of steps whose curvature is below 1e-10, and then creeps, as it did with weights of 1 and less.
FIRST_GRADIENT = 100.0
# Evaluations between two looks at the improvement: an "epoch" of titu1994/Neural-Style-Transfer.
EPOCH = 20


@dataclass(frozen=True)
class Method:
    """How to minimise.

    Attributes:
        optimizer: L-BFGS without a line search, or Adam.
        learning_rate: its step.
        average: decay of the running mean of iterates, which is then the result; 0 takes the iterate itself.
        bounds: values to which every iterate is clamped.
        gradient_tolerance: ends when no entry of the gradient is above this share of the first one's largest.
        min_improvement: ends when the loss falls by less than so many percent in EPOCH evaluations, but not at exactly
            none (titu1994/Neural-Style-Transfer, `--min_improvement`); 0 never does.
    """

    optimizer: Literal["lbfgs", "adam"] = "lbfgs"
    learning_rate: float = 1.0
    average: float = 0.0
    bounds: tuple[float, float] | None = None
    gradient_tolerance: float = 0.0
    min_improvement: float = 0.0


@dataclass(frozen=True)
class Moments:
    """Adam's running means of gradients and their squares [1, 3, H, W], after so many steps."""

    first: Tensor
    second: Tensor
    steps: int


@dataclass(frozen=True)
class Minimum:
    """Where the minimisation ended: pixels [1, 3, H, W], Adam's moments there, and whether the callback stopped it."""

    pixels: Tensor
    moments: Moments | None
    stopped: bool


def minimize(
    start: Tensor,
    objective: Objective,
    evaluations: int,
    after: After,
    method: Method = Method(),
    moments: Moments | None = None,
) -> Minimum:
    """Minimise `objective` from `start` [1, 3, H, W] with `evaluations` forward and backward passes.

    `after(done, iterate)` is called after each evaluation, counted from 1; True stops. `start` is not changed.
    `moments` continues Adam where an earlier stage left it. If the loss is no longer finite, the stage starts again
    with a tenth of the step from the last iterate whose own loss was: the one after it may be finite too, and so far
    off that the loss is not.

    Raises:
        NotFiniteError: the loss is not finite with the smallest step either.
    """
    newest, done = start.detach().clone(), 0  # changed in place, for the caller to look at
    # The iterate itself, where it is its mean that is looked at.
    current = newest.clone() if method.average else newest
    good = newest.clone()  # the newest whose own loss is known to be finite
    ending = _Ending(method)
    for factor in (1.0, 0.1, 0.01):
        current.copy_(good)
        # Flat, because L-BFGS views the gradient as a vector and the extractor hands it back in channels_last.
        iterate = good.flatten().clone().requires_grad_(True)
        optimizer = _optimizer(iterate, method, factor, moments if factor == 1 else None)
        mean = torch.zeros_like(newest) if method.average else None
        averaged = 0
        gain: Tensor | None = None

        def evaluate() -> Tensor:
            nonlocal gain
            optimizer.zero_grad(set_to_none=True)  # noqa: B023 - called only within this turn of the loop
            loss = objective(iterate.view_as(newest))  # noqa: B023
            loss.backward()  # type: ignore[no-untyped-call]
            if method.optimizer == "lbfgs" and iterate.grad is not None:  # noqa: B023
                if gain is None:
                    gain = (FIRST_GRADIENT / iterate.grad.abs().sum().clamp_min(1e-12)).clamp_min(1)  # noqa: B023
                iterate.grad.mul_(gain)  # noqa: B023
            return loss

        while done < evaluations:
            loss: Tensor = optimizer.step(evaluate)  # type: ignore[arg-type, assignment]
            done += 1
            # In one number, because each look at one waits for the device.
            if not torch.isfinite(loss.detach() + iterate.detach().sum()):
                break
            good.copy_(current)
            if method.bounds:
                iterate.detach().clamp_(*method.bounds)
            current.copy_(iterate.detach().view_as(newest))
            if mean is not None:
                averaged += 1
                mean.mul_(method.average).add_(current, alpha=1 - method.average)
                newest.copy_(mean / (1 - method.average**averaged))  # unbiased, as Adam's own means
            stopped = after(done, newest)
            if stopped or ending.is_reached(done, loss.detach(), iterate):
                return Minimum(newest, _moments(optimizer, iterate, newest), stopped)
        else:
            return Minimum(newest, _moments(optimizer, iterate, newest), stopped=False)
    raise NotFiniteError(f"the loss stopped being finite after {done} evaluations, with smaller steps too")


class _Ending:
    """Whether there is nothing more to gain."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self._first_gradient: Tensor | None = None
        self._epochs_loss = math.inf

    def is_reached(self, done: int, loss: Tensor, iterate: Tensor) -> bool:
        return self._gradient_vanished(iterate) or self._improvement_ceased(done, loss)

    def _gradient_vanished(self, iterate: Tensor) -> bool:
        if not self.method.gradient_tolerance or iterate.grad is None:
            return False
        largest = iterate.grad.abs().max()
        if self._first_gradient is None:
            self._first_gradient = largest
        return bool(largest <= self.method.gradient_tolerance * self._first_gradient)

    def _improvement_ceased(self, done: int, loss: Tensor) -> bool:
        if not self.method.min_improvement or done % EPOCH:
            return False
        before, self._epochs_loss = self._epochs_loss, float(loss)
        if not math.isfinite(before) or before == 0:
            return False
        improvement = 100 * (before - self._epochs_loss) / abs(before)
        return improvement < self.method.min_improvement and improvement != 0


def _optimizer(iterate: Tensor, method: Method, factor: float, moments: Moments | None) -> torch.optim.Optimizer:
    if method.optimizer == "lbfgs":
        history = max(4, min(HISTORY, int(HISTORY_BYTES / (2 * iterate.numel() * 4))))
        return torch.optim.LBFGS(
            [iterate],
            lr=method.learning_rate * factor,
            max_iter=1,
            history_size=history,
            tolerance_grad=0,
            tolerance_change=0,
        )
    optimizer = torch.optim.Adam([iterate], lr=method.learning_rate * factor, betas=BETAS)
    if moments:
        optimizer.state[iterate] = {
            "step": torch.tensor(float(moments.steps)),
            "exp_avg": moments.first.flatten().clone(),
            "exp_avg_sq": moments.second.flatten().clone(),
        }
    return optimizer


def _moments(optimizer: torch.optim.Optimizer, iterate: Tensor, shape: Tensor) -> Moments | None:
    state = optimizer.state.get(iterate, {})
    if "exp_avg" not in state:
        return None
    first, second = (state[name].view_as(shape) for name in ("exp_avg", "exp_avg_sq"))
    return Moments(first, second, int(state["step"]))
