"""What a painting's colours are called."""

from __future__ import annotations

import numpy as np
import pytest

from app.jobs.styles import Style, find_styles
from training.moods import COLORS, color_moods, sketch_of

SHIPPED = find_styles()


@pytest.mark.parametrize("style", SHIPPED, ids=lambda style: style.id)
def test_colours_on_every_label_are_those_of_the_painting(style: Style) -> None:
    fingerprint = style.fingerprint("compact")
    assert fingerprint
    assert [mood for mood in style.moods if mood in COLORS] == color_moods(sketch_of(fingerprint))


@pytest.mark.parametrize(
    ("color", "moods"),
    [
        ((30, 60, 160), ["blue", "dark"]),
        ((220, 180, 40), ["gold", "bright"]),
        ((200, 30, 30), ["red"]),
        ((60, 140, 70), ["green"]),
        ((20, 20, 20), ["dark"]),
        ((235, 235, 235), ["bright"]),
        ((128, 128, 128), []),
    ],
)
def test_a_plain_colour_is_called_by_its_name(color: tuple[int, int, int], moods: list[str]) -> None:
    assert color_moods(np.full((19, 24, 3), color, np.uint8)) == moods


def test_every_mood_finds_several_and_leaves_out_most() -> None:
    for mood in {mood for style in SHIPPED for mood in style.moods}:
        assert 4 <= sum(mood in style.moods for style in SHIPPED) <= len(SHIPPED) / 2
