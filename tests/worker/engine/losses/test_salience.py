"""What a photo's positions weigh in its content."""

from __future__ import annotations

import pytest
import torch

from worker.engine.losses.salience import saliences


def test_what_is_unusual_weighs_more_and_the_mean_is_one() -> None:
    part = torch.zeros(1, 2, 4, 4)
    part[:, :, 0, 0], part[:, :, 1, 1] = 1.0, 2.0
    (weights,) = saliences([part], 0.8)
    assert weights.mean() == pytest.approx(1)
    assert weights[0, 0, 1, 1] > weights[0, 0, 0, 0] > weights[0, 0, 3, 3] > 0.2


def test_one_position_is_not_all_that_counts() -> None:
    part = torch.zeros(1, 1, 10, 10)
    part[..., 0, 0] = 1000.0
    (weights,) = saliences([part], 1.0)
    flat, bright = weights[0, 0, 5, 5], weights[0, 0, 0, 0]
    # By hand: distances are (0.99 · 1000)² and 10², and the larger counts as four times their mean.
    assert bright / flat == pytest.approx(4 * ((990**2) + 99 * 10**2) / 100 / 10**2, rel=1e-4)


def test_parts_have_the_weights_of_the_whole() -> None:
    whole = torch.rand(1, 5, 6, 8, generator=torch.Generator().manual_seed(0))
    (expected,) = saliences([whole], 0.5)
    parts = saliences([whole[..., :3], whole[..., 3:]], 0.5)
    torch.testing.assert_close(torch.cat(parts, 3), expected)


def test_a_photo_of_one_colour_weighs_the_same_everywhere() -> None:
    (weights,) = saliences([torch.full((1, 3, 4, 4), 0.7)], 0.8)
    torch.testing.assert_close(weights, torch.ones(1, 1, 4, 4))
