"""Paint photos × paintings by one preset after the other, and let the judge score them.

`near` and `cover` are distances of the artwork's cells to the painting's and the other way round (less is better),
`struct` the correlation with the photo (more is better), `flat` the grain where the photo is flat, over the painting's.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import mean
from types import ModuleType

from PIL import Image
from safetensors.torch import load_file

from benchmarks.measure import MODELS, SHARED, STYLES, machine, shared_pictures
from worker import engine

SETS = {
    "nine": (["portrait_barista", "tubingen", "cat_calico"], ["starry_night", "great_wave", "the_scream"]),
    "36": (
        ["portrait_barista", "tubingen", "cat_calico", "golden_gate", "still_life_cheese", "mountain_lake"],
        ["starry_night", "great_wave", "the_scream", "composition_vii", "la_grande_jatte", "the_kiss"],
    ),
}


def load_judge(path: Path) -> ModuleType:
    """The judge is a script, not a package: import it from where it lies.

    Raises:
        SystemExit: it is not there.
    """
    spec = importlib.util.spec_from_file_location("judge", path)
    if not path.exists() or spec is None or spec.loader is None:
        raise SystemExit(f"This benchmark needs the judge at {path}, which is not part of the project.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["judge"] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=SETS, default="nine")
    parser.add_argument("--out", type=Path, default=Path("build/quality"), help="where the artworks are kept")
    parser.add_argument("--preset", choices=engine.PRESETS, nargs="+", default=["studio"])
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--size", type=int, default=512)
    args = parser.parse_args()

    judge = load_judge(SHARED / "tools" / "judge.py")
    weights = load_file(judge.WEIGHTS)
    extractor = engine.load_extractor("compact", MODELS, Path())
    photos, paintings = (
        shared_pictures(kind, names) for kind, names in zip(("photos", "paintings"), SETS[args.set], strict=True)
    )
    print(machine())
    print("   near   cover  struct   flat")
    for preset in args.preset:
        scores = []
        folder = args.out / f"{preset}-{args.strength:g}"
        folder.mkdir(parents=True, exist_ok=True)
        for (photo_name, photo_path), (style_name, painting_path) in product(photos.items(), paintings.items()):
            style = engine.load_fingerprint(STYLES / style_name / "fingerprint.safetensors", extractor)
            options = engine.PaintOptions(preset=preset, size=args.size, strength=args.strength)
            target = folder / f"{photo_name}-{style_name}.png"
            scene = engine.Scene.of(Image.open(photo_path).convert("RGB"), style)
            engine.paint(scene, extractor, options).picture.image().save(target)
            scores.append(judge.judge(weights, photo_path, painting_path, target))
            print(row(scores[-1]), target, flush=True)
        print(row([mean(column) for column in zip(*scores, strict=True)]), f"{preset}: means")


def row(score: Sequence[float]) -> str:
    """near, cover, struct and flat of one artwork, or their means."""
    return " ".join(f"{value:7.3f}" for value in score)


if __name__ == "__main__":
    main()
