from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.worker.engine.conftest import draw_painting
from worker.engine import (
    Extractor,
    Fingerprint,
    FingerprintFormatError,
    FingerprintMismatchError,
    blend,
    fingerprint_of,
    load_fingerprint,
)
from worker.engine.extractors import STYLE_LAYERS


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return ((a - b).norm() / b.norm()).item()


def test_round_trip_through_a_file_keeps_every_matrix(tmp_path: Path, style: Fingerprint, extractor: Extractor) -> None:
    style.save(tmp_path / "style.safetensors")
    read = load_fingerprint(tmp_path / "style.safetensors", extractor)
    assert sorted(read.scales) == sorted(style.scales)
    for scale, layers in style.scales.items():
        for layer, statistics in layers.items():
            assert relative(read.scales[scale][layer].moment, statistics.moment) < 1e-3
            assert relative(read.scales[scale][layer].mean, statistics.mean) < 1e-3
            assert torch.equal(read.scales[scale][layer].moment, read.scales[scale][layer].moment.T)


def test_a_scale_takes_about_40_kilobytes(tmp_path: Path, style: Fingerprint) -> None:
    style.save(tmp_path / "style.safetensors")
    assert (tmp_path / "style.safetensors").stat().st_size / len(style.scales) < 48_000


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
