import numpy as np
import torch
from PIL import Image

from tests.worker.engine.conftest import draw_photo
from worker.engine.images import fitted_size, resized, to_image, to_tensor


def test_picture_survives_the_way_to_a_tensor_and_back() -> None:
    photo = draw_photo()
    assert to_image(to_tensor(photo)).tobytes() == photo.tobytes()


def test_tensor_is_height_by_width_in_zero_to_one() -> None:
    tensor = to_tensor(Image.new("RGB", (7, 5), (255, 0, 51)))
    assert tensor.shape == (1, 3, 5, 7)
    assert tensor[0, :, 2, 3].tolist() == [1.0, 0.0, np.float32(0.2)]


def test_values_outside_the_range_are_clipped_not_wrapped() -> None:
    image = to_image(torch.tensor([-0.5, 1.5, 0.5]).view(1, 3, 1, 1))
    assert image.getpixel((0, 0)) == (0, 255, 128)


def test_fitted_size_keeps_the_aspect_ratio_for_both_orientations() -> None:
    assert fitted_size((3000, 2000), 600) == (600, 400)
    assert fitted_size((2000, 3000), 600) == (400, 600)


def test_resized_keeps_a_flat_picture_flat() -> None:
    flat = torch.full((1, 3, 10, 12), 0.25)
    grown = resized(flat, (30, 20))
    assert grown.shape == (1, 3, 20, 30)
    torch.testing.assert_close(grown, torch.full((1, 3, 20, 30), 0.25))
