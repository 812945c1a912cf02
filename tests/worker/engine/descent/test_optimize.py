import pytest
import torch
from torch import Tensor

from worker.engine import NotFiniteError
from worker.engine.descent import optimize
from worker.engine.descent.optimize import EPOCH, After, Method, minimize


def never(done: int, iterate: Tensor) -> bool:
    return False


def keeping(iterates: list[Tensor]) -> After:
    def after(done: int, iterate: Tensor) -> bool:
        iterates.append(iterate.clone())
        return False

    return after


def counting(evaluations: list[int]) -> After:
    def after(done: int, iterate: Tensor) -> bool:
        evaluations.append(done)
        return False

    return after


def test_a_quadratic_is_brought_to_its_known_minimum() -> None:
    target = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    stretch = torch.linspace(1, 30, 48).view_as(target)
    found = minimize(torch.zeros_like(target), lambda x: (stretch * (x - target).square()).sum(), 80, never).pixels
    torch.testing.assert_close(found, target, atol=1e-4, rtol=0)


@pytest.mark.parametrize("weight", [1e-9, 1e-4, 1.0, 1e6])
def test_the_way_down_does_not_depend_on_the_losss_weight(weight: float) -> None:
    target = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    stretch = torch.linspace(1, 30, 48).view_as(target)
    found = minimize(torch.zeros_like(target), lambda x: weight * (stretch * (x - target).square()).sum(), 80, never)
    torch.testing.assert_close(found.pixels, target, atol=1e-3, rtol=0)


def test_every_evaluation_is_reported_once_and_stop_stops() -> None:
    seen: list[int] = []

    def stop_at_five(done: int, iterate: Tensor) -> bool:
        seen.append(done)
        return done == 5

    minimize(torch.ones(1, 3, 2, 2), lambda x: x.pow(4).sum(), 50, stop_at_five)
    assert seen == [1, 2, 3, 4, 5]


@pytest.fixture(params=[0, 1])
def evaluations_behind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """As where the host waits for the device, and as where it learns of an evaluation during the next one."""
    monkeypatch.setattr(optimize, "behind", lambda _device: request.param)
    return int(request.param)


@pytest.mark.parametrize("method", [Method(), Method("adam", 0.1)])
def test_an_iterate_without_a_finite_loss_is_left_at_once(evaluations_behind: int, method: Method) -> None:
    """Whenever the host learns of it, it goes on from the iterate before, with a tenth of the step."""
    seen: list[Tensor] = []

    def objective(x: Tensor) -> Tensor:
        seen.append(x.detach().clone())
        return bowl(x) * (float("nan") if 4 <= len(seen) <= 4 + evaluations_behind else 1.0)

    minimize(torch.zeros(1, 3, 2, 2), objective, 12, never, method)
    failed, after = seen[3], seen[4 + evaluations_behind]
    assert all(torch.equal(failed, each) for each in seen[3 : 4 + evaluations_behind])
    assert torch.equal(after, seen[2])
    assert not torch.equal(after, failed)
    assert len(seen) == 12


def test_an_evaluation_that_fails_at_the_very_end_is_taken_back(evaluations_behind: int) -> None:
    seen: list[Tensor] = []

    def objective(x: Tensor) -> Tensor:
        seen.append(x.detach().clone())
        return bowl(x) * (float("inf") if len(seen) == 5 else 1.0)

    found = minimize(torch.zeros(1, 3, 2, 2), objective, 5, never).pixels
    assert torch.equal(found, seen[3])


def test_a_loss_that_blows_up_once_goes_on_from_the_last_finite_iterate(evaluations_behind: int) -> None:
    calls = 0

    def objective(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return (x - 0.5).square().sum() * (float("nan") if calls == 4 else 1.0)

    found = minimize(torch.zeros(1, 3, 2, 2), objective, 40, never).pixels
    torch.testing.assert_close(found, torch.full_like(found, 0.5), atol=1e-2, rtol=0)


def test_a_loss_that_is_never_finite_is_an_error(evaluations_behind: int) -> None:
    with pytest.raises(NotFiniteError):
        minimize(torch.zeros(1, 3, 2, 2), lambda x: x.sum() * float("inf"), 10, never)


def test_a_step_too_far_is_taken_back_to_where_the_loss_was_finite(evaluations_behind: int) -> None:
    furthest = 0.0

    def funnel(x: Tensor) -> Tensor:
        """Straight slopes down to 0.5, so that L-BFGS leaps, and walls as where an extractor overflows."""
        nonlocal furthest
        furthest = max(furthest, x.detach().abs().max().item())
        loss = (1e-2 + (x - 0.5).square()).sqrt().sum()
        return loss * float("inf") if x.detach().abs().max() > 2 else loss

    found = minimize(torch.zeros(1, 3, 1, 1), funnel, 60, never).pixels
    assert 2 < furthest < float("inf"), "it never leapt: nothing was tested"
    torch.testing.assert_close(found, torch.full_like(found, 0.5), atol=0.05, rtol=0)


def valley(x: Tensor) -> Tensor:
    """Rosenbrock, "An automatic method for finding the greatest or least value of a function" (1960), of pairs."""
    first, second = x[..., 0], x[..., 1]
    return ((1 - first).square() + 100 * (second - first.square()).square()).sum()


@pytest.mark.parametrize("evaluations", range(2, 10))
def test_few_evaluations_end_where_the_loss_was_least(evaluations: int, evaluations_behind: int) -> None:
    start = torch.tensor([-1.2, 1.0, 0.5, -0.5, 2.0, 2.0]).view(1, 3, 1, 2)
    met: list[float] = []
    told: list[Tensor] = []

    def objective(x: Tensor) -> Tensor:
        met.append(valley(x.detach()).item())
        return valley(x)

    found = minimize(start.clone(), objective, evaluations, keeping(told))
    assert valley(found.pixels).item() == pytest.approx(min(met), rel=1e-3)
    assert len(told) == evaluations
    assert torch.equal(told[-1], found.pixels), "what is shown last is another picture"


def bowl(x: Tensor) -> Tensor:
    return (x - 0.25).square().sum()


def test_adam_takes_the_steps_of_its_paper() -> None:
    """Kingma and Ba, algorithm 1, by hand for one pixel of each colour."""
    seen: list[float] = []

    def watch(done: int, iterate: Tensor) -> bool:
        seen.append(iterate[0, 0, 0, 0].item())
        return False

    minimize(torch.zeros(1, 3, 1, 1), bowl, 3, watch, Method("adam", 0.1))
    x = first = second = 0.0
    for step in range(1, 4):
        gradient = 2 * (x - 0.25)
        first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2
        x -= 0.1 * (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)) ** 0.5 + 1e-8)
        assert seen[step - 1] == pytest.approx(x, rel=1e-5)


def test_adam_goes_on_from_its_moments_as_without_a_break() -> None:
    method = Method("adam", 0.05)
    whole = minimize(torch.zeros(1, 3, 2, 2), bowl, 12, never, method)
    half = minimize(torch.zeros(1, 3, 2, 2), bowl, 5, never, method)
    assert half.moments is not None
    rest = minimize(half.pixels, bowl, 7, never, method, half.moments)
    torch.testing.assert_close(rest.pixels, whole.pixels)


def test_the_average_of_iterates_is_their_weighted_mean() -> None:
    plain: list[Tensor] = []
    minimize(torch.zeros(1, 3, 1, 1), bowl, 6, keeping(plain), Method("adam", 0.1))
    found = minimize(torch.zeros(1, 3, 1, 1), bowl, 6, never, Method("adam", 0.1, average=0.8)).pixels
    weights = [0.8 ** (5 - index) for index in range(6)]
    by_hand = sum(weight * x for weight, x in zip(weights, plain, strict=True)) / sum(weights)
    torch.testing.assert_close(found, by_hand)


def test_bounds_hold_every_iterate() -> None:
    found = minimize(torch.zeros(1, 3, 2, 2), lambda x: -x.sum(), 50, never, Method("adam", 0.1, bounds=(0.0, 1.0)))
    assert torch.equal(found.pixels, torch.ones(1, 3, 2, 2))


def test_a_vanished_gradient_ends_the_stage() -> None:
    seen: list[int] = []
    method = Method(gradient_tolerance=1e-3)
    found = minimize(torch.zeros(1, 3, 2, 2), bowl, 500, counting(seen), method)
    assert seen[-1] < 50
    assert not found.stopped
    torch.testing.assert_close(found.pixels, torch.full_like(found.pixels, 0.25), atol=1e-3, rtol=0)


def test_too_little_improvement_ends_the_stage_after_an_epoch() -> None:
    """Steps of 0.001 on a slope of 1: the loss falls by 0.02 of about 100 in an epoch, which is 0.02 %."""
    seen: list[int] = []

    def slope(x: Tensor) -> Tensor:
        return 100 + x.mean()

    method = Method("adam", 0.001, min_improvement=0.1)
    minimize(torch.zeros(1, 3, 2, 2), slope, 500, counting(seen), method)
    assert seen[-1] == 2 * EPOCH
    seen.clear()
    minimize(torch.zeros(1, 3, 2, 2), slope, 100, counting(seen), Method("adam", 0.001))
    assert seen[-1] == 100
