"""The plan of a painting: which scales, and how many evaluations at each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from worker.engine.images import fitted_size

Quality = Literal["draft", "good", "best"]

SMALLEST_SCALE = 128
# About √2, the usual step; but two of those are exactly 2, and the poolings' cells of all stages then have borders in
# common, along which faint steps of each stage add up to edges.
STEP = 1.43
EFFORT: dict[Quality, float] = {"draft": 0.4, "good": 1.0, "best": 2.0}


class Stage(NamedTuple):
    """One step of the pyramid: `scale` is the longest side in pixels, `width` × `height` the picture at it."""

    scale: int
    width: int
    height: int
    evaluations: int

    @property
    def work(self) -> float:
        """Megapixel-evaluations, the unit in which time is linear."""
        return self.evaluations * self.width * self.height / 1e6


def scales(longest: int) -> list[int]:
    """Scales from SMALLEST_SCALE to `longest` in steps of STEP; the last is always `longest` itself.

    A rest of less than a quarter of a step is not worth a stage of its own.
    """
    found = [longest]
    scale = float(SMALLEST_SCALE)
    below = []
    while scale * STEP**0.25 < longest:
        below.append(round(scale))
        scale *= STEP
    return below + found


def stages(
    photo_size: tuple[int, int], longest: int, pyramid: bool, evaluations: Sequence[int], effort: float = 1.0
) -> list[Stage]:
    """Stages for a photo of `photo_size` (width, height) painted at `longest` pixels on its longer side.

    `evaluations` are those of each stage from the coarsest, times `effort`; the last holds for all that follow. Without
    `pyramid` there is one stage only, at the full size.
    """
    planned = []
    for index, scale in enumerate(scales(longest) if pyramid else [longest]):
        width, height = fitted_size(photo_size, scale)
        count = evaluations[min(index, len(evaluations) - 1)]
        planned.append(Stage(scale, width, height, max(1, round(count * effort))))
    return planned
