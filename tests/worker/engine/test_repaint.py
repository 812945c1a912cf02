"""A painting drawn again from its codebook and its sketch."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.worker.engine.conftest import draw_painting
from worker.engine import Extractor, repaint
from worker.engine.style.codebook import codebook_of


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of levels at 16 pixels, where only composition and palette are."""
    small = (np.asarray(each.resize((16, 12), Image.Resampling.BOX), float) for each in (one, other))
    return float(np.abs(np.subtract(*small)).mean())


def test_the_painting_is_there_again(extractor: Extractor) -> None:
    painting = draw_painting(256, 192)
    again = repaint(codebook_of(painting, extractor), extractor, 256)
    assert again.size == (256, 192)
    assert difference(again, painting) < difference(draw_painting(256, 192, seed=9), painting) / 2
    detail, blurred = (
        np.asarray(each.convert("L"), float) for each in (again, again.resize((24, 18)).resize((256, 192)))
    )
    real = np.asarray(painting.convert("L"), float) - np.asarray(
        painting.convert("L").resize((24, 18)).resize((256, 192))
    )
    # And its strokes, of which the sketch has none.
    assert (detail - blurred).std() == pytest.approx(real.std(), rel=0.5)


def test_it_is_drawn_the_same_every_time(extractor: Extractor) -> None:
    codebook = codebook_of(draw_painting(160, 120), extractor)
    assert repaint(codebook, extractor, 128).tobytes() == repaint(codebook, extractor, 128).tobytes()


def test_what_watches_it_may_end_it(extractor: Extractor) -> None:
    class EnoughError(Exception):
        pass

    def enough() -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        repaint(codebook_of(draw_painting(160, 120), extractor), extractor, 128, enough)
