"""Super-resolution: a small network that doubles a picture's sides, and once more for each factor of two.

It draws what bicubic interpolation leaves out, and nothing else: of all weights 0 it is that interpolation. What it
draws has no low frequencies, so that it can sharpen edges and strokes, and colours no surface. Its convolutions have no
padding; the picture is looked at with its edge pixels repeated around it, so tiles are exactly what the whole is.

Source: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution" (ECCV 2016), sections 3.1
and 4.2: a feed-forward residual network on the small picture's grid, its residual blocks without padding as in their
supplement, trained with a perceptual loss. In place of their fractionally strided convolutions, which leave a
checkerboard, Shi et al.'s sub-pixel convolution (CVPR 2016, arXiv 1609.05158, eq. 4). The residual over an
interpolation is Kim et al.'s (CVPR 2016, arXiv 1511.04587, section 3.1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import ceil
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from worker.engine.errors import UpscalerUnavailableError
from worker.engine.memory.rows import STRIP_ROWS, Rows
from worker.engine.networks.extractors import fastest_dtype

UPSCALER_FILE = "upscaler.safetensors"
WIDTH, BLOCKS = 32, 4
# A triangle of 2·LOWS − 1 pixels, two boxes one after the other: it is nowhere negative in frequency, so that what is
# left without what passes it has no frequency that is stronger than before.
LOWS = 4
# Pixels around one on which the four in its place depend: a convolution at either end, two in each block, the triangle.
HALO = 2 + 2 * BLOCKS + (LOWS - 1)
TILE_COLUMNS = 512
# How often a picture is doubled at most, and from which factor on it is worth it.
MOST_DOUBLINGS, LEAST_FACTOR = 3, 1.05


class Upscaler(nn.Module):
    """Residual blocks on the picture's own grid, then four pixels for each of it.

    Attributes:
        weights_hash: which weights it has, if they are of a file.
    """

    def __init__(self, weights_hash: str = "") -> None:
        super().__init__()
        self.weights_hash = weights_hash
        self.entry = nn.Conv2d(3, WIDTH, 3)
        self.blocks = nn.ModuleList(_Residual(WIDTH) for _ in range(BLOCKS))
        self.exit = nn.Conv2d(WIDTH, 12, 3)
        # It begins as the interpolation.
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)  # type: ignore[arg-type]

    def forward(self, pixels: Tensor) -> Tensor:
        """Pictures [B, 3, 2H, 2W] of pictures [B, 3, H, W] in [0, 1], which they may leave by a little."""
        return self.inner(F.pad(pixels, (HALO, HALO, HALO, HALO), mode="replicate"))

    def inner(self, around: Tensor) -> Tensor:
        """The same [B, 3, 2h, 2w] of windows that are looked at with HALO pixels on each side [B, 3, h + 2·HALO, …]."""
        plain = F.interpolate(around, scale_factor=2.0, mode="bicubic", antialias=True)
        return plain[..., 2 * HALO : -2 * HALO, 2 * HALO : -2 * HALO] + self._drawn(around)

    def _drawn(self, around: Tensor) -> Tensor:
        x = around.to(self.entry.weight.dtype, memory_format=torch.channels_last)
        x = F.relu(self.entry(x))
        for block in self.blocks:
            x = block(x)
        return F.pixel_shuffle(_without_lows(self.exit(x).float()), 2)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3), nn.Conv2d(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x[..., 2:-2, 2:-2] + self.second(F.relu(self.first(x)))  # type: ignore[no-any-return]


def _without_lows(x: Tensor) -> Tensor:
    """Four sub-pixels a channel [B, 12, h + 2·(LOWS − 1), …] without the low frequencies of their means: [B, 12, h, w].

    Among those is the mean of all, so colours stay: of what is 32 pixels wide or wider, at most a twentieth is left.
    """
    means = x.view(x.shape[0], 3, 4, *x.shape[2:]).mean(2)
    lows = F.avg_pool2d(F.avg_pool2d(means, LOWS, 1), LOWS, 1)
    rim = LOWS - 1
    return x[..., rim:-rim, rim:-rim] - lows.repeat_interleave(4, 1)


def load_upscaler(models_dir: Path, device: torch.device, dtype: torch.dtype | None = None) -> Upscaler:
    """The network that ships; `dtype` defaults to the fastest that the device computes in hardware.

    Raises:
        UpscalerUnavailableError: it is missing or damaged.
    """
    path = models_dir / UPSCALER_FILE
    try:
        upscaler = Upscaler(hashlib.sha256(path.read_bytes()).hexdigest())
        upscaler.load_state_dict({name: values.float() for name, values in load_file(path).items()})
    except FileNotFoundError as error:
        raise UpscalerUnavailableError(f"{path} is missing: the checkout or the package is incomplete.") from error
    except (SafetensorError, RuntimeError, OSError) as error:
        raise UpscalerUnavailableError(f"{path} is damaged ({error}). Restore it from the package.") from error
    upscaler = upscaler.to(device=device, dtype=dtype or fastest_dtype(device))
    return upscaler.to(memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload]


def doublings(size: tuple[int, int], asked: tuple[int, int]) -> int:
    """How often a picture of `size` (width, height) is doubled on its way to the size `asked`."""
    factor, count = max(asked) / max(size), 0
    while count < MOST_DOUBLINGS and factor / 2**count >= LEAST_FACTOR:
        count += 1
    return count


def doubled(strips: Iterable[Tensor], size: tuple[int, int], upscaler: Upscaler) -> Iterator[Tensor]:
    """A picture of `size` (width, height) in strips [1, 3, rows, W] in [0, 1], as strips of one with sides twice as
    long, in [0, 1], on the CPU.

    It is drawn in tiles, so the memory that it takes grows with the width alone.
    """
    rows, (width, height) = Rows(strips), size
    device = upscaler.entry.weight.device
    count = ceil(width / TILE_COLUMNS)
    edges = [width * index // count for index in range(count + 1)]
    for top in range(0, height, STRIP_ROWS):
        bottom = min(height, top + STRIP_ROWS)
        first, last = max(0, top - HALO), min(height, bottom + HALO)
        above, below = HALO - (top - first), HALO - (last - bottom)
        around = F.pad(rows.between(first, last), (HALO, HALO, above, below), mode="replicate")
        with torch.no_grad():
            tiles = [
                upscaler.inner(around[..., left : right + 2 * HALO].to(device)).clamp_(0, 1).cpu()
                for left, right in pairwise(edges)
            ]
        yield torch.cat(tiles, 3)
