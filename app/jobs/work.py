"""How much work and memory a painting takes, so that both can be told before it starts.

The engine knows the work exactly; the front end must not import it, so this repeats its plan, and a test holds the two
together. By the memory the front end refuses at once, and the worker admits; what has more is painted faster, see
docs/architecture.md, "Print size". Measured with `python -m benchmarks.scaling`.
"""

from __future__ import annotations

from typing import NamedTuple

from app.jobs.models import Manner
from app.jobs.options import BOUND, PaintingOptions, Preset, Quality, StyleLoss


class Pyramid(NamedTuple):
    """From which scale up a picture is painted, and by what factor each is larger than the one before."""

    smallest: int
    step: float


ROOT_OF_TWO, DOUBLING, DOUBLING_FROM_128 = Pyramid(128, 1.43), Pyramid(64, 2.0), Pyramid(128, 2.0)
LEAST_SIDE = 32
# Of each preset: the pyramid that it climbs, and the evaluations of each scale from the coarsest; the last number holds
# for all that follow.
SCHEDULES: dict[Preset, tuple[Pyramid | None, tuple[int, ...]]] = {
    "studio": (DOUBLING, (50, 40, 30, 25, 20, 12, 6, 3)),
    "instant": (DOUBLING, (20, 16, 12, 10, 8, 5, 3, 2)),
    "doodle": (DOUBLING, (40, 40, 30, 25, 20, 12, 6, 3)),
    "mrf": (DOUBLING_FROM_128, (42, 34, 25, 12, 6, 3)),
    "gatys-2015": (None, (500,)),
    "gatys-2016": (None, (500,)),
    "gatys-code": (None, (500,)),
    "seed": (None, (500,)),
    "inetwork-as-shipped": (None, (200,)),
    "inetwork-paper": (None, (200,)),
    "multiscale-w2": (ROOT_OF_TWO, (1000, 500)),
}
# Where a network draws each scale, only the last one has evaluations: so many, by its place from the coarsest.
REFINEMENTS: dict[Preset, tuple[int, ...]] = {
    "studio": (14, 14, 14, 14, 12, 10, 10, 0),
    "instant": (0,),
    "doodle": (14, 14, 14, 14, 12, 10, 10, 0),
}
LEAST_REFINEMENT = 10
# Where the studio is stronger than this, small scales are painted several times, with this share of the evaluations.
FREE_ABOVE, FREE_ROUNDS, ROUND = 2.0, (3, 3, 2, 1), 0.6
# Of a doodle, which begins from noise, and of patches, which are matched anew now and then, at any strength.
PRESETS_ROUNDS: dict[Preset, tuple[int, ...]] = {"doodle": (4, 3, 2, 2, 1), "mrf": (4, 3, 2, 1)}
# What an evaluation takes at any size, in megapixels, and what comes before a stage's first one, in evaluations; and
# where that is drawn.
OVERHEAD, BEFORE, BEFORE_DECODED = 0.008, 2.3, 3.0
# What matching patches comes to beside it, from so many megapixels on; below in proportion.
PATCHES, ALL_PATCHES_FROM = 12.0, 0.065
# Of a network that was trained for one painting: the options that say something to it, the others being of an
# optimisation; and what its pass takes, in evaluations: of 1024 pixels 0.8 s where the studio takes 6.3 (`compact`, one
# core of an EPYC, 30 November 2026).
NETWORK_OPTIONS = ("size", "keep_colors", "color_method", "feather", "output_size", "resample")
PASS = 2.0
EFFORT: dict[Quality, float] = {"draft": 0.4, "good": 1.0, "best": 2.0}
# Of each pixel of the largest scale, while it begins: the iterate, the last one, the photo at both sizes, a channel of
# each in floats. Afterwards it is half of that.
BYTES_A_PIXEL = 30
# Activations and gradients of the smallest tile, with two bytes each.
TILE_BYTES = {"compact": 60e6, "vgg19": 220e6, "vgg16": 200e6}
LIBRARIES_BYTES = 0.8e9  # of a worker, with its weights, before the first pixel
SIZE_STEP = 128


def planned_work(
    photo_size: tuple[int, int],
    longest: int,
    quality: Quality,
    preset: Preset = "studio",
    iterations: int | None = None,
    strength: float = 1.0,
    is_decoded: bool = True,
    matches_patches: bool | None = None,
) -> float:
    """Megapixel-evaluations of painting a photo of (width, height) pixels at `longest` pixels on its longer side.

    `iterations` are all evaluations together, where they are not left to preset and quality; `is_decoded` is whether
    the network draws what it can, `matches_patches` whether the style loss compares patches, where that is not the
    preset's own.
    """
    aspect = min(photo_size) / max(photo_size)
    pyramid, evaluations = SCHEDULES[preset]
    refinement = REFINEMENTS.get(preset) if is_decoded else None
    rounds: tuple[int, ...] = FREE_ROUNDS if preset in REFINEMENTS and strength > FREE_ABOVE else (1,)
    rounds = PRESETS_ROUNDS.get(preset, rounds)
    scales: list[int] = []
    counts: list[int] = []
    climbed = [*below(longest, pyramid), longest] if pyramid else [longest]
    for index, scale in enumerate(climbed):
        count, times = (each[min(index, len(each) - 1)] for each in (evaluations, rounds))
        scales += [scale] * times
        counts += [max(1, round(count * EFFORT[quality] * (ROUND if times > 1 else 1)))] * times
    if refinement:
        last = refinement[min(len(climbed), len(refinement)) - 1]
        counts = [0] * (len(counts) - 1) + [max(LEAST_REFINEMENT, round(last * EFFORT[quality])) if last else 0]
        counts[-1] = counts[-1] if iterations is None else iterations
    elif iterations is not None:
        ratio = iterations / sum(counts)
        counts = [max(1, round(count * ratio)) for count in counts]
    megapixels = [widened(scale, aspect) ** 2 * aspect / 1e6 for scale in scales]
    before = BEFORE_DECODED if refinement else BEFORE
    more = PATCHES if (preset == "mrf" if matches_patches is None else matches_patches) else 0.0
    return sum(
        (before + more * min(1.0, each / ALL_PATCHES_FROM) + count) * (OVERHEAD + each)
        for count, each in zip(counts, megapixels, strict=True)
    )


def work_of(photo_size: tuple[int, int], options: PaintingOptions) -> float:
    """Megapixel-evaluations of painting a photo of (width, height) pixels with these options."""
    return planned_work(
        photo_size, options.size, options.quality, options.preset, options.iterations, options.strength,
        is_decoded(options), style_loss(options) == "mrf",
    )  # fmt: skip


def passed_work(photo_size: tuple[int, int], longest: int) -> float:
    """Megapixel-evaluations of one pass of a painting's network over a photo of (width, height) pixels.

    It is as a whole; in tiles, where a worker has little memory, a pass takes up to eight times that.
    """
    aspect = min(photo_size) / max(photo_size)
    return PASS * (OVERHEAD + widened(longest, aspect) ** 2 * aspect / 1e6)


def suits_network(wish: Manner) -> bool:
    """Whether the network of its painting, where that has one, can do all that is asked."""
    one, *others = wish.styles
    fields = [name for name in PaintingOptions.model_fields if name not in NETWORK_OPTIONS]
    usual = PaintingOptions()
    asks_more = others or one.mask or one.part or wish.extractor != "auto"
    return not asks_more and all(getattr(wish, name) == getattr(usual, name) for name in fields)


def is_decoded(options: PaintingOptions) -> bool:
    """Whether the network draws what the studio matches: it knows its cells alone, and only under average pooling, and
    begins with the photo.
    """
    knows = style_loss(options) in ("nearest", "nearest-and-gram") and options.pooling in (None, "average")
    return knows and options.start in (None, "photo")


def style_loss(options: PaintingOptions) -> StyleLoss:
    """The style loss of a preset that compares cells or patches; of any other it is only known that it is not mrf."""
    own: StyleLoss = "mrf" if options.preset == "mrf" else "nearest"
    layers = {layer for layer, weight in (options.style_layers or {}).items() if weight}
    return options.style_loss or ("relative-gram" if layers - set(BOUND[own]) else own)


def widened(longest: float, aspect: float) -> float:
    """The longer side at which a picture is painted so that its shorter one is no less than LEAST_SIDE."""
    return max(longest, LEAST_SIDE / aspect)


def below(longest: int, pyramid: Pyramid) -> list[int]:
    """The scales that come before the last one."""
    scales = []
    scale = float(pyramid.smallest)
    while scale * pyramid.step**0.25 < longest:
        scales.append(round(scale))
        scale *= pyramid.step
    return scales


def painting_bytes(pixels: float, extractor: str, itemsize: int = 2) -> int:
    """Bytes that a painting of so many pixels takes with activations of `itemsize` bytes, without what every painting
    takes. An extractor that is not known counts as the largest.
    """
    tile = TILE_BYTES.get(extractor, max(TILE_BYTES.values()))
    return int(pixels * BYTES_A_PIXEL + tile * itemsize / 2)


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
