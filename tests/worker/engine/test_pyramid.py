from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from worker.engine.memory.tiling import STRIDE
from worker.engine.options import PaintOptions, plan, work_of
from worker.engine.pyramid import ROOT_OF_TWO, Pyramid, scales


def test_scales_grow_by_about_the_root_of_two_up_to_the_asked_size() -> None:
    assert scales(512, ROOT_OF_TWO) == [128, 183, 262, 374, 512]
    assert scales(2048, ROOT_OF_TWO) == [128, 183, 262, 374, 535, 765, 1095, 1565, 2048]


def test_another_pyramid_has_other_steps_and_without_one_there_is_one_scale() -> None:
    assert scales(512, Pyramid(64, 2.0)) == [64, 128, 256, 512]
    assert scales(512, None) == [512]


def test_a_free_painting_is_matched_several_times_where_it_is_small() -> None:
    bound, free = (plan((800, 600), PaintOptions(size=512, strength=strength)) for strength in (2.0, 3.0))
    assert [stage.scale for stage in bound] == [64, 128, 256, 512]
    assert [(stage.scale, stage.round) for stage in free] == [
        (64, 0), (64, 1), (64, 2), (128, 0), (128, 1), (128, 2), (256, 0), (256, 1), (512, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("longest", [256, 300, 500, 777, 1500, 2048])
def test_last_scale_is_the_asked_one_and_no_step_is_above_two_thirds_more(longest: int) -> None:
    found = scales(longest, ROOT_OF_TWO)
    assert found[-1] == longest
    assert all(1.1 < after / before < 1.7 for before, after in pairwise(found))


def test_the_borders_of_pooled_cells_hardly_ever_meet() -> None:
    """Within half a pixel of each stage, but for the picture's edge; with √2 six of nine stages have one in common."""
    places = np.linspace(0.06, 0.999, 20_000)
    cells = [places * scale / STRIDE for scale in scales(2048, ROOT_OF_TWO)]
    meeting = sum((np.abs(cell - np.round(cell)) * STRIDE < 0.5).astype(int) for cell in cells)
    assert np.max(meeting) <= 4


@pytest.mark.parametrize(
    ("size", "last"), [((4000, 3000), (1024, 768)), ((3000, 4000), (768, 1024)), ((100, 100), (1024, 1024))]
)
def test_stages_keep_the_photos_aspect_ratio(size: tuple[int, int], last: tuple[int, int]) -> None:
    stage = plan(size, PaintOptions())[-1]
    assert (stage.width, stage.height) == last


def test_a_very_long_photo_keeps_a_side_that_the_extractor_can_see() -> None:
    assert min((stage.width, stage.height) for stage in plan((10_000, 100), PaintOptions()))[1] == 32


def test_planned_work_of_a_square_is_the_sum_over_the_stages_by_hand() -> None:
    by_hand = 52.3 * (0.008 + 0.064**2) + 42.3 * (0.008 + 0.128**2) + 32.3 * (0.008 + 0.256**2)
    evaluated = plan((640, 640), PaintOptions(size=256), has_decoder=False)
    assert sum(stage.work for stage in evaluated) == pytest.approx(by_hand)
    drawn = 3 * (0.008 + 0.064**2) + 3 * (0.008 + 0.128**2) + 17 * (0.008 + 0.256**2)
    assert work_of((640, 640), PaintOptions(size=256)) == pytest.approx(drawn)


@pytest.mark.parametrize("has_decoder", [False, True])
def test_better_quality_is_more_work_in_every_stage_that_has_any(has_decoder: bool) -> None:
    draft, good, best = (
        plan((800, 600), PaintOptions(quality=quality), has_decoder) for quality in ("draft", "good", "best")
    )
    for a, b, c in zip(draft, good, best, strict=True):
        assert a.evaluations < b.evaluations < c.evaluations or (has_decoder and a.evaluations == c.evaluations == 0)
    assert draft[-1].evaluations < best[-1].evaluations


def test_what_the_decoder_draws_is_evaluated_at_the_last_scale_only() -> None:
    for strength in (1.0, 4.0):
        *drawn, last = plan((800, 600), PaintOptions(strength=strength))
        assert all(stage.is_decoded and stage.evaluations == 0 for stage in drawn)
        assert last.is_decoded
        assert last.evaluations == 12
    assert plan((800, 600), PaintOptions(size=512))[-1].evaluations == 14
    assert plan((800, 600), PaintOptions(size=512, quality="draft"))[-1].evaluations == 10
    assert plan((800, 600), PaintOptions(size=8192))[-1].evaluations == 0
    assert not any(stage.evaluations for stage in plan((800, 600), PaintOptions(preset="instant")))
    assert plan((800, 600), PaintOptions(preset="instant", iterations=7))[-1].evaluations == 7


@pytest.mark.parametrize(
    "asked",
    [{"pooling": "max"}, {"start": "noise"}, {"style_loss": "relative-gram"}, {"style_layers": {"relu5_1": 1.0}}],
)
def test_the_decoder_draws_only_what_it_knows(asked: dict[str, Any]) -> None:
    for options in (PaintOptions(**asked), PaintOptions(preset="instant", **asked)):
        planned = plan((800, 600), options)
        assert not any(stage.is_decoded for stage in planned)
        assert all(stage.evaluations for stage in planned)


def test_iterations_are_shared_over_the_stages_as_the_preset_does() -> None:
    usual = plan((800, 600), PaintOptions(), has_decoder=False)
    asked = plan((800, 600), PaintOptions(iterations=1000), has_decoder=False)
    assert sum(stage.evaluations for stage in asked) == pytest.approx(1000, abs=len(asked))
    ratios = [after.evaluations / before.evaluations for before, after in zip(usual, asked, strict=True)]
    assert max(ratios) == pytest.approx(min(ratios), rel=0.03)


def test_a_preset_without_a_pyramid_paints_at_its_size_only() -> None:
    (stage,) = plan((800, 600), PaintOptions(preset="gatys-2016", size=400))
    assert (stage.width, stage.height, stage.evaluations) == (400, 300, 500)
