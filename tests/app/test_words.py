"""What pages say about time, progress and print."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "about 1 s"),
        (7.4, "about 7 s"),
        (13, "about 15 s"),
        (58, "about 1 min"),
        (200, "about 3 min"),
        (7300, "about 2 h"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert words.about(seconds) == said


@pytest.mark.parametrize(
    ("eta", "said"),
    [
        (None, ""),
        ((0.2, 1.2), "a moment left"),
        ((12.0, 19.0), "12 to 19 s left"),
        ((4.2, 4.4), "4 to 5 s left"),
        ((80.0, 200.0), "1 to 4 min left"),
        ((170.0, 180.0), "2 to 3 min left"),
        ((7000.0, 9000.0), "1 to 3 h left"),
    ],
)
def test_time_left_is_a_range(eta: tuple[float, float] | None, said: str) -> None:
    assert words.time_left(eta) == said


def test_strokes_go_from_broad_to_detail() -> None:
    said = [words.strokes(stage, 5) for stage in range(5)]
    assert said[0] == "broad strokes, 1 of 5"
    assert said[-1] == "detail, 5 of 5"
    assert words.strokes(0, 1) == "broad strokes, 1 of 1"


def test_print_size() -> None:
    assert words.print_size(3000, 1500) == "25.4 × 12.7 cm"
    assert words.print_size(3000, 1500, in_inches=True) == "10 × 5 in"


def test_moment_is_told_to_programs_and_people_alike() -> None:
    noon = datetime(2026, 11, 29, 12, 5, 7, tzinfo=UTC)
    assert datetime.fromisoformat(words.timestamp(noon.timestamp())) == noon
    assert words.moment(noon.timestamp()) == "29 November 2026, 12:05 UTC"
