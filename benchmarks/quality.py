"""Paint photos × paintings and let the judge score them: distance to painting's style and photo's content, grain."""

from __future__ import annotations

import argparse
import importlib.util
import sys
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
    parser.add_argument("--strength", type=float, nargs="+", default=[1.0])
    parser.add_argument("--smoothing", type=float, default=1.0)
    parser.add_argument("--size", type=int, default=512)
    args = parser.parse_args()

    judge = load_judge(SHARED / "tools" / "judge.py")
    weights = load_file(judge.WEIGHTS)
    extractor = engine.load_extractor("compact", MODELS, Path())
    photos, paintings = (
        shared_pictures(kind, names) for kind, names in zip(("photos", "paintings"), SETS[args.set], strict=True)
    )
    print(machine())
    for strength in args.strength:
        scores, worst_grain = [], 0.0
        folder = args.out / f"strength-{strength:g}"
        folder.mkdir(parents=True, exist_ok=True)
        for photo_name, photo_path in photos.items():
            for style_name, painting_path in paintings.items():
                style = engine.load_fingerprint(STYLES / style_name / "fingerprint.safetensors", extractor)
                options = engine.PaintOptions(size=args.size, strength=strength, smoothing=args.smoothing)
                target = folder / f"{photo_name}-{style_name}.png"
                scene = engine.Scene.of(Image.open(photo_path).convert("RGB"), style)
                engine.paint(scene, extractor, options).picture.image().save(target)
                style_distance, content_distance = judge.judge(weights, photo_path, painting_path, target)
                grain = judge.grain(target)
                worst_grain = max(worst_grain, grain / max(judge.grain(photo_path), judge.grain(painting_path)))
                scores.append((style_distance, content_distance, grain))
                print(f"{style_distance:8.4f} {content_distance:7.3f} {grain:6.1f}  {target}", flush=True)
        style_mean, content_mean, grain_mean = (mean(column) for column in zip(*scores, strict=True))
        print(
            f"strength {strength:g}: mean style {style_mean:.4f}, content {content_mean:.3f}, grain {grain_mean:.1f}; "
            f"worst grain {worst_grain:.2f} times the larger of photo's and painting's"
        )


if __name__ == "__main__":
    main()
