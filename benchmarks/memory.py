"""Peak memory of a painting by size: what `app/jobs/memory.py` says of it, measured. One process a size."""

from __future__ import annotations

import argparse
import subprocess
import sys

from PIL import Image

from benchmarks.measure import MODELS, STYLES, machine, measured
from worker import engine

SIZES = [256, 512, 1024, 1536, 2048]
STYLE = "starry_night"


def paint_to_the_last_scale(size: int) -> int:
    """Peak resident bytes of this process; a square photo of noise is the worst there is."""
    extractor = engine.load_extractor("compact", MODELS, MODELS)
    style = engine.load_fingerprint(STYLES / STYLE / "fingerprint.safetensors", extractor)
    photo = Image.effect_noise((size, size), 64).convert("RGB")

    def is_enough(iterate: engine.Iterate) -> bool:
        # Two evaluations at the last scale have held all that the others will.
        return iterate.stage == iterate.stages - 1 and iterate.iteration >= 2

    with measured() as measurement:
        engine.paint(
            engine.Scene.of(photo, style), extractor, engine.PaintOptions(size=size, quality="draft"), is_enough
        )
    return measurement.peak_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, help="this size alone, in this process")
    args = parser.parse_args()
    if args.size:
        print(paint_to_the_last_scale(args.size))
        return
    print(machine())
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.memory", "--size", str(size)]
        peak = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(f"{size:>5} × {size}: {peak / 1e9:.2f} GB", flush=True)


if __name__ == "__main__":
    main()
