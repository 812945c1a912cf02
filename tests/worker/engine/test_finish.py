"""Finished pictures, strip by strip, against the whole at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from tests.worker.engine.conftest import draw_painting, draw_photo
from worker.engine import Finish, PaintOptions, Picture, Scene, to_tensor
from worker.engine.memory.rows import STRIP_ROWS


def canvas(width: int = 90, height: int = 2 * STRIP_ROWS + 11) -> torch.Tensor:
    """Deeper than 8 bits, and here and there beyond what can be shown."""
    generator = torch.Generator().manual_seed(3)
    return to_tensor(draw_painting(width, height)) + 0.01 * torch.randn(1, 3, height, width, generator=generator)


def test_strips_have_the_depth_that_is_asked_for_and_make_up_the_picture() -> None:
    pixels = canvas()
    picture = Picture(pixels)
    assert (picture.width, picture.height) == (90, 2 * STRIP_ROWS + 11)
    expected = pixels[0].permute(1, 2, 0).clamp(0, 1).double().numpy()
    for dtype, most in ((np.uint8, 255), (np.uint16, 65535)):
        strips = list(picture.strips(dtype))
        assert [strip.dtype for strip in strips] == [dtype] * 3
        np.testing.assert_allclose(np.concatenate(strips) / most, expected, atol=0.51 / most)
    np.testing.assert_array_equal(np.asarray(picture.image()), np.concatenate(list(picture.strips(np.uint8))))


def test_kept_parts_are_the_photo_and_the_rest_the_canvas_across_strips() -> None:
    pixels, photo = canvas(), draw_photo(90, 2 * STRIP_ROWS + 11)
    keep = Image.new("L", photo.size)
    keep.paste(255, (0, 200, 40, 400))
    finished = np.asarray(Finish(Scene(photo, (), keep=keep), PaintOptions(feather=0))(pixels).image())
    plain = np.asarray(Picture(pixels).image())
    inside = np.asarray(keep, bool)
    np.testing.assert_array_equal(finished[inside], np.asarray(photo)[inside])
    np.testing.assert_array_equal(finished[~inside], plain[~inside])


@pytest.mark.parametrize("name", ["lanczos", "nearest"])
def test_an_output_size_is_pillows_own_resampling_in_depth(name: str) -> None:
    photo = draw_photo(96, 64)
    pixels = to_tensor(photo.filter(ImageFilter.GaussianBlur(3))) + 1e-3 * torch.rand(1, 3, 64, 96)
    options = PaintOptions(output_size=600, resample=name)  # type: ignore[arg-type]
    picture = Finish(Scene(photo, ()), options)(pixels)
    assert (picture.width, picture.height) == (600, 400)
    expected = Picture(pixels).image().resize((600, 400), Image.Resampling[name.upper()])
    # Pillow rounds bytes between columns and rows.
    assert np.abs(np.asarray(picture.image(), int) - np.asarray(expected, int)).max() <= 1
    deep = np.concatenate(list(picture.strips(np.uint16)))
    assert deep.shape == (400, 600, 3)
    assert len(np.unique(deep)) > 256
