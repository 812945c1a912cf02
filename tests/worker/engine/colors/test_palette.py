from typing import Any

import numpy as np
import torch
from PIL import Image

from tests.worker.engine.conftest import draw_painting
from worker.engine.colors.palette import BAND_ROWS, Palette, distribution, palette_distance, palette_of


def test_moments_are_those_of_all_pixels_also_beyond_one_band() -> None:
    painting = draw_painting(40, 2 * BAND_ROWS + 7)
    pixels = np.asarray(painting).reshape(-1, 3) / 255
    palette = palette_of(painting)
    np.testing.assert_allclose(palette.mean, pixels.mean(0), atol=1e-6)
    np.testing.assert_allclose(palette.covariance, np.cov(pixels.T, bias=True), atol=1e-6)


def test_quantiles_of_every_level_once_are_the_levels() -> None:
    ramp = Image.merge("RGB", [Image.linear_gradient("L")] * 3)
    # The lowest rank is half a pixel's, the highest half a pixel short of one.
    np.testing.assert_allclose(palette_of(ramp).quantiles[0], np.linspace(0, 1, 256), atol=1 / 255)


def test_quantiles_never_fall_and_stay_within_the_picture() -> None:
    painting = draw_painting()
    quantiles = palette_of(painting).quantiles.numpy()
    assert quantiles.shape == (3, 256)
    assert (np.diff(quantiles) >= 0).all()
    extrema: Any = painting.getextrema()
    for row, (low, high) in zip(quantiles, extrema, strict=True):
        assert (row[0], row[-1]) == (np.float32(low / 255), np.float32(high / 255))


def test_weights_of_zero_and_one_select_pixels() -> None:
    painting = draw_painting(80, 60)
    weights = np.zeros((60, 80))
    weights[10:40, 20:70] = 1
    cut_out = palette_of(painting.crop((20, 10, 70, 40)))
    weighted = palette_of(painting, weights)
    np.testing.assert_allclose(weighted.mean, cut_out.mean, atol=1e-6)
    np.testing.assert_allclose(weighted.covariance, cut_out.covariance, atol=1e-6)
    np.testing.assert_allclose(weighted.quantiles, cut_out.quantiles, atol=1e-6)


def test_rank_of_a_flat_picture_is_the_middle() -> None:
    for channel, level in zip(distribution(np.full((3, 5, 3), [0, 51, 255], np.uint8)), (0, 0.2, 1), strict=True):
        assert [part.tolist() for part in channel] == [[level], [0.5]]


def gaussian(mean: Any, deviations: Any, turn: float = 0.0) -> Palette:
    """A palette of these deviations along axes that are turned by so much in the first two channels."""
    sine, cosine = np.sin(turn), np.cos(turn)
    axes = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    covariance = axes @ np.diag(np.square(deviations)) @ axes.T
    return Palette(torch.tensor(mean), torch.tensor(covariance), torch.zeros(3, 256))


def test_distance_of_palettes_that_vary_along_the_same_axes_is_known() -> None:
    # Means and deviations are moved, each by itself: Euclid's distance of both together.
    one = gaussian([0.2, 0.5, 0.7], [0.1, 0.2, 0.3], turn=0.4)
    other = gaussian([0.4, 0.4, 0.3], [0.3, 0.1, 0.3], turn=0.4)
    expected = np.sqrt(0.2**2 + 0.1**2 + 0.4**2 + 0.2**2 + 0.1**2)
    np.testing.assert_allclose(palette_distance(one, other), expected, rtol=1e-6)
    np.testing.assert_allclose(palette_distance(other, one), expected, rtol=1e-6)
    np.testing.assert_allclose(palette_distance(one, one), 0, atol=1e-7)


def test_distance_knows_palettes_of_the_same_colours_that_vary_together_otherwise() -> None:
    one, turned = (gaussian([0.5, 0.5, 0.5], [0.3, 0.01, 0.1], turn=turn) for turn in (0.0, np.pi / 2))
    # A quarter of a turn changes places of both deviations.
    np.testing.assert_allclose(palette_distance(one, turned), np.hypot(0.29, 0.29), rtol=1e-9)


def test_distance_of_pictures_of_one_colour_each_is_that_of_the_colours() -> None:
    blue, red = (palette_of(Image.new("RGB", (8, 8), color)) for color in ("#0000ff", "#ff0000"))
    np.testing.assert_allclose(palette_distance(blue, red), np.sqrt(2), rtol=1e-6)
