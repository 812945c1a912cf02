"""The front end's estimate of a painting's work against the engine's own plan."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.jobs.options import PaintingOptions, Preset
from app.jobs.work import SCHEDULES, TILE_BYTES, passed_work, planned_work, work_of
from worker import engine
from worker.engine.networks.extractors import VGG_BLOCKS

SHAPES = [(4000, 3000), (300, 900), (1000, 1000), (320, 32), (200, 1900)]


@pytest.mark.parametrize("preset", SCHEDULES)
@pytest.mark.parametrize("size", [256, 300, 512, 768, 1024, 1500, 2048])
@pytest.mark.parametrize("quality", ["draft", "good", "best"])
@pytest.mark.parametrize("photo", SHAPES)
def test_estimate_agrees_with_the_engine(preset: Preset, size: int, quality: Any, photo: tuple[int, int]) -> None:
    options = engine.PaintOptions(preset=preset, size=size, quality=quality)
    assert planned_work(photo, size, quality, preset) == pytest.approx(engine.work_of(photo, options), rel=0.02)


@given(
    options=st.fixed_dictionaries(
        {
            "preset": st.sampled_from(list(SCHEDULES)),
            "size": st.integers(256, 8192),
            "quality": st.sampled_from(["draft", "good", "best"]),
            "iterations": st.none() | st.integers(1, 5000),
            "optimizer": st.sampled_from([None, "adam", "lbfgs"]),
            "min_improvement": st.floats(0, 50),
            "brush": st.floats(0.25, 4),
            "strength": st.floats(0.1, 10),
            "output_size": st.none() | st.integers(256, 4096),
            "style_loss": st.sampled_from([None, "nearest", "nearest-and-gram", "mrf", "gram-2015"]),
            "start": st.sampled_from([None, "photo", "noise", "grey"]),
            "pooling": st.sampled_from([None, "average", "max"]),
        }
    ),
    photo=st.sampled_from(SHAPES),
)
@settings(max_examples=300, deadline=None)
def test_estimate_agrees_with_the_engine_whatever_is_asked(options: dict[str, Any], photo: tuple[int, int]) -> None:
    asked = PaintingOptions(**options)
    expected = engine.work_of(photo, engine.PaintOptions(**asked.painting()))
    assert work_of(photo, asked) == pytest.approx(expected, rel=0.02)


def test_every_preset_and_every_extractor_is_known() -> None:
    assert list(SCHEDULES) == list(engine.PRESETS)
    assert set(TILE_BYTES) == {"compact", *VGG_BLOCKS}


def test_a_network_passes_over_a_picture_once() -> None:
    """Of four times the pixels almost four times the work, and of all sizes far less than an optimisation's."""
    works = [passed_work((4000, 3000), size) for size in (512, 1024, 2048)]
    assert works[1] / works[0] == pytest.approx(4, rel=0.15)
    assert works[2] / works[1] == pytest.approx(4, rel=0.05)
    for size, work in zip((512, 1024, 2048), works, strict=True):
        assert work < planned_work((4000, 3000), size, "good") / 5
