"""Tries: their names, and what a request asks for."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.jobs.storage import keys
from app.jobs.tries import TriesRequest, Try, known

PHOTO = "a" * 32


@pytest.mark.parametrize(
    ("each", "name"),
    [
        (Try("starry_night"), "starry_night-1-1"),
        (Try("dusk", 0.25, 4), "dusk-0.25-4"),
        (Try("own_" + "f" * 32, 10, 0.7), f"own_{'f' * 32}-10-0.7"),
        (Try("dusk", 0.333), "dusk-0.33-1"),
    ],
)
def test_a_try_is_found_again_by_its_name(each: Try, name: str) -> None:
    assert each.name == name
    found = Try.named(name)
    assert found
    assert found.name == name
    assert keys.try_name(keys.try_key(PHOTO, name)) == name


@pytest.mark.parametrize("name", ["suits.json", "dusk", "dusk-1", "dusk-1-1-1", "Dusk-1-1", "dusk-1-nan", "../x-1-1"])
def test_what_is_no_name_is_no_try(name: str) -> None:
    assert Try.named(name) is None
    assert known([name, "dusk-1-2"]) == [Try("dusk", 1, 2)]


def test_each_painting_is_tried_with_each_strength_and_each_brush() -> None:
    wish = TriesRequest(styles=["a", "b"], strengths=[0.5, 2], brushes=[1, 4])
    assert [each.name for each in wish.tries] == [
        "a-0.5-1", "a-0.5-4", "a-2-1", "a-2-4", "b-0.5-1", "b-0.5-4", "b-2-1", "b-2-4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wish",
    [
        {"styles": []},
        {"styles": ["a", "a"]},
        {"styles": ["../a"]},
        {"styles": ["a"], "strengths": [0.01]},
        {"styles": ["a"], "brushes": [5]},
        {"styles": ["a"], "brushes": [float("nan")]},
        {"styles": ["a"], "strengths": [1, 1.0]},
    ],
)
def test_what_cannot_be_tried_is_refused(wish: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TriesRequest.model_validate(wish)
