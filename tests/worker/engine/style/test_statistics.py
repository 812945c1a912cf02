import numpy as np
import pytest
import torch
from torch import Tensor

from worker.engine.style.statistics import channel_means, cross_moment, gram, layer_statistics, upsampled

pytestmark = pytest.mark.kernels


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_gram_of_two_known_positions_is_their_mean_outer_product() -> None:
    features = torch.tensor([[[[1.0, 3.0]], [[2.0, -1.0]]]])  # two channels, positions (1, 2) and (3, -1)
    expected = torch.tensor([[(1 + 9) / 2, (2 - 3) / 2], [(2 - 3) / 2, (4 + 1) / 2]])
    assert torch.equal(gram(features), expected)


def test_gram_agrees_with_numpys_einsum() -> None:
    features = torch.randn(1, 7, 5, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    f = features.numpy()[0]
    np.testing.assert_allclose(gram(features).numpy(), np.einsum("chw,dhw->cd", f, f) / 55, rtol=1e-12)


def test_gram_does_not_depend_on_the_scale_of_a_repeated_pattern() -> None:
    tile = torch.rand(1, 4, 6, 6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(gram(tile), gram(tile.repeat(1, 1, 3, 2)))


def test_bfloat16_activations_are_summed_in_float32() -> None:
    ones = torch.full((1, 1, 300, 300), 1.0, dtype=torch.bfloat16)
    assert gram(ones).item() == 1.0  # a bfloat16 sum of 90,000 ones stops at 256


def test_moment_minus_outer_mean_is_the_covariance_that_numpy_finds() -> None:
    features = torch.randn(1, 3, 8, 9, generator=torch.Generator().manual_seed(2))
    mean, moment = layer_statistics(features)
    covariance = np.cov(features[0].flatten(1).numpy(), bias=True)
    np.testing.assert_allclose((moment - torch.outer(mean, mean)).numpy(), covariance, atol=1e-5)


def test_guide_of_zeros_and_ones_leaves_the_positions_where_it_is_one() -> None:
    features = random(1, 4, 6, 8)
    guide = torch.zeros(1, 1, 6, 8)
    guide[..., 2:5, 3:] = 1
    inside = features[..., 2:5, 3:]
    torch.testing.assert_close(gram(features, guide), gram(inside))
    torch.testing.assert_close(channel_means(features, guide), channel_means(inside))
    assert torch.equal(layer_statistics(features, guide).moment, gram(features, guide))


def test_guided_gram_is_that_of_activations_times_the_root_of_the_guide() -> None:
    features, guide = random(1, 3, 5, 7), random(1, 1, 5, 7, seed=1).square()
    channel = guide.sqrt() / guide.mean().sqrt()  # Gatys et al. 2017: mean(T²) = 1
    torch.testing.assert_close(gram(features, guide), gram(features * channel))
    torch.testing.assert_close(gram(features, guide), gram(features, 40 * guide))


def test_a_guide_that_is_zero_everywhere_gives_zeros_and_no_gradient() -> None:
    features = random(1, 3, 5, 7).requires_grad_(True)
    nothing = torch.zeros(1, 1, 5, 7)
    assert not gram(features, nothing).any()
    (gradient,) = torch.autograd.grad(gram(features, nothing).sum() + channel_means(features, nothing).sum(), features)
    assert not gradient.any()


def test_cross_moment_agrees_with_numpys_einsum_of_repeated_positions() -> None:
    deeper, shallower = random(1, 5, 3, 4), random(1, 2, 6, 8, seed=1)
    up = deeper.numpy()[0].repeat(2, 1).repeat(2, 2)
    expected = np.einsum("chw,dhw->cd", up, shallower.numpy()[0]) / 48
    np.testing.assert_allclose(cross_moment(deeper, shallower).numpy(), expected, rtol=1e-12)


def test_cross_moment_of_a_layer_with_itself_is_its_gram_matrix() -> None:
    features, guide = random(1, 3, 5, 7), random(1, 1, 5, 7, seed=1).square()
    torch.testing.assert_close(cross_moment(features, features), gram(features))
    torch.testing.assert_close(cross_moment(features, features, guide), gram(features, guide))


def test_every_position_of_an_odd_grid_gets_a_neighbours_activation() -> None:
    deeper = torch.arange(3.0).view(1, 1, 1, 3)
    assert upsampled(deeper, torch.empty(1, 1, 1, 7)).flatten().tolist() == [0, 0, 1, 1, 1, 2, 2]


@pytest.mark.parametrize("guided", [False, True])
def test_gradients_are_those_of_finite_differences(guided: bool) -> None:
    deeper = random(1, 4, 3, 3).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    shallower = random(1, 2, 5, 6, seed=1).requires_grad_(True)
    guide = random(1, 1, 5, 6, seed=2).square() if guided else None
    assert torch.autograd.gradcheck(lambda x: gram(x, guide), (shallower,))
    assert torch.autograd.gradcheck(lambda x: channel_means(x, guide), (shallower,))
    assert torch.autograd.gradcheck(lambda x, y: cross_moment(x, y, guide), (deeper, shallower))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_gradients_have_their_activations_dtype_and_layout(dtype: torch.dtype) -> None:
    deeper = random(1, 16, 4, 4).to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    shallower = random(1, 8, 8, 8).to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    guide = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    loss = gram(shallower, guide).square().sum() + cross_moment(deeper, shallower, guide).square().sum()
    assert loss.dtype == torch.float32
    for gradient in torch.autograd.grad(loss, (deeper, shallower)):
        assert gradient.dtype == dtype
        assert gradient.is_contiguous(memory_format=torch.channels_last)
