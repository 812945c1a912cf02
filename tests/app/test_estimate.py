"""The front end's estimate of a painting's work against the engine's own plan."""

from __future__ import annotations

import pytest

from app.estimate import planned_work
from worker.engine import pyramid


@pytest.mark.parametrize("size", [256, 300, 512, 768, 1024, 1500, 2048])
@pytest.mark.parametrize("quality", ["draft", "good", "best"])
@pytest.mark.parametrize("photo", [(4000, 3000), (300, 900), (1000, 1000)])
def test_estimate_agrees_with_the_engine(size: int, quality: pyramid.Quality, photo: tuple[int, int]) -> None:
    assert planned_work(photo, size, quality) == pytest.approx(pyramid.planned_work(photo, size, quality), rel=0.02)
