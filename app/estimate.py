"""How much work and memory a painting takes, so that both can be told before it starts.

The engine knows exactly; the front end must not import it, so this repeats its plan, and a test holds the two together.
"""

from __future__ import annotations

from app.jobs.memory import painting_bytes
from app.jobs.options import PaintingOptions, Preset, Quality

SMALLEST_SCALE = 128
STEP = 1.43
LEAST_SIDE = 32
# Of each preset: whether it climbs a pyramid, and the evaluations of each stage from the coarsest; the last number
# holds for all that follow.
SCHEDULES: dict[Preset, tuple[bool, tuple[int, ...]]] = {
    "studio": (True, (64, 28, 18, 13, 11, 10, 9, 8, 7)),
    "gatys-2015": (False, (500,)),
    "gatys-2016": (False, (500,)),
    "gatys-code": (False, (500,)),
    "seed": (False, (500,)),
    "inetwork-as-shipped": (False, (200,)),
    "inetwork-paper": (False, (200,)),
    "multiscale-w2": (True, (1000, 500)),
}
EFFORT: dict[Quality, float] = {"draft": 0.4, "good": 1.0, "best": 2.0}
LIBRARIES_BYTES = 0.8e9  # of a worker, with its weights, before the first pixel
SIZE_STEP = 128


def planned_work(
    photo_size: tuple[int, int],
    longest: int,
    quality: Quality,
    preset: Preset = "studio",
    iterations: int | None = None,
) -> float:
    """Megapixel-evaluations of painting a photo of (width, height) pixels at `longest` pixels on its longer side.

    `iterations` are all evaluations together, where they are not left to preset and quality.
    """
    aspect = min(photo_size) / max(photo_size)
    is_pyramid, evaluations = SCHEDULES[preset]
    scales = [*below(longest), longest] if is_pyramid else [longest]
    planned = (evaluations[min(index, len(evaluations) - 1)] * EFFORT[quality] for index in range(len(scales)))
    counts = [max(1, round(count)) for count in planned]
    if iterations is not None:
        ratio = iterations / sum(counts)
        counts = [max(1, round(count * ratio)) for count in counts]
    painted = [widened(scale, aspect) for scale in scales]
    return sum(count * scale * scale for count, scale in zip(counts, painted, strict=True)) * aspect / 1e6


def work_of(photo_size: tuple[int, int], options: PaintingOptions) -> float:
    """Megapixel-evaluations of painting a photo of (width, height) pixels with these options."""
    return planned_work(photo_size, options.size, options.quality, options.preset, options.iterations)


def widened(longest: float, aspect: float) -> float:
    """The longer side at which a picture is painted so that its shorter one is no less than LEAST_SIDE."""
    return max(longest, LEAST_SIDE / aspect)


def below(longest: int) -> list[int]:
    """The scales that come before the last one."""
    scales = []
    scale = float(SMALLEST_SCALE)
    while scale * STEP**0.25 < longest:
        scales.append(round(scale))
        scale *= STEP
    return scales


def memory_bytes(photo_size: tuple[int, int], longest: int, extractor: str) -> float:
    """Bytes that a worker needs at least while it paints, whatever else is asked. `auto` is taken for compact, which is
    what it mostly is.
    """
    aspect = min(photo_size) / max(photo_size)
    name = "compact" if extractor == "auto" else extractor
    return LIBRARIES_BYTES + painting_bytes(widened(longest, aspect) ** 2 * aspect, name)


def largest_size(photo_size: tuple[int, int], memory: float, extractor: str) -> int:
    """Pixels on the longer side for which `memory` bytes are enough, in steps of SIZE_STEP; 0 where nothing fits."""
    sizes = range(SIZE_STEP, 64 * SIZE_STEP, SIZE_STEP)
    return max((size for size in sizes if memory_bytes(photo_size, size, extractor) <= memory), default=0)
