"""Pictures in strips, resampled as Pillow resamples the whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from worker.engine.memory.rows import Rows, resampled

FILTERS = [Image.Resampling[name] for name in ("LANCZOS", "BICUBIC", "BILINEAR", "NEAREST")]


@pytest.mark.parametrize("resampling", FILTERS, ids=lambda each: each.name)
@pytest.mark.parametrize("asked", [(70, 900), (31, 611), (200, 301), (9, 7), (40, 520)])
def test_strips_are_resampled_as_the_whole(resampling: Image.Resampling, asked: tuple[int, int]) -> None:
    pixels = torch.rand(1, 3, 520, 40, generator=torch.Generator().manual_seed(4))
    found = torch.cat(list(resampled(pixels.split(37, 2), (40, 520), asked, resampling)), 2)
    expected = [np.asarray(Image.fromarray(each.numpy()).resize(asked, resampling)) for each in pixels[0]]
    np.testing.assert_allclose(found[0].numpy(), np.stack(expected), atol=2e-4)


def test_windows_are_the_rows_that_are_asked_for_and_what_is_above_is_let_go() -> None:
    pixels = torch.arange(60.0).view(1, 1, 20, 3)
    rows = Rows(pixels.split(6, 2))
    for top, bottom in ((1, 4), (2, 9), (15, 17), (15, 20)):
        assert torch.equal(rows.between(top, bottom), pixels[:, :, top:bottom])
    with pytest.raises(ValueError, match="there are 20"):
        rows.between(19, 21)
