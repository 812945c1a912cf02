"""Painting on a GPU: seconds, memory and the share of the card's own rate, and jobs a minute for several processes.

Needs the engine's dependencies only. VGG-19's weights are random: time does not depend on them. Without a GPU it says
so; `--device cpu` with small `--sizes` shows that it works at all.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from time import monotonic, perf_counter
from typing import NamedTuple
from unittest.mock import patch

import torch
from PIL import Image

from benchmarks.limits import costs, product_rate, vgg19
from benchmarks.measure import MODELS
from worker import engine
from worker.engine.networks.extractors import Extractor, fastest_dtype

EVALUATIONS = 500
PROCESSES = (1, 2, 4, 8)


class Sizes(NamedTuple):
    """Pixels a side: of the textbook run and of the default, of a large picture, and of a poster."""

    usual: int = 512
    large: int = 2048
    poster: int = 4096


class Row(NamedTuple):
    """One line of the table."""

    name: str
    seconds: float
    flops: float
    bytes: int
    goal: str


def scene_of(extractor: Extractor, size: int) -> engine.Scene:
    """A square of noise, in the style of another."""
    photo, painting = (Image.effect_noise((min(size, 1024),) * 2, sigma).convert("RGB") for sigma in (64, 32))
    return engine.Scene.of(photo, engine.fingerprint_of(painting, extractor, (128, 256, 512)))


def row(name: str, extractor: Extractor, options: engine.PaintOptions, goal: str) -> Row:
    """Paint twice, and measure the second time: at the first, kernels are chosen."""
    scene = scene_of(extractor, options.size)
    evaluations: list[tuple[int, int]] = []

    def count(iterate: engine.Iterate) -> None:
        evaluations.append((iterate.scale, iterate.iteration))

    engine.paint(scene, extractor, options, count)
    if extractor.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = timed(lambda: engine.paint(scene, extractor, options), extractor.device)
    peak = torch.cuda.max_memory_allocated() if extractor.device.type == "cuda" else 0
    by_size = {size: sum(cost.flops for cost in costs(extractor, size)) for size in {size for size, _ in evaluations}}
    return Row(name, seconds, sum(by_size[size] for size, _ in evaluations), peak, goal)


def timed(run: Callable[[], object], device: torch.device) -> float:
    """Seconds until all that was asked of the device is done."""
    start = perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return perf_counter() - start


def rows(device: torch.device, dtype: torch.dtype, sizes: Sizes, evaluations: int) -> list[Row]:
    """The table of single jobs."""
    large = vgg19(dtype, device)
    compact = engine.load_extractor("compact", MODELS, MODELS, device, dtype)
    textbook = engine.PaintOptions(preset="seed", start="photo", size=sizes.usual, iterations=evaluations)
    jobs = [
        (f"vgg19, {sizes.usual}, {evaluations} evaluations", large, textbook, "1.0 s"),
        (f"compact, {sizes.usual}, default", compact, engine.PaintOptions(size=sizes.usual), "0.25 s"),
        (f"vgg19, {sizes.large}, default", large, engine.PaintOptions(size=sizes.large), "15 s"),
        (f"compact, {sizes.poster}, default", compact, engine.PaintOptions(size=sizes.poster), "6 GB"),
    ]
    found = [row(*job) for job in jobs]
    with patch("worker.engine.paint.captured", lambda objective, *_: objective):
        found.append(row(f"compact, {sizes.usual}, no CUDA graphs", compact, jobs[1][2], ""))
    return found


def worker(device: torch.device, size: int, seconds: float) -> int:
    """Paint one after the other for so long; how many were finished."""
    extractor = engine.load_extractor("compact", MODELS, MODELS, device)
    scene, options = scene_of(extractor, size), engine.PaintOptions(size=size)
    engine.paint(scene, extractor, options)
    print("ready", flush=True)
    sys.stdin.readline()
    done, until = 0, monotonic() + seconds
    while monotonic() < until:
        engine.paint(scene, extractor, options)
        done += 1
    return done


def jobs_a_minute(processes: int, device: torch.device, size: int, seconds: float) -> float:
    """Finished jobs of so many processes on one device, which all begin at once."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--device", str(device)]
    command += ["--worker", str(seconds), "--sizes", str(size)]
    each = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for process in each:
        assert process.stdout
        if process.stdout.readline().strip() != "ready":
            raise SystemExit(f"{processes} processes do not fit onto the device.")
    start = perf_counter()
    for process in each:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    done = sum(int(process.communicate()[0]) for process in each)
    return 60 * done / (perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--sizes", type=int, nargs="+", default=Sizes(), help="usual, large and poster, in pixels")
    parser.add_argument("--evaluations", type=int, default=EVALUATIONS)
    parser.add_argument("--processes", type=int, nargs="*", default=PROCESSES)
    parser.add_argument("--seconds", type=float, default=20, help="how long the processes paint")
    parser.add_argument("--worker", type=float, help="paint for so many seconds, and print how many were finished")
    args = parser.parse_args()
    device = torch.device(args.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("No GPU was found: PyTorch sees no CUDA device. Nothing was measured.")
        return
    if args.worker:
        print(worker(device, args.sizes[0], args.worker))
        return
    dtype, sizes = fastest_dtype(device), Sizes(*args.sizes)
    rate = product_rate(dtype, device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "the processor"
    print(f"{name}, torch {torch.__version__}, {dtype}; a large matrix product: {rate / 1e12:.2f} TFLOP/s")
    print(f"{'':>32} {'seconds':>8} {'TFLOP/s':>8} {'of rate':>8} {'peak GB':>8}   goal")
    for each in rows(device, dtype, sizes, args.evaluations):
        reached = each.flops / each.seconds
        print(
            f"{each.name:>32} {each.seconds:8.2f} {reached / 1e12:8.2f} {reached / rate:8.0%} {each.bytes / 1e9:8.2f}"
            f"   {each.goal}",
            flush=True,
        )
    for processes in args.processes:
        found = jobs_a_minute(processes, device, sizes.usual, args.seconds)
        print(f"{f'compact, {sizes.usual}, {processes} processes':>32} {found:8.1f} jobs a minute", flush=True)


if __name__ == "__main__":
    main()
