import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.worker.engine.conftest import MODELS, draw_painting
from worker.engine import (
    Extractor,
    Fingerprint,
    FingerprintFormatError,
    FingerprintMismatchError,
    blend,
    fingerprint_of,
    load_fingerprint,
)
from worker.engine.colors.palette import Palette
from worker.engine.images import fitted_size, to_tensor
from worker.engine.networks.extractors import STYLE_LAYERS
from worker.engine.style.fingerprint import add_palette

SHIPPED = MODELS.parent / "styles"
CHAIN = ("relu1_1", "relu1_2", "relu2_1")
PAIRS = ("relu1_2·relu1_1", "relu2_1·relu1_2")


@pytest.fixture(scope="module")
def chained(extractor: Extractor, painting: Image.Image) -> Fingerprint:
    return fingerprint_of(painting, extractor, (64, 128), CHAIN, "max", correlations=True)


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.kernels
def test_round_trip_through_a_file_keeps_every_matrix(tmp_path: Path, style: Fingerprint, extractor: Extractor) -> None:
    style.save(tmp_path / "style.safetensors")
    read = load_fingerprint(tmp_path / "style.safetensors", extractor)
    assert sorted(read.scales) == sorted(style.scales)
    for scale, layers in style.scales.items():
        for layer, statistics in layers.items():
            assert relative(read.scales[scale][layer].moment, statistics.moment) < 1e-3
            assert relative(read.scales[scale][layer].mean, statistics.mean) < 1e-3
            assert torch.equal(read.scales[scale][layer].moment, read.scales[scale][layer].moment.T)


def test_a_scale_takes_about_40_kilobytes_and_its_cells_35(tmp_path: Path, style: Fingerprint) -> None:
    whole, path = tmp_path / "whole.safetensors", tmp_path / "statistics.safetensors"
    style.save(whole)
    replace(style, codebooks=()).save(path)
    ((codebook, _),) = style.codebooks
    assert path.stat().st_size / len(style.scales) < 48_000
    assert (whole.stat().st_size - path.stat().st_size) / len(codebook.pages) < 37_000


def test_a_painting_is_never_enlarged_beyond_the_smallest_scale(extractor: Extractor) -> None:
    assert sorted(fingerprint_of(draw_painting(300, 200), extractor).scales) == [128, 256, 300]
    assert sorted(fingerprint_of(draw_painting(270, 200), extractor).scales) == [128, 256]
    assert sorted(fingerprint_of(draw_painting(60, 50), extractor).scales) == [128]


def test_scales_between_stored_ones_are_close_to_the_real_statistics(
    extractor: Extractor, painting: Image.Image, style: Fingerprint
) -> None:
    real = fingerprint_of(painting, extractor, scales=[181])
    for layer in STYLE_LAYERS:
        interpolated = style.at(181)[layer].moment
        assert relative(interpolated, real.scales[181][layer].moment) < 0.25


def test_stored_scales_are_exact_and_the_ends_hold_beyond_them(style: Fingerprint) -> None:
    assert style.at(256) is style.scales[256]
    assert style.at(4000) is style.scales[max(style.scales)]
    assert style.at(10) is style.scales[128]


def test_blend_is_the_weighted_mean_and_one_part_is_itself(extractor: Extractor, style: Fingerprint) -> None:
    other = fingerprint_of(draw_painting(seed=9), extractor)
    mixed = blend([(style, 3.0), (other, 1.0)])
    for layer in STYLE_LAYERS:
        expected = 0.75 * style.scales[128][layer].moment + 0.25 * other.scales[128][layer].moment
        torch.testing.assert_close(mixed.at(128)[layer].moment, expected)
    assert blend([(style, 5.0)]) is style


def test_blending_nothing_or_with_a_weight_of_zero_is_refused(style: Fingerprint) -> None:
    with pytest.raises(ValueError, match="positive"):
        blend([])
    with pytest.raises(ValueError, match="positive"):
        blend([(style, 0.0)])


def test_fingerprint_of_other_weights_is_refused(tmp_path: Path, style: Fingerprint, extractor: Extractor) -> None:
    Fingerprint(style.extractor, "0" * 64, style.scales).save(tmp_path / "other.safetensors")
    with pytest.raises(FingerprintMismatchError, match="000000000000"):
        load_fingerprint(tmp_path / "other.safetensors", extractor)


@pytest.mark.parametrize("keep", [0, 7, 4000])
def test_truncated_fingerprint_is_refused(tmp_path: Path, style: Fingerprint, extractor: Extractor, keep: int) -> None:
    path = tmp_path / "style.safetensors"
    style.save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FingerprintFormatError):
        load_fingerprint(path, extractor)


def test_fingerprint_says_what_it_covers(style: Fingerprint, chained: Fingerprint) -> None:
    assert style.layers == STYLE_LAYERS
    assert style.covers(STYLE_LAYERS)
    assert style.covers(["relu3_1"], "average")
    assert not style.covers(STYLE_LAYERS, "max")
    assert not style.covers([*STYLE_LAYERS, "relu4_2"])
    assert not style.covers(STYLE_LAYERS, correlations=True)
    assert chained.layers == CHAIN
    assert chained.covers(CHAIN, "max", correlations=True)
    assert chained.covers(CHAIN[1:], "max", correlations=True)
    assert not chained.covers(["relu1_1", "relu2_1"], "max", correlations=True)  # not each other's neighbours here


@pytest.mark.kernels
def test_correlations_are_the_outer_products_that_numpy_averages(
    extractor: Extractor, painting: Image.Image, chained: Fingerprint
) -> None:
    taps = extractor(to_tensor(painting, fitted_size(painting.size, 128)), CHAIN, "max")
    deeper, shallower = (taps[layer][0].float().numpy() for layer in ("relu2_1", "relu1_2"))
    # The middle of each position, on the deeper grid: an odd last row has no pooled row of its own.
    rows, columns = (
        ((np.arange(fine) + 0.5) * coarse / fine).astype(int)
        for fine, coarse in zip(shallower.shape[1:], deeper.shape[1:], strict=True)
    )
    grown = deeper[:, rows][:, :, columns]
    expected = np.einsum("chw,dhw->cd", grown, shallower) / shallower[0].size
    found = chained.at(128)["relu2_1·relu1_2"]
    np.testing.assert_allclose(found.moment.numpy(), expected, rtol=1e-3, atol=1e-4 * expected.max())
    np.testing.assert_allclose(found.mean.numpy(), grown.mean((1, 2)), rtol=1e-3, atol=1e-5)


def test_other_layers_pooling_and_correlations_survive_a_file_and_lie_between_scales(
    tmp_path: Path, extractor: Extractor, chained: Fingerprint
) -> None:
    chained.save(tmp_path / "chained.safetensors")
    read = load_fingerprint(tmp_path / "chained.safetensors", extractor)
    assert (read.layers, read.pooling, read.keys) == (CHAIN, "max", (*CHAIN, *PAIRS))
    for key in (*CHAIN, *PAIRS):
        assert relative(read.at(128)[key].moment, chained.at(128)[key].moment) < 1e-3
        assert relative(read.at(64)[key].mean, chained.at(64)[key].mean) < 1e-3
        middle = (chained.at(64)[key].moment + chained.at(128)[key].moment) / 2
        assert relative(read.at(64 * 2**0.5)[key].moment, middle) < 1e-3


def test_blend_mixes_correlations_and_refuses_parts_that_hold_other_things(
    extractor: Extractor, style: Fingerprint, chained: Fingerprint
) -> None:
    other = fingerprint_of(draw_painting(seed=9), extractor, (64, 128), CHAIN, "max", correlations=True)
    mixed = blend([(chained, 1.0), (other, 3.0)])
    assert mixed.covers(CHAIN, "max", correlations=True)
    for key in PAIRS:
        expected = 0.25 * chained.at(128)[key].moment + 0.75 * other.at(128)[key].moment
        torch.testing.assert_close(mixed.at(128)[key].moment, expected)
    with pytest.raises(FingerprintMismatchError, match="pooling"):
        blend([(chained, 1.0), (style, 1.0)])


def test_the_fingerprints_that_ship_are_of_five_layers_and_average_pooling(extractor: Extractor) -> None:
    paths = sorted(SHIPPED.glob("*/fingerprint.safetensors"))
    assert len(paths) == 66
    for path in paths:
        shipped = load_fingerprint(path, extractor)
        assert (shipped.layers, shipped.pooling) == (STYLE_LAYERS, "average")
        assert shipped.palette is not None
        assert (shipped.palette.quantiles.diff() >= 0).all()


def test_a_layer_that_the_extractor_does_not_have_is_an_error(extractor: Extractor, painting: Image.Image) -> None:
    with pytest.raises(ValueError, match="relu5_4"):
        fingerprint_of(painting, extractor, layers=["relu5_4"])


def test_palette_is_that_of_the_largest_scales_pixels_and_survives_a_file(
    tmp_path: Path, extractor: Extractor, painting: Image.Image, style: Fingerprint
) -> None:
    largest = to_tensor(painting, fitted_size(painting.size, max(style.scales)))[0].flatten(1).double().numpy()
    style.save(tmp_path / "style.safetensors")
    for palette in (style.palette, load_fingerprint(tmp_path / "style.safetensors", extractor).palette):
        assert palette is not None
        np.testing.assert_allclose(palette.mean, largest.mean(1), atol=1e-5)
        np.testing.assert_allclose(palette.covariance, np.cov(largest, bias=True), atol=1e-5)
        for channel, quantiles in zip(largest, palette.quantiles, strict=True):
            # Pixels of one level share the middle of their ranks, so a quantile is true to half such a level's share.
            _, counts = np.unique(channel, return_counts=True)
            slack = counts.max() / counts.sum() / 2 + 1e-3
            for k in (50, 128, 200):
                low, high = np.quantile(channel, [k / 255 - slack, k / 255 + slack])
                assert low - 1e-5 <= quantiles[k] <= high + 1e-5


def test_palette_of_a_blend_is_that_of_all_the_pixels_together(style: Fingerprint, extractor: Extractor) -> None:
    darker = style.palette and Palette(
        style.palette.mean / 2, style.palette.covariance / 4, style.palette.quantiles / 2
    )
    other = dataclasses.replace(style, palette=darker)
    mixed = blend([(style, 1.0), (other, 1.0)]).palette
    assert mixed is not None
    assert style.palette is not None
    mean, covariance = style.palette.mean.numpy(), style.palette.covariance.numpy()
    values = np.random.default_rng(0).multivariate_normal(mean, covariance, 400_000)
    both = np.concatenate((values, values / 2))
    np.testing.assert_allclose(mixed.mean, both.mean(0), atol=2e-3)
    np.testing.assert_allclose(mixed.covariance, np.cov(both.T), atol=1e-3)
    torch.testing.assert_close(mixed.quantiles, 0.75 * style.palette.quantiles)
    assert blend([(style, 1.0), (dataclasses.replace(style, palette=None), 1.0)]).palette is None


def test_adding_a_palette_leaves_all_else_in_the_file(
    tmp_path: Path, extractor: Extractor, painting: Image.Image, style: Fingerprint
) -> None:
    path = tmp_path / "style.safetensors"
    dataclasses.replace(style, palette=None).save(path)
    before = load_file(path)
    assert load_fingerprint(path, extractor).palette is None
    add_palette(path, painting)
    after = load_file(path)
    assert all(torch.equal(after[key], tensor) for key, tensor in before.items())
    added = load_fingerprint(path, extractor).palette
    assert added is not None
    assert style.palette is not None
    assert torch.equal(added.quantiles, style.palette.quantiles)
