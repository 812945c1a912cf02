from itertools import pairwise

import numpy as np
import pytest

from worker.engine.options import PaintOptions, plan, work_of
from worker.engine.pyramid import scales
from worker.engine.tiling import STRIDE


def test_scales_grow_by_about_the_root_of_two_up_to_the_asked_size() -> None:
    assert scales(512) == [128, 183, 262, 374, 512]
    assert scales(2048) == [128, 183, 262, 374, 535, 765, 1095, 1565, 2048]


@pytest.mark.parametrize("longest", [256, 300, 500, 777, 1500, 2048])
def test_last_scale_is_the_asked_one_and_no_step_is_above_two_thirds_more(longest: int) -> None:
    found = scales(longest)
    assert found[-1] == longest
    assert all(1.1 < after / before < 1.7 for before, after in pairwise(found))


def test_the_borders_of_pooled_cells_hardly_ever_meet() -> None:
    """Within half a pixel of each stage, but for the picture's edge; with √2 six of nine stages have one in common."""
    places = np.linspace(0.06, 0.999, 20_000)
    cells = [places * scale / STRIDE for scale in scales(2048)]
    meeting = sum((np.abs(cell - np.round(cell)) * STRIDE < 0.5).astype(int) for cell in cells)
    assert np.max(meeting) <= 4


@pytest.mark.parametrize(
    ("size", "last"), [((4000, 3000), (512, 384)), ((3000, 4000), (384, 512)), ((100, 100), (512, 512))]
)
def test_stages_keep_the_photos_aspect_ratio(size: tuple[int, int], last: tuple[int, int]) -> None:
    stage = plan(size, PaintOptions())[-1]
    assert (stage.width, stage.height) == last


def test_a_very_long_photo_keeps_a_side_that_the_extractor_can_see() -> None:
    assert min((stage.width, stage.height) for stage in plan((10_000, 100), PaintOptions()))[1] == 32


def test_planned_work_of_a_square_is_the_sum_over_the_stages_by_hand() -> None:
    by_hand = (64 * 128**2 + 28 * 183**2 + 18 * 256**2) / 1e6
    assert work_of((640, 640), PaintOptions(size=256)) == pytest.approx(by_hand)


def test_better_quality_is_more_work_in_every_stage() -> None:
    draft, good, best = (plan((800, 600), PaintOptions(quality=quality)) for quality in ("draft", "good", "best"))
    assert all(a.evaluations < b.evaluations < c.evaluations for a, b, c in zip(draft, good, best, strict=True))


def test_iterations_are_shared_over_the_stages_as_the_preset_does() -> None:
    usual = plan((800, 600), PaintOptions())
    asked = plan((800, 600), PaintOptions(iterations=1000))
    assert sum(stage.evaluations for stage in asked) == pytest.approx(1000, abs=len(asked))
    ratios = [after.evaluations / before.evaluations for before, after in zip(usual, asked, strict=True)]
    assert max(ratios) == pytest.approx(min(ratios), rel=0.03)


def test_a_preset_without_a_pyramid_paints_at_its_size_only() -> None:
    (stage,) = plan((800, 600), PaintOptions(preset="gatys-2016", size=400))
    assert (stage.width, stage.height, stage.evaluations) == (400, 300, 500)
