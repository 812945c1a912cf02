"""The plan of a painting: which scales, and how many evaluations at each."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from worker.engine.images import fitted_size

Quality = Literal["draft", "good", "best"]

ROUND = 0.6
# What an evaluation takes at any size, in megapixels, and what comes before a stage's first one, in evaluations:
# measuring the photo, and matching; and drawing, where that is decoded.
OVERHEAD, BEFORE, BEFORE_DECODED = 0.008, 2.3, 3.0
# What matching patches comes to beside it, of pictures of so many megapixels and more; of smaller ones, in proportion:
# they have fewer patches to be compared with.
PATCHES, ALL_PATCHES_FROM = 12.0, 0.065
# Evaluations below which what was drawn is not made better: L-BFGS goes astray before it knows the way.
LEAST_REFINEMENT = 10
EFFORT: dict[Quality, float] = {"draft": 0.4, "good": 1.0, "best": 2.0}


class Pyramid(NamedTuple):
    """From which scale up a picture is painted, and by what factor each is larger than the one before."""

    smallest: int
    step: float


# About √2, the usual step; but two of those are exactly 2, and the poolings' cells of all stages then have borders in
# common, along which faint steps of each stage add up to edges.
ROOT_OF_TWO = Pyramid(128, 1.43)


class Stage(NamedTuple):
    """One step of the plan: `scale` is the longest side in pixels, `width` × `height` the picture at it.

    `round` counts from 0 the stages of the same scale; `is_decoded` says whether the decoder draws it first, and
    `matches_patches` whether patches are matched first.
    """

    scale: int
    width: int
    height: int
    evaluations: int
    round: int = 0
    is_decoded: bool = False
    matches_patches: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height

    @property
    def work(self) -> float:
        """Megapixel-evaluations, with all that a stage takes beside them: the unit in which time is linear."""
        return self.done(self.evaluations)

    def done(self, evaluations: float) -> float:
        """The same after so many evaluations."""
        megapixels = self.width * self.height / 1e6
        before = BEFORE_DECODED if self.is_decoded else BEFORE
        before += PATCHES * min(1.0, megapixels / ALL_PATCHES_FROM) if self.matches_patches else 0.0
        return (before + evaluations) * (OVERHEAD + megapixels)


def between(known: Collection[int], scale: float) -> list[tuple[int, float]]:
    """The one or two of the `known` scales that stand for any scale, with shares that are linear in its logarithm.

    Beyond both ends it is the nearest end.
    """
    scale = min(max(scale, min(known)), max(known))
    above, below = min(each for each in known if each >= scale), max(each for each in known if each <= scale)
    if above == below:
        return [(above, 1.0)]
    share = math.log(scale / below) / math.log(above / below)
    return [(below, 1 - share), (above, share)]


def scales(longest: int, pyramid: Pyramid | None) -> list[int]:
    """Scales from the pyramid's smallest to `longest` in its steps; the last is always `longest` itself.

    A rest of less than a quarter of a step is not worth a stage of its own. Without a pyramid there is only the last.
    """
    below: list[int] = []
    if pyramid:
        scale = float(pyramid.smallest)
        while scale * pyramid.step**0.25 < longest:
            below.append(round(scale))
            scale *= pyramid.step
    return [*below, longest]


class Schedule(NamedTuple):
    """How a painting is worked coarse to fine.

    Attributes:
        pyramid: which scales come before the last; None if none do.
        evaluations: of each scale from the coarsest; the last number holds for all that follow.
        effort: factor on them.
        rounds: of each scale, its stages, each of which takes ROUND of the evaluations if there are several; the last
            number holds for all that follow.
        refinement: where the last stage alone has evaluations, how many, by its scale's place.
        iterations: how many evaluations there are to be in all, if that is asked.
        matches_patches: whether each stage does, before its first evaluation.
    """

    pyramid: Pyramid | None
    evaluations: Sequence[int]
    effort: float = 1.0
    rounds: Sequence[int] = (1,)
    refinement: Sequence[int] | None = None
    iterations: int | None = None
    matches_patches: bool = False


def stages(photo_size: tuple[int, int], longest: int, schedule: Schedule) -> list[Stage]:
    """Stages for a photo of `photo_size` (width, height) painted at `longest` pixels on its longer side."""
    pyramid, evaluations, effort, rounds, refinement, iterations, patches = schedule
    planned = []
    climbed = scales(longest, pyramid)
    for index, scale in enumerate(climbed):
        width, height = fitted_size(photo_size, scale)
        count, times = (each[min(index, len(each) - 1)] for each in (evaluations, rounds))
        count = 0 if refinement is not None else max(1, round(count * effort * (ROUND if times > 1 else 1)))
        planned += [
            Stage(scale, width, height, count, number, refinement is not None, patches) for number in range(times)
        ]
    if refinement is not None:
        count = refinement[min(len(climbed), len(refinement)) - 1]
        count = max(LEAST_REFINEMENT, round(count * effort)) if count else 0
        planned[-1] = planned[-1]._replace(evaluations=count if iterations is None else iterations)
    elif iterations is not None:
        ratio = iterations / sum(stage.evaluations for stage in planned)
        planned = [stage._replace(evaluations=max(1, round(stage.evaluations * ratio))) for stage in planned]
    return planned
