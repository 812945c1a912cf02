"""The crux: a photo, a fingerprint and options in, a pastiche out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from PIL import Image
from torch import Tensor

from worker.engine.checkpoint import Checkpoint
from worker.engine.errors import CheckpointMismatchError
from worker.engine.extractors import Extractor
from worker.engine.fingerprint import Fingerprint
from worker.engine.images import resized, to_image, to_tensor, with_colors_of
from worker.engine.objective import STYLE_WEIGHT, TV_WEIGHT, Objective
from worker.engine.optimize import minimize
from worker.engine.pyramid import Quality, Stage, plan

# What the seed varies: soft noise on the first, coarsest stage. Enough for another composition of strokes.
START_NOISE = 0.05

LIMITS = {"size": (256, 2048), "strength": (0.1, 10.0), "brush": (0.25, 4.0), "smoothing": (0.0, 10.0)}


@dataclass(frozen=True)
class PaintOptions:
    """How to paint.

    Attributes:
        size: longest side of the pastiche in pixels, 256 to 2048.
        strength: factor on the style weight, 0.1 to 10; 1 keeps the subject and shows the strokes.
        brush: the painting's scale against the photo's, 0.25 to 4; 2 paints with strokes twice as large.
        smoothing: factor on the total-variation weight, 0 to 10.
        seed: any integer from 0; another seed is another hand.
        keep_colors: the photo's colours instead of the painting's.
        quality: share of the planned evaluations, `draft`, `good` or `best`.

    Raises:
        ValueError: an option is out of its range.
    """

    size: int = 512
    strength: float = 1.0
    brush: float = 1.0
    smoothing: float = 1.0
    seed: int = 0
    keep_colors: bool = False
    quality: Quality = "good"

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}, but must be from {low} to {high}")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, but must not be negative")


@dataclass(frozen=True)
class Iterate:
    """The painting after one evaluation: where it stands in the plan, and the way to its pixels."""

    stage: int
    stages: int
    scale: int
    iteration: int
    iterations: int
    fraction: float
    _pixels: Tensor
    _photo: Image.Image
    _options: PaintOptions
    _plan: str

    def image(self) -> Image.Image:
        """Render the iterate as an RGB picture at the stage's own size."""
        return _rendered(self._pixels, self._photo, self._options)

    def checkpoint(self) -> Checkpoint:
        """Copy what is needed to go on from here later."""
        return Checkpoint(
            self._pixels.detach().cpu().clone(), self.stage, self.iteration, self._options.seed, self._plan
        )


@dataclass(frozen=True)
class Pastiche:
    """The finished picture, or the newest iterate if the callback stopped the painting."""

    image: Image.Image
    stopped: bool


Callback = Callable[[Iterate], bool | None]


def paint(
    photo: Image.Image,
    style: Fingerprint,
    extractor: Extractor,
    options: PaintOptions = PaintOptions(),
    callback: Callback | None = None,
    resume: Checkpoint | None = None,
) -> Pastiche:
    """Paint `photo` (RGB) in `style`, coarse to fine, and return the pastiche.

    Each stage minimises α·content + β·style + smoothing over the pixels, starting from the last stage's iterate
    upscaled (the first: from the photo). `callback` sees every evaluation and stops the painting by returning True.
    `resume` goes on from a checkpoint of the same photo, style and options.

    Source: Gatys et al., CVPR 2016, eq. 7 (see objective.py), with the photo instead of white noise as the start, and
    a pyramid as in Gatys et al., CVPR 2017 (arXiv 1611.07865), section 6.

    Raises:
        FingerprintMismatchError: `style` was not made with `extractor`.
        CheckpointMismatchError: `resume` belongs to another plan.
        NotFiniteError: the optimisation diverged and could not be rescued.
    """
    style.check(extractor)
    stages = plan(photo.size, options.size, options.quality)
    identity = repr((photo.size, sorted(asdict(options).items())))
    if resume and (resume.plan != identity or resume.stage >= len(stages)):
        raise CheckpointMismatchError("The checkpoint belongs to another photo's size or other options.")
    total_work = sum(stage.work for stage in stages)
    first = resume.stage if resume else 0
    done_work = sum(stage.work for stage in stages[:first])
    pixels = resume.iterate.to(extractor.device) if resume else _start(photo, stages[0], options, extractor.device)

    for index, stage in enumerate(stages[first:], first):
        skipped = resume.iteration if resume and index == first else 0
        pixels = resized(pixels, (stage.width, stage.height)) if not skipped else pixels
        stopped = False

        def after(done: int, pixels: Tensor) -> bool:
            nonlocal stopped
            iteration = skipped + done  # noqa: B023 - called only within this turn of the loop
            work = done_work + stage.work * iteration / stage.evaluations  # noqa: B023
            iterate = Iterate(
                index, len(stages), stage.scale, iteration, stage.evaluations, work / total_work,  # noqa: B023
                pixels, photo, options, identity,
            )  # fmt: skip
            stopped = bool(callback and callback(iterate))
            return stopped

        objective = Objective(
            style.at(stage.scale * options.brush), extractor,
            STYLE_WEIGHT * options.strength, TV_WEIGHT * options.smoothing, photo, (stage.width, stage.height),
        )  # fmt: skip
        pixels = minimize(pixels, objective, stage.evaluations - skipped, after)
        if stopped:
            return Pastiche(_rendered(pixels, photo, options), stopped=True)
        done_work += stage.work
    return Pastiche(_rendered(pixels, photo, options), stopped=False)


def _start(photo: Image.Image, stage: Stage, options: PaintOptions, device: torch.device) -> Tensor:
    pixels = to_tensor(photo, (stage.width, stage.height))
    generator = torch.Generator().manual_seed(options.seed)
    noise = torch.randn(pixels.shape, generator=generator)
    return (pixels + START_NOISE * noise).clamp(0, 1).to(device)


def _rendered(pixels: Tensor, photo: Image.Image, options: PaintOptions) -> Image.Image:
    image = to_image(pixels)
    return with_colors_of(image, photo) if options.keep_colors else image
