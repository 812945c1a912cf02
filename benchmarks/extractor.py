"""A forward and backward pass of the compact extractor beside its teacher's, in turn, in one process."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from benchmarks.measure import MODELS, SHARED, machine
from training.distill import Teacher
from worker import engine

RUNS = 15


def pass_seconds(network: Callable[[Tensor], dict[str, Tensor]], pixels: Tensor) -> float:
    """Seconds of one forward pass to every tap and one backward pass from all of them to the pixels."""
    pixels.grad = None
    start = time.perf_counter()
    taps = list(network(pixels).values())
    forward = time.perf_counter() - start
    gradients = [torch.ones_like(tap) for tap in taps]
    start = time.perf_counter()
    torch.autograd.backward(taps, gradients)
    return forward + time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--teacher", type=Path, default=SHARED / "teacher" / "vgg19_16x.safetensors")
    args = parser.parse_args()
    if not args.teacher.exists():
        raise SystemExit(
            f"This benchmark needs the teacher's weights at {args.teacher}, which are not part of the project."
        )

    compact = engine.load_extractor("compact", MODELS, Path())
    teacher = Teacher(args.teacher)
    teacher.weights = {name: value.to(compact.dtype) for name, value in teacher.weights.items()}

    pixels = torch.rand(1, 3, args.size, args.size).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    networks: dict[str, Callable[[Tensor], dict[str, Tensor]]] = {
        "compact": compact,
        "teacher": lambda x: teacher.taps(x.to(compact.dtype)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for run in range(RUNS + 2):
        for name, network in networks.items():
            taken = pass_seconds(network, pixels)
            if run >= 2:  # the first passes compile kernels
                seconds[name].append(taken)
    print(f"{machine()}, {compact.dtype}, {args.size}×{args.size}, median of {RUNS}")
    for name, passes in seconds.items():
        print(f"{name:>8} {median(passes) * 1000:7.1f} ms")
    ratios = [a / b for a, b in zip(seconds["compact"], seconds["teacher"], strict=True)]
    print(f"compact / teacher {median(ratios):.2f}")


if __name__ == "__main__":
    main()
