"""The tests' own marks: readable, different, and lost where a picture is another's."""

from __future__ import annotations

from PIL import Image

from tests.faults.marks import APART, draw, marks, read


def test_every_mark_is_read_from_its_own_photo_at_any_size() -> None:
    found = marks(64)
    assert len(set(found)) == 64
    for mark in found:
        assert read(draw(mark).resize((256, 64), Image.Resampling.LANCZOS)) == mark


def test_marks_differ_in_several_blocks() -> None:
    found = marks(64)
    assert min(len(one ^ other) for one in found for other in found if one is not other) >= APART
