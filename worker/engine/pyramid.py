"""The plan of a painting: which scales, and how many evaluations at each."""

from __future__ import annotations

from typing import Literal, NamedTuple

from worker.engine.images import fitted_size

Quality = Literal["draft", "good", "best"]

SMALLEST_SCALE = 128
STEP = 2**0.5
# Composition and strokes are decided while pixels are cheap; fine stages only sharpen what is there.
EVALUATIONS = (110, 60, 50, 42, 36, 30, 24, 20, 16)
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
    """Scales from SMALLEST_SCALE to `longest` in steps of √2; the last is always `longest` itself.

    A rest of less than a quarter of a step is not worth a stage of its own.
    """
    found = [longest]
    scale = float(SMALLEST_SCALE)
    below = []
    while scale * STEP**0.25 < longest:
        below.append(round(scale))
        scale *= STEP
    return below + found


def plan(photo_size: tuple[int, int], longest: int, quality: Quality = "good") -> list[Stage]:
    """Stages for a photo of `photo_size` (width, height) painted at `longest` pixels on its longer side."""
    stages = []
    for index, scale in enumerate(scales(longest)):
        width, height = fitted_size(photo_size, scale)
        evaluations = EVALUATIONS[min(index, len(EVALUATIONS) - 1)]
        stages.append(Stage(scale, width, height, max(1, round(evaluations * EFFORT[quality]))))
    return stages


def planned_work(photo_size: tuple[int, int], longest: int, quality: Quality = "good") -> float:
    """Megapixel-evaluations of the whole plan."""
    return sum(stage.work for stage in plan(photo_size, longest, quality))
