"""How much work and memory a painting takes, so that both can be told before it starts.

The engine knows exactly; the front end must not import it, so this repeats its plan, and a test holds the two together.
"""

from __future__ import annotations

from app.jobs.memory import painting_bytes

SMALLEST_SCALE = 128
STEP = 2**0.5
EVALUATIONS = (110, 60, 50, 42, 36, 30, 24, 20, 16)
EFFORT = {"draft": 0.4, "good": 1.0, "best": 2.0}
LIBRARIES_BYTES = 0.8e9  # of a worker, with its weights, before the first pixel
SIZE_STEP = 128


def planned_work(photo_size: tuple[int, int], longest: int, quality: str) -> float:
    """Megapixel-evaluations of painting a photo of (width, height) pixels at `longest` pixels on its longer side."""
    width, height = photo_size
    aspect = min(width, height) / max(width, height)
    work = 0.0
    for index, scale in enumerate([*below(longest), longest]):
        evaluations = EVALUATIONS[min(index, len(EVALUATIONS) - 1)]
        work += max(1, round(evaluations * EFFORT[quality])) * scale * scale * aspect / 1e6
    return work


def below(longest: int) -> list[int]:
    """The scales that come before the last one."""
    scales = []
    scale = float(SMALLEST_SCALE)
    while scale * STEP**0.25 < longest:
        scales.append(round(scale))
        scale *= STEP
    return scales


def memory_bytes(photo_size: tuple[int, int], longest: int, extractor: str) -> float:
    """Bytes that a worker holds at most while it paints. `auto` is taken for compact, which is what it mostly is."""
    width, height = photo_size
    aspect = min(width, height) / max(width, height)
    name = "compact" if extractor == "auto" else extractor
    return LIBRARIES_BYTES + painting_bytes(longest * longest * aspect, name)


def largest_size(photo_size: tuple[int, int], memory: float, extractor: str) -> int:
    """Pixels on the longer side for which `memory` bytes are enough, in steps of SIZE_STEP; 0 where nothing fits."""
    sizes = range(SIZE_STEP, 64 * SIZE_STEP, SIZE_STEP)
    return max((size for size in sizes if memory_bytes(photo_size, size, extractor) <= memory), default=0)
