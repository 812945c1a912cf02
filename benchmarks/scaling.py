"""Seconds and memory of an evaluation by size, as a whole and in tiles: a table, and a plot with `--plot FILE`.

Each measurement is a process of its own, which paints a square of noise at one scale with few evaluations.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter

from PIL import Image

from benchmarks.measure import MODELS, STYLES, machine, measured
from worker import engine

SIZES = (1024, 2048, 4096, 8192)
STYLE = "starry_night"
LARGEST_WHOLE = 4096  # that is tried
# Bytes for a tile, and for each pixel: what is held of it, with the rest in files. So tiles are alike at all sizes.
TILE_BYTES, PIXEL_BYTES = 5e8, 15


@dataclass(frozen=True)
class Point:
    """One size, as a whole or in tiles: seconds of an evaluation, peak resident bytes of the process."""

    size: int
    in_tiles: bool
    seconds: float
    peak_bytes: int

    @property
    def megapixels(self) -> float:
        return self.size**2 / 1e6


def measure(size: int, in_tiles: bool, evaluations: int) -> Point:
    """Paint at `size` in this process; the first evaluation, which compiles kernels, does not count."""
    extractor = engine.load_extractor("compact", MODELS, MODELS)
    style = engine.load_fingerprint(STYLES / STYLE / "fingerprint.safetensors", extractor)
    photo = Image.effect_noise((1024, 1024), 64).convert("RGB")
    options = engine.PaintOptions(preset="seed", start="photo", size=size, iterations=evaluations)
    times = [perf_counter()]

    def after(iterate: engine.Iterate) -> None:
        if iterate.iteration == len(times):
            times.append(perf_counter())

    with tempfile.TemporaryDirectory() as scratch, measured() as measurement:
        room = engine.Room(int(TILE_BYTES + PIXEL_BYTES * size**2), Path(scratch)) if in_tiles else None
        engine.paint(engine.Scene.of(photo, style), extractor, options, after, room=room)
    taken = [later - earlier for earlier, later in pairwise(times[1:])]
    return Point(size, in_tiles, median(taken), measurement.peak_bytes)


def apart(size: int, in_tiles: bool, evaluations: int) -> Point:
    """`measure` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scaling", "--one", str(size), "--evaluations", str(evaluations)]
    answer = subprocess.run(
        command + ["--tiles"] * in_tiles, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return Point(**json.loads(answer[-1]))


def plot(points: list[Point], path: Path) -> None:
    """Seconds and memory for each megapixel against megapixels."""
    import matplotlib  # an extra, and slow to import

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6))
    for in_tiles, label in ((False, "as a whole"), (True, "in tiles")):
        line = [point for point in points if point.in_tiles == in_tiles]
        sizes = [point.megapixels for point in line]
        axes[0].plot(sizes, [point.seconds / point.megapixels for point in line], "o-", label=label)
        axes[1].plot(sizes, [point.peak_bytes / 1e9 for point in line], "o-", label=label)
    for axis, title in zip(axes, ("seconds for a megapixel and evaluation", "peak memory in GB"), strict=True):
        axis.set(xscale="log", xlabel="megapixels", title=title, ylim=(0, None))
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--evaluations", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="an SVG file")
    parser.add_argument("--one", type=int, help="this size alone, in this process")
    parser.add_argument("--tiles", action="store_true", help="with --one: in tiles")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(asdict(measure(args.one, args.tiles, args.evaluations))))
        return
    print(machine())
    print(f"{'pixels':>13} {'':>10} {'s/evaluation':>12} {'s/megapixel':>12} {'peak GB':>8}")
    points = []
    for size in args.sizes:
        for in_tiles in (False, True):
            if in_tiles or size <= LARGEST_WHOLE:
                point = apart(size, in_tiles, args.evaluations)
                points.append(point)
                print(
                    f"{size:>5} × {size:<5} {'in tiles' if in_tiles else 'whole':>10} {point.seconds:12.2f} "
                    f"{point.seconds / point.megapixels:12.3f} {point.peak_bytes / 1e9:8.2f}",
                    flush=True,
                )
    if args.plot:
        plot(points, args.plot)


if __name__ == "__main__":
    main()
