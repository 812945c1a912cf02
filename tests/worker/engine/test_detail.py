"""What a finer stage begins with: the photo's own detail, and the sharpness that the style asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest
import torch
from PIL import Image

from tests.worker.engine.conftest import draw_photo
from worker.engine import Extractor, Fingerprint, Iterate, PaintOptions, Scene, detail, load_fingerprint, paint
from worker.engine.detail import add_detail, sharpen, sharpness
from worker.engine.images import fitted_size, resized, to_bytes, to_tensor
from worker.engine.presets import PRESETS

SAMPLE = Path(__file__).parents[3] / "static" / "pictures" / "sample.jpg"
STYLES = Path(__file__).parents[3] / "styles"
FINE, COARSE = (160, 120), (113, 85)


def test_all_of_the_detail_makes_the_photo_of_the_coarse_photo_again() -> None:
    photo = draw_photo()
    pixels = resized(to_tensor(photo, COARSE), FINE)
    assert (pixels - to_tensor(photo, FINE)).abs().max() > 0.1
    add_detail(pixels, to_bytes(photo, FINE), to_bytes(photo, COARSE), 1.0)
    torch.testing.assert_close(pixels, to_tensor(photo, FINE))


def test_half_of_the_detail_is_half_of_the_way() -> None:
    photo = draw_photo()
    blank = torch.zeros(1, 3, 120, 160)
    half, whole = blank.clone(), blank.clone()
    for pixels, share in ((half, 0.5), (whole, 1.0)):
        add_detail(pixels, to_bytes(photo, FINE), to_bytes(photo, COARSE), share)
    torch.testing.assert_close(2 * half, whole)


def test_sharpening_leaves_what_is_flat_and_steepens_edges_alike_in_all_directions() -> None:
    pixels = torch.full((1, 3, 32, 32), 0.5)
    pixels[..., 8:24, 8:24] = 0.75
    sharpened = pixels.clone()
    sharpen(sharpened, 1.0)
    torch.testing.assert_close(sharpened[..., :4, :], pixels[..., :4, :])
    torch.testing.assert_close(sharpened[..., 14:18, 14:18], pixels[..., 14:18, 14:18])
    assert sharpened[0, 0, 16, 8] > 0.8
    assert sharpened[0, 0, 16, 7] < 0.45
    torch.testing.assert_close(sharpened, sharpened.transpose(2, 3))
    torch.testing.assert_close(sharpened, sharpened.flip(2))


def test_strips_show_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = torch.rand(1, 3, 65, 40, generator=torch.Generator().manual_seed(0))
    in_strips = whole.clone()
    sharpen(whole, 0.7)
    monkeypatch.setattr(detail, "STRIP", 16)  # the last strip is one row
    sharpen(in_strips, 0.7)
    torch.testing.assert_close(in_strips, whole)


@pytest.mark.parametrize("amount", [0.0, 0.8, 1.5])
def test_the_sharpness_found_is_the_one_that_was_asked_for(amount: float) -> None:
    pixels = to_tensor(draw_photo())
    wanted = pixels.clone()
    sharpen(wanted, amount)
    assert sharpness(pixels, lambda x: (x - wanted).square().mean()) == pytest.approx(amount, abs=0.02)


def test_a_loss_that_is_not_finite_asks_for_no_sharpness() -> None:
    assert sharpness(to_tensor(draw_photo()), lambda x: x.mean() / 0) == 0


def test_few_evaluations_come_further_with_detail(extractor: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    style = load_fingerprint(STYLES / "starry_night" / "fingerprint.safetensors", extractor)
    photo = Image.open(SAMPLE).convert("RGB")
    scene = Scene.of(photo, style)
    objective = scene.objective(fitted_size(photo.size, 256), PaintOptions(size=256), extractor)

    def loss() -> float:
        """In the mean over six seeds: the way down is rough, and one may be lucky."""
        options = [PaintOptions(size=256, iterations=40, seed=seed) for seed in range(6)]
        pictures = [paint(scene, extractor, each).picture.image() for each in options]
        return mean(float(objective(to_tensor(picture))) for picture in pictures)

    with_detail = loss()
    monkeypatch.setitem(PRESETS, "studio", replace(PRESETS["studio"], detail=0.0))
    without = loss()
    assert with_detail < 0.9 * without


def test_a_checkpoint_knows_how_its_stage_began(style: Fingerprint, extractor: Extractor) -> None:
    found: list[Iterate] = []
    options = PaintOptions(size=181, iterations=6)
    paint(Scene.of(draw_photo(320, 240), style), extractor, options, found.append)  # type: ignore[arg-type]
    first, last = found[0].checkpoint(), found[-1].checkpoint()
    assert first.sharpening == 0
    assert 0 < last.sharpening <= 1.5
