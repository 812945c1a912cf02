"""The preset `nearest` from photo to picture: near to the painting, faithful to the photo, the same after a break."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tests.worker.engine.conftest import compact, draw_painting, draw_photo
from worker.engine import (
    Checkpoint,
    Extractor,
    Fingerprint,
    Iterate,
    PaintOptions,
    Region,
    Room,
    Scene,
    fingerprint_of,
    paint,
)
from worker.engine.cells import CELL_LAYERS, columns_of
from worker.engine.images import to_tensor
from worker.engine.tiling import Window

QUICK = PaintOptions(preset="nearest", size=256, quality="draft", feather=0.0)


def cells(image: Image.Image, extractor: Extractor) -> torch.Tensor:
    pixels = to_tensor(image.resize((256, 256 * image.height // image.width // 4 * 4)))
    return columns_of(extractor(pixels, CELL_LAYERS), Window.whole(*pixels.shape[2:]), extractor)


def distance(image: Image.Image, painting: Image.Image, extractor: Extractor) -> float:
    """1 − cosine of each of the picture's cells to the most similar one of the painting, in the mean."""
    there = cells(painting, extractor)
    mean = there.mean(0)
    cosine = F.normalize(cells(image, extractor) - mean, dim=1) @ F.normalize(there - mean, dim=1).T
    return 1 - float(cosine.max(1).values.mean())


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Correlation of luminances at 64 pixels."""
    pair = [
        np.asarray(each.convert("L").resize((64, 48), Image.Resampling.LANCZOS), float).ravel() for each in (one, other)
    ]
    return float(np.corrcoef(*pair)[0, 1])


@pytest.fixture(scope="module")
def pastiche(photo: Image.Image, style: Fingerprint, extractor: Extractor) -> Image.Image:
    return paint(Scene.of(photo, style), extractor, QUICK).picture.image()


def test_strokes_become_the_paintings_and_shapes_stay_the_photos(
    pastiche: Image.Image, photo: Image.Image, painting: Image.Image, extractor: Extractor
) -> None:
    assert pastiche.size == (256, 192)
    assert distance(pastiche, painting, extractor) < 0.7 * distance(photo, painting, extractor)
    assert abs(likeness(pastiche, photo)) > 0.5


def test_a_painting_painted_from_itself_is_itself(
    painting: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    again = paint(Scene.of(painting, style), extractor, QUICK).picture.image()
    assert likeness(again, painting) > 0.97
    difference = np.asarray(again, float) - np.asarray(painting.resize(again.size, Image.Resampling.LANCZOS), float)
    assert np.abs(difference).mean() < 20


def test_stronger_is_nearer_to_the_painting_and_farther_from_the_photo(
    photo: Image.Image, painting: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    pictures = [
        paint(Scene.of(photo, style), extractor, replace(QUICK, strength=strength)).picture.image()
        for strength in (0.2, 1.0, 4.0)
    ]
    near = [distance(each, painting, extractor) for each in pictures]
    like = [likeness(each, photo) for each in pictures]
    assert near[0] > near[1] > near[2]
    assert like[0] > like[2]


def test_the_same_seed_gives_the_same_bytes(
    pastiche: Image.Image, photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    assert paint(Scene.of(photo, style), extractor, QUICK).picture.image().tobytes() == pastiche.tobytes()
    other = paint(Scene.of(photo, style), extractor, replace(QUICK, seed=1)).picture.image()
    assert np.abs(np.asarray(other, int) - np.asarray(pastiche, int)).mean() > 1


def test_a_break_leaves_the_match_as_it_was_and_the_picture_nearly_so(
    tmp_path: Path, pastiche: Image.Image, photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    path = tmp_path / "checkpoint.safetensors"

    def stop_in_the_last_stage(iterate: Iterate) -> bool:
        if (iterate.scale, iterate.iteration) != (256, 9):
            return False
        iterate.checkpoint().save(path)
        return True

    paint(Scene.of(photo, style), extractor, QUICK, stop_in_the_last_stage)
    before = Checkpoint.load(path)
    after: list[Checkpoint] = []

    def look(iterate: Iterate) -> None:
        after.append(iterate.checkpoint())

    resumed = paint(Scene.of(photo, style), extractor, QUICK, look, before).picture.image()
    assert all(torch.equal(one, other) for one, other in zip(before.entries, after[0].entries, strict=True))
    assert np.abs(np.asarray(resumed, int) - np.asarray(pastiche, int)).mean() < 4


def test_each_region_has_its_own_paintings_colors(photo: Image.Image, style: Fingerprint, extractor: Extractor) -> None:
    red = fingerprint_of(reddish(), extractor)
    mask = Image.new("L", (90, 40))
    mask.paste(255, (0, 0, 45, 40))
    image = np.asarray(paint(Scene(photo, (Region(style, mask), Region(red))), extractor, QUICK).picture.image(), float)
    right = image[:, 140:].reshape(-1, 3).mean(0)
    left = image[:, :116].reshape(-1, 3).mean(0)
    assert right[0] > right[2] + 40
    assert left[0] < left[2] + 40


def reddish() -> Image.Image:
    """Strokes in shades of red alone."""
    red, green, blue = draw_painting(seed=9).split()
    return Image.merge("RGB", (red, green.point(lambda value: value // 4), blue.point(lambda value: value // 5)))


def test_tiles_paint_what_the_whole_paints(tmp_path: Path, style: Fingerprint, extractor: Extractor) -> None:
    scene, options = Scene.of(draw_photo(640, 480), style), replace(QUICK, size=640, iterations=16)
    whole = paint(scene, extractor, options).picture.image()
    tiled = paint(scene, extractor, options, room=Room(330_000_000, tmp_path)).picture.image()
    difference = np.abs(np.asarray(whole, int) - np.asarray(tiled, int))
    assert difference.mean() < 1
    assert not list(tmp_path.iterdir())


def test_bfloat16_and_float32_cannot_be_told_apart(
    photo: Image.Image, painting: Image.Image, pastiche: Image.Image, extractor: Extractor
) -> None:
    half = compact(torch.bfloat16)
    found = paint(Scene.of(photo, fingerprint_of(painting, half)), half, QUICK).picture.image()
    one, other = (distance(each, painting, extractor) for each in (pastiche, found))
    assert other == pytest.approx(one, rel=0.1)
    assert likeness(found, pastiche) > 0.95
