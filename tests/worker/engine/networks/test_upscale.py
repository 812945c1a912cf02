"""Super-resolution: what the network may change and what not, in one piece, in tiles and in strips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from tests.worker.engine.conftest import MODELS, draw_painting, draw_photo
from worker.engine import (
    Finish,
    PaintOptions,
    Picture,
    Scene,
    Upscaler,
    UpscalerUnavailableError,
    doublings,
    load_upscaler,
    to_tensor,
)
from worker.engine.images import to_image
from worker.engine.memory.rows import STRIP_ROWS
from worker.engine.networks.upscale import HALO, TILE_COLUMNS, UPSCALER_FILE, doubled

CPU = torch.device("cpu")


def wild_upscaler(seed: int = 1) -> Upscaler:
    """With random weights that draw a lot, in float64."""
    torch.manual_seed(seed)
    upscaler = Upscaler()
    torch.nn.init.normal_(upscaler.exit.weight, std=0.1)
    assert upscaler.exit.bias is not None
    torch.nn.init.normal_(upscaler.exit.bias, std=0.3)
    return upscaler.double().requires_grad_(False)


def shipped() -> Upscaler:
    return load_upscaler(MODELS, CPU, torch.float32)


def in_strips(pixels: Tensor) -> list[Tensor]:
    return list(pixels.split(100, 2))


def psnr(one: Tensor, other: Tensor) -> float:
    """Peak signal-to-noise ratio of pictures in [0, 1], in dB."""
    return float(-10 * torch.log10((one - other).square().mean()))


def test_without_weights_it_is_bicubic_interpolation() -> None:
    pixels = to_tensor(draw_painting(90, 60))
    # Pillow's filter ends at the edge; the network sees the edge's pixels go on.
    around = [Image.fromarray(np.pad(each.numpy(), 8, mode="edge")) for each in pixels[0]]
    expected = [each.resize((212, 152), Image.Resampling.BICUBIC).crop((16, 16, 196, 136)) for each in around]
    found = Upscaler()(pixels).detach()[0].numpy()
    np.testing.assert_allclose(found, np.stack([np.asarray(each) for each in expected]), atol=1e-5)


@pytest.mark.parametrize("size", [(TILE_COLUMNS + 9, 30), (30, STRIP_ROWS + 9), (1, 1), (530, 2)])
def test_tiles_are_drawn_as_the_whole(size: tuple[int, int]) -> None:
    upscaler = wild_upscaler()
    pixels = torch.rand(1, 3, size[1], size[0], generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    whole = upscaler(pixels).clamp(0, 1)
    parts = torch.cat(list(doubled(in_strips(pixels), size, upscaler)), 2)
    assert parts.shape == (1, 3, 2 * size[1], 2 * size[0])
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-6)  # what is drawn is added up in float32


def test_a_pixel_depends_on_all_within_the_halo_and_on_nothing_beyond() -> None:
    upscaler = wild_upscaler()
    pixels = torch.rand(1, 3, 61, 61, dtype=torch.float64, requires_grad=True)
    upscaler(pixels)[0, :, 60:62, 60:62].sum().backward()
    assert pixels.grad is not None
    places = pixels.grad[0].abs().sum(0).nonzero() - 30
    assert places.abs().max() == HALO


def test_a_tint_that_the_network_would_give_is_not_given() -> None:
    upscaler = Upscaler().requires_grad_(False)
    assert upscaler.exit.bias is not None
    upscaler.exit.bias.copy_(torch.linspace(-0.5, 0.5, 3).repeat_interleave(4))
    pixels = torch.rand(1, 3, 40, 50)
    torch.testing.assert_close(upscaler(pixels), Upscaler()(pixels), rtol=0, atol=1e-5)


def test_colors_of_surfaces_stay_whatever_it_draws() -> None:
    upscaler = wild_upscaler()
    pixels = to_tensor(draw_painting(192, 128)).double()
    drawn, plain = upscaler(pixels), Upscaler().double()(pixels)
    assert (drawn - plain).abs().mean() > 0.05, "it does draw"
    surfaces = [F.avg_pool2d(each, 64) for each in (drawn, plain)]
    assert (surfaces[0] - surfaces[1]).abs().mean() < 0.05 * (drawn - plain).abs().mean()


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_what_it_enlarges_is_the_same_again_when_it_is_shrunk(factor: int) -> None:
    painting = draw_painting(640, 480).resize((128, 96), Image.Resampling.LANCZOS)
    pixels, asked = to_tensor(painting), (128 * factor, 96 * factor)
    shrunk = []
    for upscaler in (shipped(), None):
        large = Picture(pixels, (), asked, _upscaler=upscaler).image()
        assert large.size == asked
        shrunk.append(to_tensor(large, painting.size))
    network, filtered = shrunk
    assert psnr(network, pixels) > psnr(filtered, pixels) + 1 > 30
    assert (network - pixels).mean((2, 3)).abs().max() < 0.3 / 255


def test_the_one_that_ships_draws_what_interpolation_leaves_out() -> None:
    painting = to_tensor(draw_painting(400, 320))
    small = to_tensor(to_image(painting), (200, 160))
    found = shipped()(small).clamp(0, 1)
    plain = to_tensor(to_image(small).resize((400, 320), Image.Resampling.LANCZOS))
    assert psnr(found, painting) > psnr(plain, painting) + 0.5


def test_the_one_that_ships_leaves_no_checkerboard() -> None:
    column = torch.linspace(0.2, 0.8, 120)[:, None].expand(120, 90)
    found = shipped()(torch.stack([column, 1 - column, column.square()])[None])
    places = F.pixel_unshuffle(found[:, :, 40:-40, 40:-40], 2).unflatten(1, (3, 4)).mean((0, 3, 4))
    # Of a gradient from top to bottom, neighbours in a row are alike.
    assert (places[:, 0] - places[:, 1]).abs().max() < 0.5 / 255
    assert (places[:, 2] - places[:, 3]).abs().max() < 0.5 / 255


def test_it_is_small_and_of_half_precision() -> None:
    assert (MODELS / UPSCALER_FILE).stat().st_size < 400_000


@pytest.mark.parametrize(
    ("size", "asked", "count"),
    [
        ((1024, 768), (2048, 1536), 1),
        ((1024, 683), (2049, 1367), 1),
        ((1024, 768), (1500, 1125), 1),
        ((1024, 768), (4096, 3072), 2),
        ((500, 400), (4000, 3200), 3),
        ((100, 100), (8000, 8000), 3),
        ((1024, 768), (1024, 768), 0),
        ((1024, 768), (640, 480), 0),
    ],
)
def test_it_doubles_as_often_as_the_size_takes(size: tuple[int, int], asked: tuple[int, int], count: int) -> None:
    assert doublings(size, asked) == count


@pytest.mark.parametrize("longest", [256, 340, 512, 600])
def test_a_finished_picture_has_the_asked_size_and_the_networks_pixels(longest: int) -> None:
    pixels, upscaler = to_tensor(draw_painting(256, 192)), shipped()
    scene = Scene(draw_photo(256, 192), (), upscaler=upscaler)
    picture = Finish(scene, PaintOptions(size=256, output_size=longest, resample="network"))(pixels)
    found = np.concatenate(list(picture.strips(np.uint16)))
    assert found.shape == (longest * 3 // 4, longest, 3) == (picture.height, picture.width, 3)
    large = pixels
    while large.shape[3] < longest:
        large = upscaler(large).clamp(0, 1)
    channels = [Image.fromarray(each.numpy()).resize((picture.width, picture.height), 1) for each in large[0]]
    expected = np.stack([np.asarray(each) for each in channels], 2).clip(0, 1) * 65535
    assert np.abs(found - expected).max() < 4


def test_without_a_network_it_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="resample is network"):
        Finish(Scene(draw_photo(), ()), PaintOptions(output_size=512, resample="network"))


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UpscalerUnavailableError, match="missing"):
        load_upscaler(tmp_path, CPU)
    whole = (MODELS / UPSCALER_FILE).read_bytes()
    (tmp_path / UPSCALER_FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UpscalerUnavailableError, match="damaged"):
        load_upscaler(tmp_path, CPU)
