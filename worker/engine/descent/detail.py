"""What a finer stage begins with: the last one's iterate, grown, and the photo's detail that it had no room for."""

from __future__ import annotations

from torch import Tensor

from worker.engine.images import in_floats, resized


def add_lost_detail(pixels: Tensor, photo: Tensor, last: tuple[int, int], share: float) -> None:
    """Add to pixels [1, 3, H, W] in place that share of what of the photo was lost at the `last` size (width, height).

    `photo` is it at the pixels' own size, in bytes or in [0, 1]. Source: Burt and Adelson, "The Laplacian pyramid as a
    compact image code" (1983), eq. 4: the photo's own level of that pyramid.
    """
    size = (pixels.shape[3], pixels.shape[2])
    for channel in range(pixels.shape[1]):  # one after the other, which takes a third of the memory
        one = slice(channel, channel + 1)
        fine = in_floats(photo[:, one])
        pixels[:, one].sub_(resized(resized(fine, last), size).to(pixels.device), alpha=share)
        pixels[:, one].add_(fine.to(pixels.device), alpha=share)
