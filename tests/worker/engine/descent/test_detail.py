"""What a finer stage begins with: the photo's own detail."""

from __future__ import annotations

import torch

from tests.worker.engine.conftest import draw_photo
from worker.engine.descent.detail import add_lost_detail
from worker.engine.images import resized, to_bytes, to_tensor

FINE, COARSE = (160, 120), (113, 85)


def test_all_of_the_detail_makes_the_photo_of_the_coarse_photo_again() -> None:
    photo = to_tensor(draw_photo(), FINE)
    pixels = resized(resized(photo, COARSE), FINE)
    assert (pixels - photo).abs().max() > 0.1
    add_lost_detail(pixels, photo, COARSE, 1.0)
    torch.testing.assert_close(pixels, photo)


def test_half_of_the_detail_is_half_of_the_way_also_from_bytes() -> None:
    photo = to_bytes(draw_photo(), FINE)
    half, whole = torch.zeros(1, 3, 120, 160), torch.zeros(1, 3, 120, 160)
    for pixels, share in ((half, 0.5), (whole, 1.0)):
        add_lost_detail(pixels, photo, COARSE, share)
    assert whole.abs().max() > 0.1
    torch.testing.assert_close(2 * half, whole)
