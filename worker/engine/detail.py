"""What a finer stage begins with: the last one's iterate, grown, and the detail that it had no room for.

An iterate that was only enlarged lacks the finest octave, in which style and photo are both at home: most of its loss
is there, and an optimiser needs a dozen evaluations to bring it back. The photo knows its own detail, and how crisp the
painting is can be looked up with a few glances at the shallowest layers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.polynomial import Polynomial
from torch import Tensor

from worker.engine.images import in_floats, resized

# A binomial filter of about one pixel's standard deviation: rounder than a box, whose corners showed in the pictures.
BLUR = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
REACH = len(BLUR) // 2
TRIED = (0.0, 0.5, 1.0, 1.5)
STRIP = 512  # rows that are sharpened at a time, which takes little memory beside the picture


def add_detail(pixels: Tensor, photo: Tensor, coarse: Tensor, share: float) -> None:
    """Add to pixels [1, 3, H, W] in place that share of what of the photo was lost at the last size.

    `photo` is it at this size, `coarse` at the last one, both in bytes or in [0, 1]. Source: Burt and Adelson, "The
    Laplacian pyramid as a compact image code" (1983), eq. 4: the photo's own level of that pyramid.
    """
    size = (pixels.shape[3], pixels.shape[2])
    for channel in range(pixels.shape[1]):  # one after the other, which takes a third of the memory
        one = slice(channel, channel + 1)
        pixels[:, one].sub_(resized(in_floats(coarse[:, one]), size).to(pixels.device), alpha=share)
        pixels[:, one].add_(in_floats(photo[:, one]).to(pixels.device), alpha=share)


def sharpen(pixels: Tensor, amount: float) -> None:
    """Unsharp masking of pixels [1, 3, H, W] in place: so many times their difference to themselves blurred."""
    height = pixels.shape[2]
    for channel in range(pixels.shape[1]):
        one = pixels[:, channel : channel + 1]
        before = one.clone()
        for top in range(0, height, STRIP):
            bottom, first = min(top + STRIP, height), max(0, top - REACH)
            blurred = _blurred(before[:, :, first : bottom + REACH]).narrow(2, top - first, bottom - top)
            one[:, :, top:bottom] += amount * (before[:, :, top:bottom] - blurred)


@torch.no_grad()
def sharpness(pixels: Tensor, loss: Callable[[Tensor], Tensor]) -> float:
    """The amount of sharpening of pixels [1, 3, H, W], within what is tried, at which a loss is about least."""
    edges = pixels - _blurred(pixels)
    losses = [float(loss(pixels + amount * edges)) for amount in TRIED]
    if not np.isfinite(losses).all():
        return 0.0  # what is wrong shows at the stage's first evaluation
    curve = Polynomial.fit(TRIED, losses, len(TRIED) - 1)
    amounts = np.linspace(TRIED[0], TRIED[-1], 61)
    return float(amounts[curve(amounts).argmin()])


def _blurred(pixels: Tensor) -> Tensor:
    channels = pixels.shape[1]
    row = torch.tensor(BLUR, device=pixels.device, dtype=pixels.dtype).expand(channels, 1, 1, -1)
    padded = F.pad(pixels, (REACH, REACH, REACH, REACH), mode="reflect")
    return F.conv2d(F.conv2d(padded, row, groups=channels), row.transpose(2, 3), groups=channels)
