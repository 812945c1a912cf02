"""What the colours of a doodle mean."""

from __future__ import annotations

import pytest

from app.jobs.doodles import DoodleError, check_flat, check_shape, common_colors, meaning

PARTS = {"#2a4fb0": "sky", "#ffd83d": "stars", "#000000": "cypress"}


def test_each_colour_means_the_part_of_the_nearest_colour() -> None:
    found = meaning({"#2a4fb0": 0.5, "#fbd640": 0.3, "#050505": 0.2}, PARTS, "Night")
    assert found.parts == {"#2a4fb0": "sky", "#fbd640": "stars", "#050505": "cypress"}
    assert found.notes == []


def test_rare_colours_are_smoothed_edges_unless_they_are_a_parts_own() -> None:
    drawn = {"#2a4fb0": 0.99, "#959377": 0.002, "#ffd83d": 0.002}
    assert meaning(drawn, PARTS, "Night").parts == {"#2a4fb0": "sky", "#ffd83d": "stars"}
    assert common_colors(drawn, {"#959478": 0.3}) == ["#2a4fb0", "#959377"]


def test_a_colour_of_no_part_is_the_nearest_and_is_told() -> None:
    found = meaning({"#2a4fb0": 0.5, "#ff0000": 0.5}, PARTS, "Night")
    assert found.parts["#ff0000"] in PARTS.values()
    assert len(found.notes) == 1
    assert "#ff0000 means no part of “Night”" in found.notes[0]


def test_a_map_for_another_painting_is_refused_with_the_parts_there_are() -> None:
    with pytest.raises(DoodleError, match=r"another painting.*sky \(#2a4fb0\), stars"):
        meaning({"#00ff00": 0.5, "#ff00ff": 0.5}, PARTS, "Night")


def test_nothing_drawn_and_too_much_drawn_are_refused() -> None:
    with pytest.raises(DoodleError, match="Nothing is drawn"):
        meaning({}, PARTS, "Night")
    with pytest.raises(DoodleError, match="too many colours"):
        check_flat(0.5, "target map")
    check_flat(0.97, "target map")


def test_shapes_may_differ_as_far_as_stretching_does_no_harm() -> None:
    check_shape((512, 320), (800, 600), "The photo and its map")
    with pytest.raises(DoodleError, match="The photo and its map differ too much in shape: 512×320 and 320×512 pixels"):
        check_shape((512, 320), (320, 512), "The photo and its map")
