"""L-BFGS against torch's own, and against itself with its history on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from worker.engine.descent.lbfgs import LBFGS
from worker.engine.memory.spill import Spill

pytestmark = pytest.mark.kernels

CPU = torch.device("cpu")
Loss = Callable[[Tensor], Tensor]


def bent_bowl(size: int = 60) -> Loss:
    """A quadratic of condition 40, bent by a quartic, with its minimum away from zero."""
    generator = torch.Generator().manual_seed(0)
    basis, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    matrix = (basis * torch.linspace(0.1, 4, size, dtype=torch.float64)) @ basis.T
    slope = torch.randn(size, generator=generator, dtype=torch.float64)
    return lambda x: x @ matrix @ x / 2 - slope @ x + 0.05 * x.pow(4).sum()


def losses(loss: Loss, size: int, steps: int, move: Callable[[Tensor, Tensor], None]) -> list[float]:
    x, seen = torch.zeros(size, dtype=torch.float64), []
    for _ in range(steps):
        leaf = x.clone().requires_grad_(True)
        value = loss(leaf)
        (gradient,) = torch.autograd.grad(value, leaf)
        seen.append(value.item())
        move(x, gradient)
    return seen


def in_float64(optimizer: LBFGS) -> LBFGS:
    optimizer._rows = optimizer._rows.double()
    return optimizer


@pytest.mark.parametrize("part", [17, 1000])
@pytest.mark.parametrize("history", [1, 4, 30])
def test_it_takes_the_steps_of_torchs(history: int, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.engine.memory.spill.STRETCH", part)
    loss, size, steps = bent_bowl(), 60, 25
    ours = losses(loss, size, steps, in_float64(LBFGS(size, history, CPU)).step)
    x = torch.zeros(size, dtype=torch.float64, requires_grad=True)
    theirs = []
    optimizer = torch.optim.LBFGS([x], 1, max_iter=1, history_size=history, tolerance_grad=0, tolerance_change=0)

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        value = loss(x)
        value.backward()
        theirs.append(value.item())
        return value

    for _ in range(steps):
        optimizer.step(evaluate)
    assert ours == pytest.approx(theirs, rel=1e-7)


@pytest.mark.parametrize("weight", [1e-12, 1.0, 1e9])
def test_the_way_does_not_depend_on_the_losss_weight(weight: float) -> None:
    loss, size = bent_bowl(), 60
    plain = losses(loss, size, 20, in_float64(LBFGS(size, 5, CPU)).step)
    weighted = losses(lambda x: weight * loss(x), size, 20, in_float64(LBFGS(size, 5, CPU)).step)
    # The first step is the gradient over its norm, the first of which the weight is no part.
    assert [each / weight for each in weighted] == pytest.approx(plain, rel=1e-6)


def test_a_history_on_disk_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.engine.memory.spill.STRETCH", 17)  # the last part is shorter
    size, inside, outside = 60, torch.zeros(60), torch.zeros(60)
    optimizers = LBFGS(size, 4, CPU), LBFGS(size, 4, CPU, spill=Spill(tmp_path))
    loss = bent_bowl()
    for _ in range(15):
        for x, optimizer in zip((inside, outside), optimizers, strict=True):
            leaf = x.double().requires_grad_(True)
            (gradient,) = torch.autograd.grad(loss(leaf), leaf)
            optimizer.step(x, gradient.float())
        torch.testing.assert_close(outside, inside, rtol=1e-4, atol=1e-5)
    assert not list(tmp_path.iterdir())


def test_steps_along_which_the_loss_bends_down_take_no_part() -> None:
    """On a hill's top the curvature is negative: a quasi-Newton step would go up."""
    x, optimizer = torch.full((4,), 0.1, dtype=torch.float64), in_float64(LBFGS(4, 3, CPU))
    heights = []
    for _ in range(12):
        heights.append(x.cos().sum().item())
        optimizer.step(x, -x.sin())
    assert heights == sorted(heights, reverse=True)


def test_undo_goes_back_to_where_the_last_step_began() -> None:
    x, optimizer = torch.ones(5), LBFGS(5, 3, CPU)
    optimizer.step(x, torch.arange(5.0) + 1)
    before = x.clone()
    optimizer.step(x, torch.arange(5.0))
    assert not torch.equal(x, before)
    optimizer.undo(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("spilled", [False, True])
def test_undo_goes_back_as_far_as_the_history_reaches(
    spilled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.engine.memory.spill.STRETCH", 17)
    x, optimizer, seen = torch.zeros(60), LBFGS(60, 4, CPU, spill=Spill(tmp_path) if spilled else None), []
    loss = bent_bowl()
    for done in range(9):
        assert optimizer.reach == min(done, 5)
        seen.append(x.clone())
        leaf = x.double().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(leaf), leaf)
        optimizer.step(x, gradient.float())
    for steps in range(1, optimizer.reach + 1):
        optimizer.undo(x, steps)
        torch.testing.assert_close(x, seen[-steps])


def test_what_is_spilled_is_read_again_after_its_memory_was_given_back(tmp_path: Path) -> None:
    spill = Spill(tmp_path)
    first, second = spill.tensor((3, 5)), spill.tensor((2, 2), torch.bfloat16)
    assert not first.any()
    first[1] = torch.arange(5.0)
    second.fill_(0.5)
    spill.release()
    assert first[1].tolist() == [0, 1, 2, 3, 4]
    assert second.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_thousands_of_small_tensors_take_few_files(tmp_path: Path) -> None:
    """Each file takes a descriptor, of which a process often has no more than a thousand."""
    spill = Spill(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    tensors = [spill.tensor((1, 128, 20, 20)).fill_(number) for number in range(600)]
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= 2
    spill.release()
    assert [tensor.unique().item() for tensor in tensors] == list(range(600))
    del tensors
    assert not spill.tensor((3, 3)).any()
