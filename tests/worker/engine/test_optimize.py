import pytest
import torch
from torch import Tensor

from worker.engine import NotFiniteError
from worker.engine.optimize import minimize


def never(done: int, iterate: Tensor) -> bool:
    return False


def test_a_quadratic_is_brought_to_its_known_minimum() -> None:
    target = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    stretch = torch.linspace(1, 30, 48).view_as(target)
    start = torch.zeros_like(target)
    found = minimize(start, lambda x: (stretch * (x - target).square()).sum(), 80, never)
    torch.testing.assert_close(found, target, atol=1e-4, rtol=0)
    assert torch.equal(start, torch.zeros_like(start))


def test_every_evaluation_is_reported_once_and_stop_stops() -> None:
    seen: list[int] = []

    def stop_at_five(done: int, iterate: Tensor) -> bool:
        seen.append(done)
        return done == 5

    minimize(torch.ones(1, 3, 2, 2), lambda x: x.pow(4).sum(), 50, stop_at_five)
    assert seen == [1, 2, 3, 4, 5]


def test_a_loss_that_blows_up_once_goes_on_from_the_last_finite_iterate() -> None:
    calls = 0

    def objective(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return (x - 0.5).square().sum() * (float("nan") if calls == 4 else 1.0)

    found = minimize(torch.zeros(1, 3, 2, 2), objective, 40, never)
    torch.testing.assert_close(found, torch.full_like(found, 0.5), atol=1e-2, rtol=0)


def test_a_loss_that_is_never_finite_is_an_error() -> None:
    with pytest.raises(NotFiniteError):
        minimize(torch.zeros(1, 3, 2, 2), lambda x: x.sum() * float("inf"), 10, never)


def test_a_step_too_far_is_taken_back_to_where_the_loss_was_finite() -> None:
    furthest = 0.0

    def funnel(x: Tensor) -> Tensor:
        """Straight slopes down to 0.5, so that L-BFGS leaps, and walls as where an extractor overflows."""
        nonlocal furthest
        furthest = max(furthest, x.detach().abs().max().item())
        loss = (1e-2 + (x - 0.5).square()).sqrt().sum()
        return loss * float("inf") if x.detach().abs().max() > 2 else loss

    found = minimize(torch.zeros(1, 3, 1, 1), funnel, 60, never)
    assert 2 < furthest < float("inf"), "it never leapt: nothing was tested"
    torch.testing.assert_close(found, torch.full_like(found, 0.5), atol=0.05, rtol=0)
