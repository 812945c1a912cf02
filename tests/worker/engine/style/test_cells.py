"""Cells, looked up one by one in the layers' activations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.worker.engine.conftest import draw_photo, narrow_extractor
from worker.engine import Extractor
from worker.engine.images import to_tensor
from worker.engine.memory.tiling import Window, windows
from worker.engine.style.cells import CELL_LAYERS, columns_of, halo_of_columns, soft_colors

HEIGHT, WIDTH = 60, 84


@pytest.fixture(scope="module")
def narrow() -> Extractor:
    return narrow_extractor()


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return to_tensor(draw_photo(WIDTH, HEIGHT)).double()


def bilinear(activations: Tensor, row: int, column: int) -> Tensor:
    """The value at a cell of twice as fine a grid: three quarters of its own position, a quarter of the neighbour's."""

    def two(index: int, count: int) -> tuple[tuple[int, float], tuple[int, float]]:
        own, neighbor = index // 2, index // 2 + (1 if index % 2 else -1)
        return (min(own, count - 1), 0.75), (min(max(neighbor, 0), count - 1), 0.25)

    height, width = activations.shape[1:]
    found = torch.zeros_like(activations[:, 0, 0])
    for y, share_y in two(row, height):
        for x, share_x in two(column, width):
            found += share_y * share_x * activations[:, y, x]
    return found


def test_a_column_holds_the_means_of_fine_layers_and_the_value_between_of_the_coarse_one(
    narrow: Extractor, pixels: Tensor
) -> None:
    taps = narrow(pixels, CELL_LAYERS)
    columns = columns_of(taps, Window.whole(HEIGHT, WIDTH), narrow).view(HEIGHT // 4, WIDTH // 4, -1)
    for row, column in ((0, 0), (3, 7), (8, 20), (14, 1)):
        expected = torch.cat(
            [
                taps["relu1_1"][0, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].mean((1, 2)),
                taps["relu2_1"][0, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean((1, 2)),
                taps["relu3_1"][0, :, row, column],
                # 60 is no multiple of 8: the last row of cells takes after the one before.
                bilinear(taps["relu4_1"][0], min(row, 13), column),
            ]
        )
        torch.testing.assert_close(columns[row, column], expected.float())


def test_a_soft_color_is_the_mean_of_eight_by_eight_pixels(pixels: Tensor) -> None:
    colors = soft_colors(pixels, Window.whole(HEIGHT, WIDTH)).view(HEIGHT // 4, WIDTH // 4, 3)
    torch.testing.assert_close(colors[5, 6], pixels[0, :, 18:26, 22:30].mean((1, 2)).float())


def test_windows_have_the_cells_of_the_whole(narrow: Extractor) -> None:
    pixels = to_tensor(draw_photo(275, 151)).double()
    whole = Window.whole(151, 275)
    expected = [columns_of(narrow(pixels, CELL_LAYERS), whole, narrow), soft_colors(pixels, whole)]
    expected = [each.view(151 // 4, 275 // 4, -1) for each in expected]
    for window in windows(151, 275, 128, halo_of_columns(narrow)):
        crop, (rows, columns) = window.crop(pixels), window.cells(4)
        found = [columns_of(narrow(crop, CELL_LAYERS), window, narrow), soft_colors(crop, window)]
        for values, wanted in zip(found, expected, strict=True):
            torch.testing.assert_close(values, wanted[rows, columns].flatten(0, 1))
