"""The crux: a scene, an extractor and options in, a pastiche out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from worker.engine.brief import Brief
from worker.engine.descent.checkpoint import Checkpoint
from worker.engine.descent.detail import add_lost_detail
from worker.engine.descent.optimize import Moments, minimize
from worker.engine.doodle import grounded
from worker.engine.errors import CheckpointMismatchError
from worker.engine.finish import Finish, Picture
from worker.engine.graphs import captured
from worker.engine.images import in_floats, resized, shrunk, to_tensor
from worker.engine.memory.heap import frugal_heap
from worker.engine.memory.spill import Spill
from worker.engine.networks.extractors import Extractor
from worker.engine.objective import Workspace
from worker.engine.options import PaintOptions
from worker.engine.pyramid import Stage
from worker.engine.room import Layout, Room, layout
from worker.engine.scene import Scene
from worker.engine.style.cells import remove_grid
from worker.engine.style.match import Match
from worker.engine.style.patches import PatchMatch

# Numbers in an iterate above which checkpoints are written with half the bits.
HALVED_FROM = 2**24
# Evaluations that are made again after a break, because checkpoints leave out L-BFGS's history, which they would make
# many times as large; and numbers in an iterate above which they would take longer than it is worth.
REBUILT = 8
REBUILT_UP_TO = 2**22
# Noise, in [0, 1], where a pixel and those around it differ by less than a quarter of a level. Cells that are all the
# same are like none of a painting's more than another; what is made of them repeats itself, and evaluations go astray.
GRAIN_OF_THE_FLAT, FLAT = 0.02, 0.25 / 255


@dataclass(frozen=True)
class Iterate:
    """The painting after one evaluation, or within the next: where it stands in the plan, and the way to its pixels."""

    stage: int
    stages: int
    scale: int
    iteration: int
    iterations: int
    fraction: float
    _pixels: Tensor
    _match: Match | PatchMatch | None
    _finish: Finish
    _seed: int
    _plan: str

    def image(self, longest: int | None = None) -> Image.Image:
        """Render the iterate as an RGB picture, as it would look if it were finished now.

        It has the stage's own size, or a whole fraction of it that is about `longest` pixels long.
        """
        pixels = shrunk(self._pixels, longest) if longest else self._pixels
        return self._finish.preview(pixels).image()

    def picture(self) -> Picture:
        """The same at the stage's own size, strip by strip."""
        return self._finish.preview(self._pixels)

    def checkpoint(self) -> Checkpoint:
        """Copy what is needed to go on from here later."""
        dtype = torch.float16 if self._pixels.numel() > HALVED_FROM else torch.float32
        copy = self._pixels.detach().to("cpu", dtype, copy=True)
        entries = tuple(each.cpu() for each in self._match.entries) if self._match else ()
        return Checkpoint(copy, self.stage, self.iteration, self._seed, self._plan, entries=entries)


@dataclass(frozen=True)
class Pastiche:
    """The finished picture, or the newest iterate if the callback stopped the painting.

    `canvas` is what was painted, before any colours were kept or parts of the photo put back.
    """

    picture: Picture
    canvas: Picture
    stopped: bool


Callback = Callable[[Iterate], bool | None]


class _StoppedError(Exception):
    """The callback stopped the painting within an evaluation."""


def paint(
    scene: Scene,
    extractor: Extractor,
    options: PaintOptions = PaintOptions(),
    callback: Callback | None = None,
    resume: Checkpoint | None = None,
    room: Room | None = None,
) -> Pastiche:
    """Paint a scene, stage by stage, and return the pastiche.

    Each stage minimises α·content + β·style + smoothing over the pixels, starting from the last stage's iterate
    upscaled; where cells or patches are compared, they are matched first (style/match.py, style/patches.py), and the
    photo's detail that the last size had no room for is added. `callback` sees every evaluation, and every tile of one
    in tiles (which leaves the iterate as it is), and stops the painting by returning True. `resume` goes on from a
    checkpoint of the same scene and options. Where a stage does not fit into `room`, it is evaluated in tiles: to the
    same loss and gradient but for rounding, in up to twice the time.

    Source: Gatys et al., CVPR 2016, eq. 7 (see objective.py); the preset `studio` starts from the photo in the
    painting's colours, and climbs a pyramid as in Gatys et al., CVPR 2017 (arXiv 1611.07865), section 6.

    Raises:
        FingerprintMismatchError: a style was not made with `extractor`.
        EmptyMaskError: a mask leaves nothing to paint.
        CheckpointMismatchError: `resume` belongs to another plan.
        NotFiniteError: the optimisation diverged and could not be rescued.
        TooLargeError: it does not fit into `room`, however it is taken apart.
        OSError: the disk has no room for what memory has none for.
        ValueError: the options ask for layers that the extractor lacks, or for a start that the scene lacks.
    """
    scene.check(extractor, options)
    brief = scene.brief(options, extractor)
    scene = scene if brief.recipe.sees_photo else grounded(scene)
    finish, stages, method = Finish(scene, options), brief.stages, brief.method
    if resume and (resume.plan != brief.identity or resume.stage >= len(stages)):
        raise CheckpointMismatchError("The checkpoint is of another photo's size, other options or another version.")
    # The largest first: should it not fit, the error tells what it takes.
    layouts = [layout(brief, stage, room, len(scene.regions)) if room else Layout() for stage in reversed(stages)]
    first = resume.stage if resume else 0
    if resume:  # it stays as it is
        pixels = resume.iterate.to(extractor.device, torch.float32, copy=True)
    else:
        pixels = _start(finish.motif, scene, brief).to(extractor.device)
    moments, stopped = None, False
    watcher = _Watcher(brief, finish, callback)
    # Also while stages are painted that fit: what they leave in the heap would be missing later.
    with frugal_heap() if any(each.tile for each in layouts) else nullcontext():
        for index, stage in enumerate(stages[first:], first):
            skipped = _skipped(resume, stage) if resume and index == first else 0
            size = stage.size
            tile, scratch = layouts[-1 - index]
            spill = Spill(scratch) if scratch else None
            last = (pixels.shape[3], pixels.shape[2])
            pixels = pixels if last == size else resized(pixels, size)
            watcher.begin(index, skipped, pixels)
            evaluations, moments = stage.evaluations - skipped, _resized(moments, size)
            workspace = Workspace(tile, spill, watcher.within)
            objective = scene.objective(size, brief, finish.motif, workspace, evaluations > 0)
            if objective.is_matched:
                assert objective.photo is not None
                share = brief.photo_share(index)
                if index == 0 and not resume and brief.recipe.start == "photo":  # in the painting's colours
                    pixels = in_floats(objective.photo).to(extractor.device).contiguous()
                    watcher.newest = pixels = grained(pixels, brief.recipe.grain, options.seed)
                elif last != size and share and not stage.is_decoded:
                    add_lost_detail(pixels, objective.photo, last, share)
                known = resume.entries if resume and index == first else ()
                watcher.match = objective.match(pixels, share, options.seed, known)
                if stage.is_decoded and not known:
                    objective.draw(pixels, options.strength)
                    if evaluations:  # towards what is most like what was drawn
                        watcher.match = objective.match(pixels, share, options.seed)
                    stopped = watcher.after(0, pixels)
            if evaluations and not stopped:
                try:
                    pixels, moments, stopped = minimize(
                        pixels, captured(objective, pixels, evaluations), evaluations,
                        watcher.after, method, moments, spill,
                    )  # fmt: skip
                except _StoppedError:
                    pixels, stopped = watcher.newest, True
            if stage.is_decoded and stage.evaluations:  # which make another than the decoder did
                remove_grid(pixels)
            del objective  # the next one takes more
            if stopped:
                break
    return Pastiche(finish(pixels), finish.canvas(pixels), stopped)


class _Watcher:
    """Tells the callback where the painting stands.

    Attributes:
        newest: the iterate.
        match: what its cells were matched with in this stage.
    """

    newest: Tensor
    match: Match | PatchMatch | None

    def __init__(self, brief: Brief, finish: Finish, callback: Callback | None) -> None:
        self._brief, self._finish, self._callback = brief, finish, callback

    def begin(self, index: int, skipped: int, pixels: Tensor) -> None:
        """A stage begins, by its number, of which so many evaluations need not be made."""
        self._index, self._skipped, self._done = index, skipped, 0
        self.newest, self.match = pixels, None

    def after(self, done: int, newest: Tensor) -> bool:
        """After an evaluation; True stops."""
        self._done, self.newest = done, newest
        return self._show(0.0)

    def within(self, share: float) -> None:
        """Within an evaluation, of which this share is done.

        Raises:
            _StoppedError: the callback wants no more.
        """
        if share < 1 and self._show(share):
            raise _StoppedError

    def _show(self, share: float) -> bool:
        if self._callback is None:
            return False
        stages, iteration = self._brief.stages, self._skipped + self._done
        stage = stages[self._index]
        work = sum(each.work for each in stages[: self._index])
        work += stage.done(iteration + share)
        iterate = Iterate(
            self._index, len(stages), stage.scale, iteration, stage.evaluations,
            work / sum(each.work for each in stages), self.newest, self.match, self._finish,
            self._brief.options.seed, self._brief.identity,
        )  # fmt: skip
        return bool(self._callback(iterate))


def _skipped(resume: Checkpoint, stage: Stage) -> int:
    """The evaluations of a stage that need not be made again after a break within it."""
    if resume.iteration >= stage.evaluations or resume.iterate.numel() > REBUILT_UP_TO:
        return min(resume.iteration, stage.evaluations)
    return max(0, resume.iteration - REBUILT)


def _start(motif: Image.Image, scene: Scene, brief: Brief) -> Tensor:
    """The first iterate [1, 3, H, W] in [0, 1]."""
    size = brief.stages[0].size
    match brief.recipe.start:
        case "noise":
            return torch.rand(1, 3, size[1], size[0], generator=torch.Generator().manual_seed(brief.options.seed))
        case "grey":
            return to_tensor(motif.convert("L"), size)
        case "artwork":
            assert scene.start is not None
            return to_tensor(scene.start, size)
        case "photo":
            return to_tensor(motif, size)


def grained(pixels: Tensor, grain: float, seed: int) -> Tensor:
    """Pixels [1, 3, H, W] and noise of that standard deviation, in [0, 1], or of a little where they are flat."""
    around = F.pad(pixels, (1,) * 4, mode="reflect")
    variance = F.avg_pool2d(around.square(), 3, 1) - F.avg_pool2d(around, 3, 1).square()
    is_flat = variance.amax(1, keepdim=True) < FLAT**2
    deviation = torch.where(is_flat, max(grain, GRAIN_OF_THE_FLAT), grain)
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(seed)).to(pixels)
    return (pixels + deviation * noise).clamp_(0, 1)


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
