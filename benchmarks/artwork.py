"""Seconds and memory of an artwork, and beside it of what `instant` draws, of one without the decoder, of the textbook.

Without its decoder the studio paints every scale by evaluations, as it did before there was one. The textbook run is
Gatys et al. as usually implemented: Gram matrices at one scale, L-BFGS, 500 evaluations, float32, same extractor.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median

import torch
from PIL import Image

from benchmarks.measure import MODELS, STYLES, Measurement, machine, measured, shared_pictures
from worker import engine
from worker.engine.descent.optimize import minimize
from worker.engine.images import fitted_size, to_tensor

PHOTOS = ["portrait_barista", "tubingen"]
PAINTINGS = ["starry_night", "great_wave", "the_scream", "composition_vii", "la_grande_jatte", "udnie"]
TEXTBOOK_EVALUATIONS = 500


def artwork(
    photo: Image.Image, style: engine.Fingerprint, extractor: engine.Extractor, options: engine.PaintOptions
) -> Measurement:
    """Measure the product's own way from photo to pastiche."""
    with measured() as measurement:
        engine.paint(engine.Scene.of(photo, style), extractor, options)
    return measurement


def textbook(photo: Image.Image, style: engine.Fingerprint, extractor: engine.Extractor, size: int) -> Measurement:
    """Measure the textbook run with `extractor` in float32."""
    fitted = fitted_size(photo.size, size)
    with measured() as measurement:
        options = engine.PaintOptions(preset="seed", size=size)
        scene = engine.Scene.of(photo, style)
        objective = scene.objective(fitted, scene.brief(options, extractor))
        minimize(to_tensor(photo, fitted), objective, TEXTBOOK_EVALUATIONS, lambda _done, _pixels: False)
    return measurement


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--textbook", type=int, default=1, help="how many textbook runs; each takes a minute or more")
    args = parser.parse_args()

    photos = {name: Image.open(path).convert("RGB") for name, path in shared_pictures("photos", PHOTOS).items()}
    fast = engine.load_extractor("compact", MODELS, Path())
    print(f"{machine()}, {fast.dtype}, longest side {args.size}")
    print(f"{'photo':>18} {'style':>18} {'way':>16} {'seconds':>8} {'peak GiB':>8}")
    styles = {name: engine.load_fingerprint(STYLES / name / "fingerprint.safetensors", fast) for name in PAINTINGS}
    # Not measured: the first evaluations at each size compile their kernels.
    scene = engine.Scene.of(next(iter(photos.values())), styles[PAINTINGS[0]])
    engine.paint(scene, fast, engine.PaintOptions(size=args.size, quality="draft"))
    studio, instant = (engine.PaintOptions(preset=preset, size=args.size) for preset in ("studio", "instant"))
    evaluated = engine.load_extractor("compact", MODELS, Path())
    evaluated.decoder = None
    ways = {"studio": (fast, studio), "instant": (fast, instant), "without decoder": (evaluated, studio)}
    found: dict[str, list[Measurement]] = {way: [] for way in ways}
    for photo_name, photo in photos.items():
        for style_name, style in styles.items():
            for way, (extractor, options) in ways.items():
                found[way].append(artwork(photo, style, extractor, options))
                report(photo_name, style_name, way, found[way][-1])
    # Last, because the memory that it leaves in pieces would count against the artworks.
    exact = engine.load_extractor("compact", MODELS, Path(), dtype=torch.float32)
    photo_name, photo = next(iter(photos.items()))
    found["textbook"] = []
    for _ in range(args.textbook):
        found["textbook"].append(textbook(photo, styles[PAINTINGS[0]], exact, args.size))
        report(photo_name, PAINTINGS[0], "textbook", found["textbook"][-1])
    usual = median(each.seconds for each in found["studio"])
    for way, measurements in found.items():
        seconds, peak = median(each.seconds for each in measurements), max(each.peak_bytes for each in measurements)
        print(f"{way}: median {seconds:.2f} s, {seconds / usual:.2f} of the studio's; peak {peak / 2**30:.2f} GiB")


def report(photo: str, style: str, way: str, measurement: Measurement) -> None:
    """One line of the table."""
    print(
        f"{photo:>18} {style:>18} {way:>16} {measurement.seconds:8.2f} {measurement.peak_bytes / 2**30:8.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
