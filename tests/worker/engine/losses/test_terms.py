from collections.abc import Callable
from functools import partial
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.worker.engine.conftest import content_loss
from worker.engine.losses.kinds import KINDS, StyleLoss
from worker.engine.losses.terms import CONTENT_SCALINGS, RIDGE, Grid, Measure, Smoothing, shifted, total_variation
from worker.engine.style.statistics import LayerStatistics, layer_statistics

pytestmark = pytest.mark.kernels

GRID = Grid(3, 20, 20)
STATISTICAL: list[StyleLoss] = [name for name, kind in KINDS.items() if kind.measure]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def measure_of(name: StyleLoss, target: LayerStatistics) -> Measure:
    measure = KINDS[name].measure
    assert measure is not None
    return measure(target)


def style_loss(name: StyleLoss, features: Tensor, target: Tensor) -> Tensor:
    return measure_of(name, layer_statistics(target))(layer_statistics(features), GRID)


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    **{
        name: partial(content_loss, target=random(1, 3, 4, 5, seed=1), scaling=name, pixels=20)
        for name in CONTENT_SCALINGS
    },
    **{name: partial(style_loss, name, target=random(1, 3, 6, 6, seed=2)) for name in STATISTICAL},
    **{f"tv {kind}": partial(total_variation, kind=kind) for kind in get_args(Smoothing)},
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_agrees_with_finite_differences(name: str) -> None:
    loss = LOSSES[name]
    x = random(1, 3, 4, 5)
    (gradient,) = torch.autograd.grad(loss(x.requires_grad_(True)), x)
    step = 1e-6
    for index in range(x.numel()):
        shift = torch.zeros(x.numel(), dtype=torch.float64)
        shift[index] = step
        moved = shift.view_as(x)
        difference = (loss(x.detach() + moved) - loss(x.detach() - moved)) / (2 * step)
        assert gradient.flatten()[index].item() == pytest.approx(difference.item(), rel=1e-5, abs=1e-8)


def test_relative_content_loss_is_zero_at_the_photo_and_one_without_activations() -> None:
    photo = random(1, 2, 3, 3)
    assert content_loss(photo, photo).item() == 0
    assert content_loss(torch.zeros_like(photo), photo).item() == pytest.approx(1)


@pytest.mark.parametrize("name", STATISTICAL)
def test_style_losses_are_zero_for_rearranged_positions(name: StyleLoss) -> None:
    features = random(1, 3, 1, 12)
    shuffled = features[..., torch.randperm(12, generator=torch.Generator().manual_seed(0))]
    assert style_loss(name, shuffled, features).item() == pytest.approx(0, abs=1e-7)


def test_relative_gram_loss_of_doubled_activations_is_nine() -> None:
    features = random(1, 3, 5, 5)  # the Gram matrix is four times as large: (4 - 1)² = 9
    assert style_loss("relative-gram", 2 * features, features).item() == pytest.approx(9)


def test_wasserstein_distance_of_independent_channels_is_that_of_their_means_and_deviations() -> None:
    """For diagonal covariances the distance is Σ (μ − ν)² + (σ − τ)² (Givens and Shortt)."""
    means, deviations = np.array([[0.3, 1.0, 2.0], [0.5, 0.2, 4.0]]), np.array([[1.0, 2.0, 0.5], [0.4, 3.0, 0.5]])
    found, target = (
        LayerStatistics(torch.tensor(mean), torch.tensor(np.diag(deviation**2 - RIDGE) + np.outer(mean, mean)))
        for mean, deviation in zip(means, deviations, strict=True)
    )
    by_hand = (((means[0] - means[1]) ** 2) + (deviations[0] - deviations[1]) ** 2).mean()
    assert measure_of("wasserstein", target)(found, GRID).item() == pytest.approx(by_hand)


def test_statistics_are_shifted_as_if_the_activations_were() -> None:
    features = random(1, 3, 4, 4)
    by_hand = layer_statistics(features - 1)
    found = shifted(layer_statistics(features), -1)
    torch.testing.assert_close(found.moment, by_hand.moment)
    torch.testing.assert_close(found.mean, by_hand.mean)


def test_total_variation_of_a_checkerboard_is_two_and_of_a_flat_picture_zero() -> None:
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(8), indexing="ij")
    board = ((rows + columns) % 2).float().expand(1, 3, 6, 8)
    assert total_variation(board).item() == 2
    assert total_variation(board, "nine-point").item() == pytest.approx(2 / 3)  # diagonal neighbours are alike
    assert total_variation(board, "nst").item() == pytest.approx(3 * 5 * 7 * (2 * 255**2) ** 1.25)
    for kind in ("mean-square", "nine-point", "nst"):
        assert total_variation(torch.full((1, 3, 6, 8), 0.3), kind).item() == pytest.approx(0, abs=1e-9)


def test_black_targets_give_finite_losses() -> None:
    black = torch.zeros(1, 3, 4, 4, dtype=torch.float64)
    for scaling in CONTENT_SCALINGS:
        assert torch.isfinite(content_loss(black + 1e-3, black, scaling))
    for name in STATISTICAL:
        x = (black + 0).requires_grad_(True)
        loss = style_loss(name, x, black)
        assert loss.item() == pytest.approx(0, abs=1e-12)
        loss.backward()
        assert x.grad is not None
        assert torch.isfinite(x.grad).all()
