"""The optimiser loop of one stage: L-BFGS or Adam on the pixels, a callback after every evaluation, no blow-ups."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from worker.engine.descent.lbfgs import LBFGS
from worker.engine.errors import NotFiniteError
from worker.engine.memory.spill import Spill, stretches

Objective = Callable[[Tensor], Tensor]
After = Callable[[int, Tensor], bool]

# Pairs of steps and gradients kept, 24 bytes a pixel each. 20 were as good as 100 in trials; in the last stages, with
# few evaluations, half a dozen do and leave memory to others.
HISTORY = 20
HISTORY_BYTES = 30e6
BETAS = (0.9, 0.99)  # of crowsonkb/style-transfer-pytorch
# Evaluations between two looks at the improvement: an "epoch" of titu1994/Neural-Style-Transfer.
EPOCH = 20
# Evaluations from which on L-BFGS knows the way. With fewer, its last step may have led into noise, where the loss is a
# thousand times the start's; a third of an evaluation more tells.
SURE_FROM = 10


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


class Minimum(NamedTuple):
    """Where the minimisation ended: pixels [1, 3, H, W], Adam's moments there, and whether the callback stopped it."""

    pixels: Tensor
    moments: Moments | None
    stopped: bool


def minimize(
    iterate: Tensor,
    objective: Objective,
    evaluations: int,
    after: After,
    method: Method = Method(),
    moments: Moments | None = None,
    spill: Spill | None = None,
) -> Minimum:
    """Minimise `objective` from `iterate` [1, 3, H, W], contiguous, with `evaluations` forward and backward passes.

    `iterate` is changed in place: a copy of a poster would take as much memory as half of what else is needed.
    `after(done, iterate)` is called after each evaluation, counted from 1; True stops. `moments` continues Adam where
    an earlier stage left it. `spill` takes L-BFGS's history, if memory has no room for it. If the loss is no longer
    finite, the stage starts again with a tenth of the step from the last iterate whose own loss was: the one after it
    may be finite too, and so far off that the loss is not. Of fewer than SURE_FROM evaluations by L-BFGS, the result is
    the iterate with the least loss, of those to which it remembers the way.

    Raises:
        NotFiniteError: the loss is not finite with the smallest step either.
        OSError: the disk has no room.
    """
    variables = iterate.detach().view(-1)
    newest = torch.empty_like(iterate) if method.average else iterate.detach()
    ending = _Ending(method, spill)
    done = 0
    for factor in (1.0, 0.1, 0.01):
        stepper = _stepper(variables, method, factor, moments if factor == 1 else None, evaluations - done, spill)
        mean = torch.zeros_like(newest) if method.average else None
        lookout = _Lookout(behind(iterate.device))
        losses: list[Tensor] = []
        first, stopped = done, False
        while done < evaluations:
            loss, gradient = evaluated(objective, iterate)
            done += 1
            # In one number, because each look at one waits for the device.
            finite = torch.isfinite(loss + _by_stretch(torch.sum, gradient, spill).sum())
            lookout.watch(done, finite)
            if lookout.failed():
                break
            stepper.step(variables, gradient, finite if lookout.behind else None)
            if method.bounds:
                variables.clamp_(*method.bounds)
            if mean is not None:
                mean.mul_(method.average).add_(iterate.detach(), alpha=1 - method.average)
                torch.div(mean, 1 - method.average ** (done - first), out=newest)  # unbiased, as Adam's own means
            losses.append(loss.clone())  # a graph writes each to the same place
            ends = done == evaluations or ending.is_reached(done, loss, gradient)
            del gradient  # as large as the picture, and what follows may need room
            if ends and evaluations < SURE_FROM and not lookout.failed(at_last=True):
                stepper.settle(variables, losses, partial(objective, iterate))
            stopped = after(done, newest)
            if stopped or ends:
                break
        failed = lookout.failed(at_last=True)
        if failed > first + 1:
            stepper.undo(variables)
        if stopped or not failed:
            return Minimum(newest, stepper.moments(iterate.shape), stopped)
    raise NotFiniteError(f"the loss stopped being finite after {done} evaluations, with smaller steps too")


def behind(device: torch.device) -> int:
    """Evaluations that the host is behind a device which works while the host prepares the next one."""
    return 1 if device.type == "cuda" else 0


class _Lookout:
    """Tells the host which evaluation was not finite, so many behind that it need not wait for the device."""

    def __init__(self, behind: int) -> None:
        self.behind = behind
        self._unread: deque[tuple[int, Tensor, torch.cuda.Event | None]] = deque()
        self._failed = 0

    def watch(self, done: int, finite: Tensor) -> None:
        """Evaluation `done`, of which the bool on the device says whether it was finite."""
        if finite.device.type != "cuda":
            self._unread.append((done, finite, None))
            return
        copied = torch.empty((), dtype=torch.bool, pin_memory=True).copy_(finite, non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        self._unread.append((done, copied, event))

    def failed(self, at_last: bool = False) -> int:
        """The first evaluation known to have failed, 0 if none; `at_last` waits for all to be known."""
        while not self._failed and len(self._unread) > (0 if at_last else self.behind):
            done, finite, event = self._unread.popleft()
            if event:
                event.synchronize()
            if not finite:
                self._failed = done
        return self._failed


def evaluated(objective: Objective, iterate: Tensor) -> tuple[Tensor, Tensor]:
    """The loss, and its gradient [N]."""
    pixels = iterate.detach().requires_grad_(True)
    loss = objective(pixels)
    (gradient,) = torch.autograd.grad(loss, pixels)
    # The extractor hands it back in channels_last.
    return loss.detach(), gradient.contiguous().view(-1)


def _by_stretch(function: Callable[[Tensor], Tensor], vector: Tensor, spill: Spill | None) -> Tensor:
    """The function's values of all stretches of a vector."""
    return torch.stack([function(vector[stretch]) for stretch in stretches(len(vector), vector.device, spill)])


class _Ending:
    """Whether there is nothing more to gain."""

    def __init__(self, method: Method, spill: Spill | None) -> None:
        self.method = method
        self._spill = spill
        self._first_gradient: Tensor | None = None
        self._epochs_loss = math.inf

    def is_reached(self, done: int, loss: Tensor, gradient: Tensor) -> bool:
        return self._gradient_vanished(gradient) or self._improvement_ceased(done, loss)

    def _gradient_vanished(self, gradient: Tensor) -> bool:
        if not self.method.gradient_tolerance:
            return False
        largest = _by_stretch(lambda part: part.abs().max(), gradient, self._spill).max()
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


class _Stepper(Protocol):
    """An optimiser, on flat tensors [N]; `counts` as in LBFGS.step."""

    def step(self, variables: Tensor, gradient: Tensor, counts: Tensor | None = None) -> None: ...
    def undo(self, variables: Tensor) -> None: ...

    def settle(self, variables: Tensor, losses: Sequence[Tensor], last: Callable[[], Tensor]) -> None:
        """End well: `losses` are those of the iterates so far, and `last` evaluates the newest one's."""

    def moments(self, shape: torch.Size) -> Moments | None: ...


class _Lbfgs(LBFGS):
    @torch.no_grad()
    def settle(self, variables: Tensor, losses: Sequence[Tensor], last: Callable[[], Tensor]) -> None:
        """Go back to where the loss was least; the very first step is too short to lead anywhere."""
        if len(losses) < 2:
            return
        newest_first = torch.stack([last(), *reversed(losses)])[: self.reach + 1]
        steps = int(torch.where(newest_first.isfinite(), newest_first, math.inf).argmin())
        if steps:
            self.undo(variables, steps)

    def moments(self, shape: torch.Size) -> None:
        """It has none: its history says nothing of a finer grid."""


class _Adam:
    """Torch's, which keeps its variables."""

    def __init__(self, variables: Tensor, rate: float, moments: Moments | None) -> None:
        self._before = variables.clone()
        self._variables = variables
        self._adam = torch.optim.Adam([variables], lr=rate, betas=BETAS)
        if moments:
            self._adam.state[variables] = {
                "step": torch.tensor(float(moments.steps)),
                "exp_avg": moments.first.flatten().clone(),
                "exp_avg_sq": moments.second.flatten().clone(),
            }

    def step(self, variables: Tensor, gradient: Tensor, counts: Tensor | None = None) -> None:
        here = variables if counts is None else variables.clone()
        self._before.copy_(here if counts is None else torch.where(counts, here, self._before))
        self._variables.grad = gradient
        self._adam.step()
        self._variables.grad = None
        if counts is not None:
            variables.copy_(torch.where(counts, variables, here))

    def undo(self, variables: Tensor) -> None:
        variables.copy_(self._before)

    def settle(self, variables: Tensor, losses: Sequence[Tensor], last: Callable[[], Tensor]) -> None:
        """No step is much longer than its rate, so none leads astray."""

    def moments(self, shape: torch.Size) -> Moments | None:
        state = self._adam.state.get(self._variables, {})
        if "exp_avg" not in state:
            return None
        first, second = (state[name].view(shape) for name in ("exp_avg", "exp_avg_sq"))
        return Moments(first, second, int(state["step"]))


def _stepper(
    variables: Tensor, method: Method, factor: float, moments: Moments | None, evaluations: int, spill: Spill | None
) -> _Stepper:
    rate = method.learning_rate * factor
    if method.optimizer == "adam":
        return _Adam(variables, rate, moments)
    return _Lbfgs(len(variables), history(len(variables), evaluations), variables.device, rate, spill)


def history(variables: int, evaluations: int) -> int:
    """Pairs that L-BFGS keeps of so many variables; in so few evaluations that there are no more, all of them."""
    return max(0, min(HISTORY, max(4, int(HISTORY_BYTES / (2 * variables * 4))), evaluations - 1))
