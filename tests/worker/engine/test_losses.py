import pytest
import torch
from torch import Tensor

from worker.engine.losses import content_loss, gram_loss, total_variation
from worker.engine.statistics import gram


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: content_loss(x, random(1, 3, 4, 5, seed=1)),
        lambda x: gram_loss(x, gram(random(1, 3, 6, 6, seed=2))),
        total_variation,
    ],
    ids=["content", "gram", "total_variation"],
)
def test_gradient_agrees_with_finite_differences(loss) -> None:
    x = random(1, 3, 4, 5)
    (gradient,) = torch.autograd.grad(loss(x.requires_grad_(True)), x)
    step = 1e-6
    for index in range(x.numel()):
        shift = torch.zeros(x.numel(), dtype=torch.float64)
        shift[index] = step
        moved = shift.view_as(x)
        difference = (loss(x.detach() + moved) - loss(x.detach() - moved)) / (2 * step)
        assert gradient.flatten()[index].item() == pytest.approx(difference.item(), rel=1e-5, abs=1e-8)


def test_content_loss_is_zero_at_the_photo_and_one_without_activations() -> None:
    photo = random(1, 2, 3, 3)
    assert content_loss(photo, photo).item() == 0
    assert content_loss(torch.zeros_like(photo), photo).item() == pytest.approx(1)


def test_gram_loss_is_zero_for_rearranged_positions() -> None:
    features = random(1, 4, 1, 12)
    shuffled = features[..., torch.randperm(12, generator=torch.Generator().manual_seed(0))]
    assert gram_loss(shuffled, gram(features)).item() == pytest.approx(0, abs=1e-24)


def test_gram_loss_of_doubled_activations_is_nine() -> None:
    features = random(1, 4, 5, 5)  # the Gram matrix is four times as large: (4 - 1)² = 9
    assert gram_loss(2 * features, gram(features)).item() == pytest.approx(9)


def test_total_variation_of_a_checkerboard_is_two_and_of_a_flat_picture_zero() -> None:
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(8), indexing="ij")
    board = ((rows + columns) % 2).float().expand(1, 3, 6, 8)
    assert total_variation(board).item() == 2
    assert total_variation(torch.full((1, 3, 6, 8), 0.3)).item() == 0


def test_black_targets_give_finite_losses() -> None:
    black = torch.zeros(1, 3, 4, 4)
    assert torch.isfinite(content_loss(black + 1e-3, black))
    assert gram_loss(black, torch.zeros(3, 3)).item() == 0
