"""The preset `studio` from photo to picture: near to the painting, faithful to the photo, the same after a break.

With a painting that ships and the project's own photo: what of them is like what, a drawn one would not say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tests.bench import ROOT
from tests.worker.engine.conftest import broken_off, compact, draw_painting
from worker.engine import Checkpoint, Extractor, Fingerprint, PaintOptions, Region, Room, Scene, fingerprint_of, paint
from worker.engine.images import to_tensor
from worker.engine.memory.tiling import Window
from worker.engine.style.cells import CELL_LAYERS, columns_of

QUICK = PaintOptions(preset="studio", size=256, quality="draft", feather=0.0)


@pytest.fixture(scope="module")
def sample() -> Image.Image:
    with Image.open(ROOT / "static" / "pictures" / "sample.jpg") as photo:
        return photo.convert("RGB")


@pytest.fixture(scope="module")
def pastiche(sample: Image.Image, starry_night: Fingerprint, extractor: Extractor) -> Image.Image:
    return paint(Scene.of(sample, starry_night), extractor, QUICK).picture.image()


def distance(image: Image.Image, style: Fingerprint, extractor: Extractor) -> float:
    """1 − cosine of each cell to the most similar one of the painting, in the mean."""
    pixels, there = to_tensor(image.resize((256, 192))), style.book(256).deviations
    here = columns_of(extractor(pixels, CELL_LAYERS), Window.whole(192, 256), extractor)
    cosine = F.normalize(here - here.mean(0), dim=1) @ F.normalize(there, dim=1).T
    return 1 - float(cosine.max(1).values.mean())


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Correlation of luminances at 64 pixels."""
    size = (64, 64 * one.height // one.width)
    grey = [np.asarray(each.convert("L").resize(size, Image.Resampling.LANCZOS), float) for each in (one, other)]
    return float(np.corrcoef(grey[0].ravel(), grey[1].ravel())[0, 1])


def mean_difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, int) - np.asarray(other, int)).mean())


def falls(values: Sequence[float]) -> bool:
    return all(before > after for before, after in pairwise(values))


def test_strokes_become_the_paintings_and_shapes_stay_the_photos(
    pastiche: Image.Image, sample: Image.Image, starry_night: Fingerprint, extractor: Extractor
) -> None:
    assert pastiche.size == (256, 192)
    assert distance(pastiche, starry_night, extractor) < 0.7 * distance(sample, starry_night, extractor)
    assert likeness(pastiche, sample) > 0.9


def test_stronger_is_nearer_to_the_painting_and_farther_from_the_photo(
    sample: Image.Image, starry_night: Fingerprint, extractor: Extractor
) -> None:
    pictures = [
        paint(Scene.of(sample, starry_night), extractor, replace(QUICK, strength=strength)).picture.image()
        for strength in (0.2, 1.0, 4.0)
    ]
    assert falls([distance(each, starry_night, extractor) for each in pictures])
    assert falls([likeness(each, sample) for each in pictures])


def test_a_painting_painted_from_itself_is_itself(extractor: Extractor) -> None:
    painting = draw_painting(256, 192)
    again = paint(Scene.of(painting, fingerprint_of(painting, extractor)), extractor, QUICK).picture.image()
    assert likeness(again, painting) > 0.9
    other = draw_painting(256, 192, seed=9)
    assert mean_difference(again, painting) < mean_difference(other, painting) / 2


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(
    pastiche: Image.Image, sample: Image.Image, starry_night: Fingerprint, extractor: Extractor
) -> None:
    scene = Scene.of(sample, starry_night)
    assert paint(scene, extractor, QUICK).picture.image().tobytes() == pastiche.tobytes()
    assert mean_difference(paint(scene, extractor, replace(QUICK, seed=1)).picture.image(), pastiche) > 1


def test_a_break_leaves_the_match_as_it_was_and_the_picture_as_good(
    tmp_path: Path, pastiche: Image.Image, sample: Image.Image, starry_night: Fingerprint, extractor: Extractor
) -> None:
    scene, path = Scene.of(sample, starry_night), tmp_path / "checkpoint.safetensors"
    broken_off(scene, extractor, QUICK, lambda each: (each.scale, each.iteration) == (256, 9)).save(path)
    before, after = Checkpoint.load(path), list[Checkpoint]()
    resumed = paint(scene, extractor, QUICK, lambda each: after.append(each.checkpoint()), before).picture.image()
    assert before.entries
    assert all(torch.equal(one, other) for one, other in zip(before.entries, after[0].entries, strict=True))
    assert distance(resumed, starry_night, extractor) < 1.05 * distance(pastiche, starry_night, extractor)
    assert likeness(resumed, pastiche) > 0.99


def test_each_region_has_its_own_paintings_colors(
    sample: Image.Image, starry_night: Fingerprint, extractor: Extractor
) -> None:
    red, green, blue = draw_painting(seed=9).split()
    dim = [channel.point(lambda value: value // 5) for channel in (green, blue)]
    reddish = fingerprint_of(Image.merge("RGB", (red, *dim)), extractor)
    mask = Image.new("L", (90, 40))
    mask.paste(255, (0, 0, 45, 40))
    regions = (Region(starry_night, mask), Region(reddish))
    image = np.asarray(paint(Scene(sample, regions), extractor, QUICK).picture.image(), float)
    left, right = (part.reshape(-1, 3).mean(0) for part in (image[:, :116], image[:, 140:]))
    assert right[0] > right[2] + 40
    assert left[0] < left[2]


def test_tiles_paint_what_the_whole_paints(
    tmp_path: Path, sample: Image.Image, starry_night: Fingerprint, extractor: Extractor
) -> None:
    """One scale, matched once: between two cells that are as like the last digit decides, which kernels differ in."""
    scene, options = Scene.of(sample, starry_night), replace(QUICK, size=640, iterations=16)
    matched = broken_off(scene, extractor, options, lambda each: each.scale == 640)
    whole = paint(scene, extractor, options, resume=matched).picture.image()
    tiled = paint(scene, extractor, options, resume=matched, room=Room(330_000_000, tmp_path)).picture.image()
    assert mean_difference(whole, tiled) < 0.5
    assert likeness(whole, tiled) > 0.999
    assert not list(tmp_path.iterdir())


def test_bfloat16_paints_as_well_as_float32(
    pastiche: Image.Image, sample: Image.Image, starry_night: Fingerprint, extractor: Extractor
) -> None:
    half = compact(torch.bfloat16)
    found = paint(Scene.of(sample, starry_night), half, QUICK).picture.image()
    near, wanted = (distance(each, starry_night, extractor) for each in (found, pastiche))
    assert near == pytest.approx(wanted, rel=0.05)
    assert likeness(found, pastiche) > 0.97
