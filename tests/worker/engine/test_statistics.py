import numpy as np
import torch

from worker.engine.statistics import gram, layer_statistics


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
