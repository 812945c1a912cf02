"""The crux: a scene, an extractor and options in, a pastiche out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from worker.engine.checkpoint import Checkpoint
from worker.engine.errors import CheckpointMismatchError
from worker.engine.extractors import Extractor
from worker.engine.finish import Finish
from worker.engine.images import resized, to_image, to_tensor
from worker.engine.optimize import Method, Moments, minimize
from worker.engine.options import PaintOptions, plan, recipe
from worker.engine.presets import Preset
from worker.engine.pyramid import Stage
from worker.engine.scene import Scene


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
    _finish: Finish
    _seed: int
    _plan: str

    def image(self) -> Image.Image:
        """Render the iterate as an RGB picture at the stage's own size, as it would look if it were finished now."""
        return self._finish.preview(to_image(self._pixels))

    def checkpoint(self) -> Checkpoint:
        """Copy what is needed to go on from here later."""
        return Checkpoint(self._pixels.detach().cpu().clone(), self.stage, self.iteration, self._seed, self._plan)


@dataclass(frozen=True)
class Pastiche:
    """The finished picture, or the newest iterate if the callback stopped the painting.

    `canvas` is what was painted, before any colours were kept or parts of the photo put back.
    """

    image: Image.Image
    canvas: Image.Image
    stopped: bool


Callback = Callable[[Iterate], bool | None]


def paint(
    scene: Scene,
    extractor: Extractor,
    options: PaintOptions = PaintOptions(),
    callback: Callback | None = None,
    resume: Checkpoint | None = None,
) -> Pastiche:
    """Paint a scene, stage by stage, and return the pastiche.

    Each stage minimises α·content + β·style + smoothing over the pixels, starting from the last stage's iterate
    upscaled. `callback` sees every evaluation and stops the painting by returning True. `resume` goes on from a
    checkpoint of the same scene and options.

    Source: Gatys et al., CVPR 2016, eq. 7 (see objective.py); the preset `studio` starts from the photo instead of
    white noise, and climbs a pyramid as in Gatys et al., CVPR 2017 (arXiv 1611.07865), section 6.

    Raises:
        FingerprintMismatchError: a style was not made with `extractor`.
        EmptyMaskError: a mask leaves nothing to paint.
        CheckpointMismatchError: `resume` belongs to another plan.
        NotFiniteError: the optimisation diverged and could not be rescued.
        ValueError: the options ask for layers that the extractor lacks, or for a start that the scene lacks.
    """
    scene.check(extractor, options)
    wanted = recipe(options)
    finish = Finish(scene, options)
    stages = plan(scene.photo.size, options)
    identity = repr((scene.photo.size, sorted(asdict(options).items())))
    if resume and (resume.plan != identity or resume.stage >= len(stages)):
        raise CheckpointMismatchError("The checkpoint belongs to another photo's size or other options.")
    total_work = sum(stage.work for stage in stages)
    first = resume.stage if resume else 0
    done_work = sum(stage.work for stage in stages[:first])
    pixels = resume.iterate if resume else _start(finish.motif, scene, stages[0], wanted, options.seed)
    pixels, moments = pixels.to(extractor.device), None

    for index, stage in enumerate(stages[first:], first):
        skipped = resume.iteration if resume and index == first else 0
        size = (stage.width, stage.height)
        pixels = resized(pixels, size) if not skipped else pixels

        def after(done: int, pixels: Tensor) -> bool:
            iteration = skipped + done  # noqa: B023 - called only within this turn of the loop
            work = done_work + stage.work * iteration / stage.evaluations  # noqa: B023
            iterate = Iterate(
                index, len(stages), stage.scale, iteration, stage.evaluations, work / total_work,  # noqa: B023
                pixels, finish, options.seed, identity,
            )  # fmt: skip
            return bool(callback and callback(iterate))

        objective = scene.objective(size, options, extractor, finish.motif)
        minimum = minimize(
            pixels, objective, stage.evaluations - skipped, after, _method(wanted, options), _resized(moments, size)
        )
        pixels, moments = minimum.pixels, minimum.moments
        if minimum.stopped:
            break
        done_work += stage.work
    canvas = to_image(pixels)
    return Pastiche(finish(canvas), canvas, minimum.stopped)


def _start(motif: Image.Image, scene: Scene, stage: Stage, recipe: Preset, seed: int) -> Tensor:
    """The first iterate [1, 3, H, W] in [0, 1]."""
    size = (stage.width, stage.height)
    generator = torch.Generator().manual_seed(seed)
    shape = (1, 3, stage.height, stage.width)
    match recipe.start:
        case "noise":
            return torch.rand(shape, generator=generator)
        case "grey":
            return to_tensor(motif.convert("L"), size)
        case "artwork":
            assert scene.start is not None
            return to_tensor(scene.start, size)
        case "photo":
            noise = recipe.start_noise * torch.randn(shape, generator=generator)
            return (to_tensor(motif, size) + noise).clamp(0, 1)


def _method(recipe: Preset, options: PaintOptions) -> Method:
    return Method(
        recipe.optimizer, recipe.learning_rate, recipe.average, recipe.bounds,
        recipe.gradient_tolerance, options.min_improvement,
    )  # fmt: skip


def _resized(moments: Moments | None, size: tuple[int, int]) -> Moments | None:
    """Adam's moments on a finer grid: the next stage goes on as fast as the last one ended.

    Source: crowsonkb/style-transfer-pytorch: the squares bilinearly, because bicubic ones could become negative.
    """
    if moments is None:
        return None
    grid = (size[1], size[0])
    first = F.interpolate(moments.first, grid, mode="bicubic", align_corners=False)
    second = F.interpolate(moments.second, grid, mode="bilinear", align_corners=False).clamp_min(0)
    return Moments(first, second, moments.steps)
