from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.worker.engine.conftest import draw_painting
from worker.engine import EmptyMaskError, Extractor, Fingerprint, PaintOptions, Region, Scene, fingerprint_of, paint
from worker.engine.images import to_tensor
from worker.engine.style.statistics import gram

QUICK = PaintOptions(size=256, quality="draft", feather=0.0)
SHORT = replace(QUICK, iterations=15)


def half_mask(side: str = "left", size: tuple[int, int] = (90, 40)) -> Image.Image:
    """White on one half, in a size that is not the photo's."""
    mask = Image.new("L", size, 0)
    left = 0 if side == "left" else size[0] // 2
    mask.paste(255, (left, 0, left + size[0] // 2, size[1]))
    return mask


@pytest.fixture(scope="module")
def calm(extractor: Extractor) -> Fingerprint:
    """Another style: large flat fields of red and white."""
    image = Image.new("RGB", (300, 300), (190, 30, 30))
    image.paste((240, 240, 235), (0, 0, 300, 140))
    return fingerprint_of(image.resize((300, 300)), extractor)


def style_distance(image: Image.Image, style: Fingerprint, extractor: Extractor) -> float:
    taps, wanted = extractor(to_tensor(image)), style.at(256)
    distances = [
        ((gram(taps[layer]) - wanted[layer].moment).square().sum() / wanted[layer].moment.square().sum()).item()
        for layer in wanted
    ]
    return sum(distances) / len(distances)


def test_each_region_is_painted_in_its_own_style(
    photo: Image.Image, style: Fingerprint, calm: Fingerprint, extractor: Extractor
) -> None:
    scene = Scene(photo, (Region(style, half_mask("left")), Region(calm, half_mask("right"))))
    image = paint(scene, extractor, QUICK).picture.image()
    left, right = image.crop((0, 0, 120, 192)), image.crop((136, 0, 256, 192))
    assert style_distance(left, style, extractor) < style_distance(right, style, extractor) / 2
    assert style_distance(right, calm, extractor) < style_distance(left, calm, extractor) / 2


def test_a_region_without_a_mask_takes_what_the_others_leave(
    photo: Image.Image, style: Fingerprint, calm: Fingerprint, extractor: Extractor
) -> None:
    scene = Scene(photo, (Region(style), Region(calm, half_mask("right"))))
    masked = Scene(photo, (Region(style, half_mask("left")), Region(calm, half_mask("right"))))
    size, options = (64, 48), replace(QUICK, style_layers={"relu1_1": 1.0, "relu3_1": 1.0})
    for part, other in zip(
        *(each.parts(size, each.brief(options, extractor)) for each in (scene, masked)), strict=True
    ):
        assert part.share == pytest.approx(other.share)
        assert part.guides
        assert other.guides
        for layer in part.guides:
            torch.testing.assert_close(part.guides[layer], other.guides[layer])


def test_what_is_kept_stays_the_photo_to_the_last_bit(
    photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    image = paint(replace(Scene.of(photo, style), keep=half_mask("left")), extractor, SHORT).picture.image()
    expected = np.asarray(photo.resize(image.size, Image.Resampling.LANCZOS), int)
    found = np.asarray(image, int)
    np.testing.assert_array_equal(found[:, :120], expected[:, :120])
    assert np.abs(found[:, 136:] - expected[:, 136:]).mean() > 4


def test_feathered_edges_change_gradually(photo: Image.Image, style: Fingerprint, extractor: Extractor) -> None:
    scene = replace(Scene.of(photo, style), keep=half_mask("left"))
    kept = scene.kept((256, 192), 0.05)[0, 0, 96]
    assert (kept[1:] <= kept[:-1] + 1e-6).all()
    assert ((kept > 0.05) & (kept < 0.95)).sum() >= 12


def test_a_mask_that_keeps_all_or_covers_nothing_is_refused(
    photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    with pytest.raises(EmptyMaskError):
        paint(replace(Scene.of(photo, style), keep=Image.new("L", (9, 9), 255)), extractor, QUICK)
    with pytest.raises(EmptyMaskError):
        paint(Scene(photo, (Region(style, Image.new("L", (9, 9), 0)), Region(style))), extractor, QUICK)


def test_an_artwork_can_be_painted_on(photo: Image.Image, style: Fingerprint, extractor: Extractor) -> None:
    start = Image.fromarray(np.asarray(draw_painting(256, 192)))
    seen = []
    options = replace(QUICK, start="artwork", preset="gatys-code", iterations=1)
    with pytest.raises(ValueError, match="artwork"):
        paint(Scene.of(photo, style), extractor, options)
    scene = replace(Scene.of(photo, style), start=start)
    paint(scene, extractor, replace(options, pooling="average"), lambda iterate: seen.append(iterate.image()))
    assert np.abs(np.asarray(seen[0], int) - np.asarray(start, int)).mean() < 3


def test_starts_differ_as_their_names_say(photo: Image.Image, style: Fingerprint, extractor: Extractor) -> None:
    def first(start: str) -> np.ndarray:
        options = replace(QUICK, start=start, iterations=1, optimizer="adam", preset="gatys-2016")  # type: ignore[arg-type]
        return np.asarray(paint(Scene.of(photo, style), extractor, options).canvas.image(), float) / 255

    grey, noise = first("grey"), first("noise")
    assert np.abs(grey - grey.mean(2, keepdims=True)).mean() < 0.03  # one step of Adam moves a pixel by 0.02
    assert noise.mean() == pytest.approx(0.5, abs=0.02)
    assert noise.std() == pytest.approx(12**-0.5, abs=0.03)  # of the uniform distribution
    np.testing.assert_allclose(
        first("photo"), np.asarray(photo.resize((256, 192), Image.Resampling.LANCZOS)) / 255, atol=0.03
    )
