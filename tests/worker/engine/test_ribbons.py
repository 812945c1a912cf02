"""Photos that are so long and thin that the extractor could not see them keep their proportions."""

from __future__ import annotations

import pytest

from tests.worker.engine.conftest import draw_painting, draw_photo
from worker.engine.images import MIN_SIDE, exact_size, fitted_size
from worker.engine.networks.extractors import Extractor
from worker.engine.options import PaintOptions, plan
from worker.engine.paint import paint
from worker.engine.scene import Scene
from worker.engine.style.fingerprint import fingerprint_of


@pytest.mark.parametrize("photo", [(320, 32), (32, 320), (3000, 100), (1024, 100), (640, 480)])
@pytest.mark.parametrize("size", [128, 256, 1000])
def test_every_stage_has_the_photos_proportions_and_is_large_enough(photo: tuple[int, int], size: int) -> None:
    for stage in plan(photo, PaintOptions(size=size)):
        # Both sides are whole numbers, so each may be off by half a pixel.
        assert abs(stage.width * photo[1] - stage.height * photo[0]) <= 0.5 * sum(photo)
        assert min(stage.width, stage.height) >= MIN_SIDE


def test_sizes_are_those_of_the_photo() -> None:
    assert exact_size((320, 32), 256) == (256, 26)
    assert fitted_size((320, 32), 256) == (320, 32)
    assert exact_size((4000, 3000), 512) == fitted_size((4000, 3000), 512) == (512, 384)
    assert exact_size((10_000, 3), 256) == (256, 1)


def test_a_ribbon_is_painted_as_long_and_as_high_as_it_was_asked_for(extractor: Extractor) -> None:
    style = fingerprint_of(draw_painting(160, 130), extractor)
    pastiche = paint(Scene.of(draw_photo(320, 32), style), extractor, PaintOptions(size=256, iterations=4))
    assert (pastiche.picture.width, pastiche.picture.height) == (256, 26)
    assert pastiche.picture.image().size == (256, 26)
    larger = paint(
        Scene.of(draw_photo(320, 32), style), extractor, PaintOptions(size=256, iterations=4, output_size=512)
    )
    assert larger.picture.image().size == (512, 51)
