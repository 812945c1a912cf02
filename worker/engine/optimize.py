"""The optimiser loop of one stage: L-BFGS on the pixels, a callback after every evaluation, recovery from blow-ups."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from worker.engine.errors import NotFiniteError

Objective = Callable[[Tensor], Tensor]

# Pairs of steps and gradients kept, 24 bytes a pixel each. 20 were as good as 100 in trials; in the last stages, with
# few evaluations, half a dozen do and leave memory to others.
HISTORY = 20
HISTORY_BYTES = 30e6


def minimize(start: Tensor, objective: Objective, evaluations: int, after: Callable[[int, Tensor], bool]) -> Tensor:
    """Minimise `objective` from `start` [1, 3, H, W] with L-BFGS and `evaluations` forward and backward passes.

    `after(done, iterate)` is called after each evaluation, counted from 1; True stops. `start` is not changed. If the
    loss is no longer finite, the stage starts again with a tenth of the step from the last iterate whose own loss was:
    the one after it may be finite too, and so far off that the loss is not.

    Raises:
        NotFiniteError: the loss is not finite with the smallest step either.
    """
    history = max(4, min(HISTORY, int(HISTORY_BYTES / (2 * start.numel() * 4))))
    newest, done = start.detach().clone(), 0  # changed in place, for the caller to look at
    good = newest.clone()  # the newest whose own loss is known to be finite
    for learning_rate in (1.0, 0.1, 0.01):
        newest.copy_(good)
        # Flat, because L-BFGS views the gradient as a vector and the extractor hands it back in channels_last.
        iterate = good.flatten().clone().requires_grad_(True)
        optimizer = torch.optim.LBFGS(
            [iterate], lr=learning_rate, max_iter=1, history_size=history, tolerance_grad=0, tolerance_change=0
        )

        def evaluate() -> Tensor:
            optimizer.zero_grad(set_to_none=True)  # noqa: B023 - called only within this turn of the loop
            loss = objective(iterate.view_as(newest))  # noqa: B023
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        while done < evaluations:
            loss = optimizer.step(evaluate)  # type: ignore[no-untyped-call]
            done += 1
            # In one number, because each look at one waits for the device.
            if not torch.isfinite(loss.detach() + iterate.detach().sum()):
                break
            good.copy_(newest)
            newest.copy_(iterate.detach().view_as(newest))
            if after(done, newest):
                return newest
        else:
            return newest
    raise NotFiniteError(f"the loss stopped being finite after {done} evaluations, with smaller steps too")
