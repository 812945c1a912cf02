"""Doodles: a map without a photo, each colour of it painted from the part of a painting that it means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.worker.engine.conftest import broken_off, draw_painting
from worker.engine import (
    Extractor,
    Fingerprint,
    PaintOptions,
    Pastiche,
    Region,
    Room,
    Scene,
    paint,
    plan,
)
from worker.engine.doodle import ground
from worker.engine.images import to_tensor
from worker.engine.style.parts import PartMap, parts_of

SIZE = (160, 120)
OPTIONS = PaintOptions(preset="doodle", size=160, seed=4)


@pytest.fixture(scope="module")
def regions(extractor: Extractor, style: Fingerprint) -> tuple[Region, ...]:
    """Blue strokes above, red ones below in the painting; in the map they are side by side."""
    strokes = np.asarray(draw_painting().convert("L"), float)[..., None] / 255
    upper, lower = strokes * [60, 90, 255], strokes * [255, 60, 30]
    above = np.arange(260)[:, None, None] < 130
    painting = Image.fromarray(np.where(above, upper, lower).astype(np.uint8))
    parts = parts_of(painting, PartMap(("blue", "red"), np.array([[0], [1]], np.uint8)), extractor)
    mask = Image.new("L", SIZE, "white")
    mask.paste("black", (80, 0, 160, 120))
    return Region(parts.of(style, "blue"), mask), Region(parts.of(style, "red"))


@pytest.fixture(scope="module")
def scene(regions: tuple[Region, ...]) -> Scene:
    return Scene(Image.new("RGB", SIZE), regions)


def pixels(pastiche: Pastiche) -> torch.Tensor:
    return to_tensor(pastiche.picture.image())


def test_the_ground_has_each_regions_mean_colour(regions: tuple[Region, ...]) -> None:
    found = np.asarray(ground(regions, (320, 240)), float) / 255
    for region, columns in zip(regions, (slice(0, 150), slice(170, 320)), strict=True):
        assert region.style.palette is not None
        np.testing.assert_allclose(found[:, columns].mean((0, 1)), region.style.palette.mean.numpy(), atol=0.01)


def test_a_doodle_of_one_part_is_a_texture_of_it(regions: tuple[Region, ...], extractor: Extractor) -> None:
    one = (Region(regions[0].style),)
    painted = pixels(paint(Scene(Image.new("RGB", SIZE), one), extractor, OPTIONS))
    assert float(painted.std()) > 0.1, "strokes, and not the one colour that it began as"
    assert bool((painted[:, 2].mean() > 2 * painted[:, 0].mean()).item())


def test_each_side_is_painted_from_its_own_part(scene: Scene, extractor: Extractor) -> None:
    painted = pixels(paint(scene, extractor, OPTIONS))
    left, right = painted[..., :76], painted[..., 84:]
    assert float((left[:, 2] > left[:, 0]).float().mean()) > 0.97
    assert float((right[:, 0] > right[:, 2]).float().mean()) > 0.97


def test_the_same_seed_is_the_same_picture_and_another_is_another(scene: Scene, extractor: Extractor) -> None:
    first, again, other = (
        pixels(paint(scene, extractor, PaintOptions(preset="doodle", size=96, seed=seed))) for seed in (4, 4, 5)
    )
    assert torch.equal(first, again)
    assert float((first - other).abs().mean()) > 0.02


def test_a_stopped_doodle_goes_on_from_its_checkpoint(scene: Scene, extractor: Extractor) -> None:
    kept = broken_off(scene, extractor, OPTIONS, lambda each: each.stage == 5)
    seen: list[int] = []
    resumed = paint(scene, extractor, OPTIONS, lambda each: seen.append(each.stage), resume=kept)
    assert min(seen) >= 5
    whole = paint(scene, extractor, OPTIONS)
    assert float((pixels(resumed) - pixels(whole)).abs().mean()) < 0.02


def test_where_memory_is_short_a_doodle_is_painted_in_tiles(scene: Scene, extractor: Extractor, tmp_path: Path) -> None:
    options = PaintOptions(preset="doodle", size=320)
    calls: list[float] = []
    whole = paint(scene, extractor, options, lambda each: calls.append(each.fraction))
    told = len(calls)
    tiled = paint(scene, extractor, options, lambda each: calls.append(each.fraction), room=Room(290_000_000, tmp_path))
    assert len(calls) > 3 * told, "it is looked at in tiles"
    assert float((pixels(whole) - pixels(tiled)).abs().mean()) < 0.03


def test_every_scale_is_matched_several_times_as_it_begins_from_noise() -> None:
    stages = plan((512, 384), PaintOptions(preset="doodle", size=512))
    assert [(each.scale, each.round) for each in stages if each.scale < 256] == [
        (64, 0), (64, 1), (64, 2), (64, 3), (128, 0), (128, 1), (128, 2),
    ]  # fmt: skip
