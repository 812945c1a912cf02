"""Nearness against seconds: the default, the textbook, and the default with one thing taken away or changed at a time.

Each variant paints the same pairs; `near` to `flat` are the judge's (benchmarks/quality.py), which is another network.
A variant earns its place if none is both faster and closer.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.measure import MODELS, SHARED, STYLES, machine, measured, shared_pictures
from benchmarks.quality import load_judge
from worker import engine
from worker.engine.descent.optimize import Minimum
from worker.engine.presets import PRESETS
from worker.engine.pyramid import Quality
from worker.engine.style.match import Matching

PAIRS = [("portrait_barista", "the_scream"), ("tubingen", "great_wave"), ("cat_calico", "starry_night")]
SIZE = 512
SAME_SECONDS_AT_ONE_SIZE = 15  # evaluations at 512 pixels that take as long as the default does
EVALUATED: dict[str, Any] = {"refinement": None}  # without the decoder


@dataclass(frozen=True)
class Variant:
    """A way to paint: what of the default is otherwise, and what of the engine is replaced meanwhile."""

    name: str
    preset: dict[str, Any]
    quality: Quality = "good"
    instead: Callable[[], AbstractContextManager[Any]] = nullcontext


@contextmanager
def line_search() -> Iterator[None]:
    """Torch's L-BFGS, which searches along each direction for a point that satisfies the strong Wolfe conditions."""

    def minimize(
        iterate: Tensor,
        objective: Callable[[Tensor], Tensor],
        evaluations: int,
        after: Callable[[int, Tensor], bool],
        *_rest: object,
    ) -> Minimum:
        pixels = iterate.clone().requires_grad_(True)
        optimizer = torch.optim.LBFGS(
            [pixels], max_iter=evaluations, max_eval=evaluations, history_size=20, tolerance_grad=0,
            tolerance_change=0, line_search_fn="strong_wolfe",
        )  # fmt: skip

        def evaluate() -> Tensor:
            optimizer.zero_grad()
            loss = objective(pixels)
            loss.backward()
            return loss

        optimizer.step(evaluate)
        after(evaluations, pixels.detach())
        return Minimum(pixels.detach(), None, False)

    with patch.object(import_module("worker.engine.paint"), "minimize", minimize):
        yield


def without_lost_detail() -> AbstractContextManager[Any]:
    """Finer stages begin with the last one's iterate as it is."""
    return patch.object(import_module("worker.engine.paint"), "add_lost_detail", lambda *_: None)


def adam(steps: float) -> dict[str, Any]:
    """Adam, its moments carried on, with `steps` times the default's evaluations, which are all there are."""
    evaluations = tuple(round(steps * each) for each in PRESETS["studio"].evaluations)
    return EVALUATED | {"optimizer": "adam", "learning_rate": 0.02, "evaluations": evaluations}


VARIANTS = [
    Variant("default", {}),
    Variant("draft", {}, "draft"),
    Variant("best", {}, "best"),
    Variant("the decoder alone", {"refinement": PRESETS["instant"].refinement}),
    Variant("without the decoder", EVALUATED),
    Variant("without it and lost detail", EVALUATED, instead=without_lost_detail),
    Variant("each cell by itself", {"matching": Matching(surroundings=(0.0, 0.0))}),
    Variant("use has no price", {"matching": Matching(usage=0.0)}),
    Variant("use has thrice the price", {"matching": Matching(usage=0.3)}),
    Variant("colours do not count", {"matching": Matching(colors=0.0)}),
    Variant("the photo alone is matched", {"matching": Matching(photo=(1.0, 1.0))}),
    Variant("without smoothing", {"tv_weight": 0.0}),
    Variant("line search", {}, instead=line_search),
    Variant("Adam, without the decoder", adam(1)),
    Variant("Adam, twice as long", adam(2)),
    Variant("one size, same seconds", EVALUATED | {"pyramid": None, "evaluations": (SAME_SECONDS_AT_ONE_SIZE,)}),
    Variant("textbook: Gram matrices, 500", vars(PRESETS["seed"]) | {"gradient_tolerance": 0.0}),
]


class Score(NamedTuple):
    """Of one artwork."""

    seconds: float
    near: float
    cover: float
    struct: float
    flat: float


class Bench:
    """Paints the pairs and scores them."""

    def __init__(self) -> None:
        self.judge = load_judge(SHARED / "tools" / "judge.py")
        self.judge_weights = load_file(self.judge.WEIGHTS)
        self.extractor = engine.load_extractor("compact", MODELS, Path())
        self.photos = shared_pictures("photos", [photo for photo, _ in PAIRS])
        self.paintings = shared_pictures("paintings", [painting for _, painting in PAIRS])

    def score(self, variant: Variant, photo_name: str, style_name: str) -> Score:
        """Paint one pair."""
        photo = Image.open(self.photos[photo_name]).convert("RGB")
        style = engine.load_fingerprint(STYLES / style_name / "fingerprint.safetensors", self.extractor)
        scene = engine.Scene.of(photo, style)
        changed = {"studio": replace(PRESETS["studio"], **variant.preset)}
        with patch.dict(PRESETS, changed), variant.instead(), measured() as measurement:
            options = engine.PaintOptions(size=SIZE, quality=variant.quality)
            picture = engine.paint(scene, self.extractor, options).picture.image()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "artwork.png"
            picture.save(path)
            judged = self.judge.judge(self.judge_weights, self.photos[photo_name], self.paintings[style_name], path)
        return Score(measurement.seconds, *judged)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [variant.name for variant in VARIANTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    args = parser.parse_args()
    bench = Bench()
    print(machine(), file=sys.stderr)
    bench.score(VARIANTS[1], *PAIRS[0])  # not counted: kernels are compiled at each size's first evaluation
    print("| | seconds | near | cover | struct | flat |")
    print("|---|---|---|---|---|---|")
    for variant in VARIANTS:
        if variant.name in args.only:
            scores = [bench.score(variant, *pair) for pair in PAIRS]
            seconds, *judged = (mean(column) for column in zip(*scores, strict=True))
            print(f"| {variant.name} | {seconds:.1f} | {' | '.join(f'{each:.3f}' for each in judged)} |", flush=True)


if __name__ == "__main__":
    main()
