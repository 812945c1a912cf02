"""How fast an evaluation could be at best on this machine, and how near to it ours comes.

For both extractors: floating-point operations and bytes of one evaluation (forward, style and content losses, and back
to the pixels), counted from the shapes; what the processor reaches in a large matrix product and in copying memory,
measured; and from these the least time of each layer, which is bound by one or the other. VGG-19's weights are random:
time does not depend on them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from time import perf_counter

import torch
from PIL import Image

from benchmarks.measure import MODELS, machine
from worker import engine
from worker.engine.descent.optimize import Method, minimize
from worker.engine.networks.extractors import STYLE_LAYERS, VGG19_BLOCKS, Extractor, VggShaped, fastest_dtype, geometry

RUNS = 7
MATRIX, GPU_MATRIX = 2048, 8192
COPIED = 2**28


@dataclass(frozen=True)
class Cost:
    """Of one layer in one evaluation: operations, and bytes that must move at the least."""

    layer: str
    flops: float
    bytes: float

    def seconds(self, flops_a_second: float, bytes_a_second: float) -> float:
        """The least time: whichever of both takes longer."""
        return max(self.flops / flops_a_second, self.bytes / bytes_a_second)


def costs(extractor: Extractor, size: int) -> Iterator[Cost]:
    """Each convolution with its Gram matrix, at size × size pixels.

    A multiplication and an addition are two operations. The way back to the input costs as much as the way there; the
    weights need no gradient. Each activation is written once and read once on either way, and so is each gradient.
    """
    itemsize = extractor.dtype.itemsize
    before = 3
    for layer in extractor.down_to(STYLE_LAYERS):
        stride, _ = geometry(layer, extractor.layers)
        positions, after = (size // stride) ** 2, extractor.channels[layer]
        flops = 2 * 2 * 9 * before * after * positions
        moved = (2 * before + 3 * after) * positions * itemsize
        if layer in STYLE_LAYERS:
            flops += 2 * 2 * after**2 * positions
            moved += 3 * after * positions * itemsize
        yield Cost(layer, flops, moved)
        before = after


def product_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Operations a second in a product of two large square matrices."""
    side = MATRIX if device.type == "cpu" else GPU_MATRIX
    a, b = (torch.rand(side, side).to(device, dtype) for _ in range(2))
    wait: Callable[[], object] = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    return 2 * side**3 / fastest(lambda: (a @ b, wait()))


def copy_rate() -> float:
    """Bytes a second that are read and written in copying what no cache holds."""
    source = torch.zeros(COPIED, dtype=torch.uint8)
    target = torch.empty_like(source)
    return 2 * COPIED / fastest(lambda: target.copy_(source))


def fastest(run: Callable[[], object]) -> float:
    """Seconds of the fastest of RUNS: a limit is what was reached at all."""
    taken = []
    for _ in range(RUNS):
        start = perf_counter()
        run()
        taken.append(perf_counter() - start)
    return min(taken[1:])


def evaluation_seconds(extractor: Extractor, size: int, runs: int) -> float:
    """Median seconds of one evaluation with its step, as a painting makes them."""
    noise = Image.effect_noise((size, size), 64).convert("RGB")
    style = engine.fingerprint_of(noise, extractor, (min(size, 512),))
    scene = engine.Scene.of(noise, style)
    brief = scene.brief(engine.PaintOptions(preset="seed", size=size), extractor)
    objective = scene.objective((size, size), brief)
    times = [perf_counter()]

    def after(_done: int, _pixels: torch.Tensor) -> bool:
        times.append(perf_counter())
        return False

    minimize(torch.rand(1, 3, size, size), objective, runs + 2, after, Method())
    return median(later - earlier for earlier, later in pairwise(times[2:]))


def vgg19(dtype: torch.dtype, device: torch.device) -> Extractor:
    """VGG-19's shape."""
    torch.manual_seed(0)
    return Extractor("vgg19", VggShaped(VGG19_BLOCKS), "random", device, dtype)


def report(extractor: Extractor, size: int, runs: int, rates: tuple[float, float], layers: bool) -> None:
    """Counted, measured, and the one over the other."""
    each = list(costs(extractor, size))
    flops, moved = sum(cost.flops for cost in each), sum(cost.bytes for cost in each)
    least = sum(cost.seconds(*rates) for cost in each)
    seconds = evaluation_seconds(extractor, size, runs)
    print(f"\n{extractor.name}, {size}×{size}: {flops / 1e9:.1f} GFLOP, {moved / 1e6:.0f} MB an evaluation")
    if layers:
        for cost in each:
            print(
                f"  {cost.layer:>8} {cost.flops / 1e9:7.2f} GFLOP {cost.bytes / 1e6:7.1f} MB, at least "
                f"{1000 * cost.seconds(*rates):6.1f} ms, bound by "
                f"{'arithmetic' if cost.flops / rates[0] > cost.bytes / rates[1] else 'memory'}"
            )
    reached, of_product = flops / seconds, flops / seconds / rates[0]
    print(
        f"  measured {1000 * seconds:.0f} ms: {reached / 1e9:.0f} GFLOP/s, {of_product:.0%} of a matrix product's; "
        f"the least is {1000 * least:.0f} ms, so {least / seconds:.0%} of the limit is reached"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--layers", action="store_true", help="layer by layer")
    args = parser.parse_args()
    cpu = torch.device("cpu")
    dtype = fastest_dtype(cpu)
    rates = (product_rate(dtype, cpu), copy_rate())
    print(f"{machine()}, {dtype}")
    print(f"a product of {MATRIX}×{MATRIX}: {rates[0] / 1e9:.0f} GFLOP/s; copying: {rates[1] / 1e9:.1f} GB/s")
    for extractor in (engine.load_extractor("compact", MODELS, MODELS, cpu), vgg19(dtype, cpu)):
        report(extractor, args.size, args.runs, rates, args.layers)


if __name__ == "__main__":
    main()
