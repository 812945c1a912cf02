"""Masks against closed forms: the error function at a blurred edge, areas counted by hand, receptive fields probed."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from worker.engine.colors.masks import GUIDE_MODES, GuideMode, guide, mask_of_color, partition, soft_mask
from worker.engine.errors import EmptyMaskError

# Receptive field and stride of relu1_1, relu2_1, relu3_1, relu4_1, relu5_1 of a VGG-16: see `probed` for a check.
FIELDS = ((3, 1), (10, 2), (24, 4), (60, 8), (132, 16))


def half_white(size: tuple[int, int] = (100, 40), mode: str = "L") -> Image.Image:
    """White on the left, black on the right."""
    image = Image.new("L", size)
    image.paste(255, (0, 0, size[0] // 2, size[1]))
    return image if mode == "L" else image.convert(mode)


def random_mask(seed: int, height: int, width: int) -> Tensor:
    """Blobs of all greys with flat black and white parts."""
    coarse = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) * 3 - 1
    return F.interpolate(coarse, (height, width), mode="bilinear").clamp(0, 1)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "P", "LA", "CMYK", "I;16", "I", "F"])
def test_every_mode_says_the_same(mode: str) -> None:
    if mode in ("I;16", "I"):
        deep = np.asarray(half_white()).astype(np.uint16 if mode == "I;16" else np.int32) * 257
        image = Image.fromarray(deep)
    else:
        image = half_white(mode=mode)
    assert image.mode == mode
    mask = soft_mask(image, (100, 40))
    assert mask.dtype == torch.float32
    torch.testing.assert_close(mask[0, 0, 0], torch.tensor([1.0] * 50 + [0.0] * 50))


def test_what_is_transparent_is_not_covered() -> None:
    drawn = Image.new("RGBA", (10, 10), (255, 255, 255, 0))
    drawn.paste((255, 255, 255, 255), (0, 0, 5, 10))
    assert soft_mask(drawn, (10, 10)).sum() == 50


@pytest.mark.parametrize("size", [(37, 91), (7, 5), (400, 160), (100, 40)])
def test_mask_of_another_size_covers_the_same_share(size: tuple[int, int]) -> None:
    mask = soft_mask(half_white(), size)
    assert mask.shape == (1, 1, size[1], size[0])
    assert float(mask.min()) >= 0
    assert float(mask.max()) <= 1
    assert abs(float(mask.mean()) - 0.5) < 0.005
    assert (mask.diff(dim=3) <= 0).all()  # no overshoot, hence no second edge


@pytest.mark.parametrize("feather", [0.01, 0.04, 0.1])
def test_feathered_edge_is_the_error_function(feather: float) -> None:
    mask = soft_mask(half_white((400, 30)), (400, 30), feather)[0, 0, 15]
    offsets = torch.arange(400) + 0.5 - 200
    expected = 0.5 * (1 - torch.erf(offsets / (feather * 400 * math.sqrt(2))))
    # Three boxes are not quite a Gaussian, and the picture ends after two or more sigmas.
    inner = slice(100, 300)
    torch.testing.assert_close(mask[inner], expected[inner], atol=0.02, rtol=0)


def test_feather_is_a_share_of_the_longer_side_at_every_size() -> None:
    small, large = (soft_mask(half_white((100, 40)), (size, size * 2 // 5), 0.05) for size in (200, 800))
    torch.testing.assert_close(F.adaptive_avg_pool2d(large, (80, 200)), small, atol=0.02, rtol=0)


def test_negative_feather_is_refused() -> None:
    with pytest.raises(ValueError, match="feather"):
        soft_mask(half_white(), (100, 40), -0.1)


def test_mask_of_less_than_a_pixel_is_refused_with_the_numbers() -> None:
    speck = Image.new("L", (1000, 1000))
    speck.putpixel((500, 500), 255)
    assert soft_mask(speck, (1000, 1000)).sum() == 1
    with pytest.raises(EmptyMaskError) as refused:
        soft_mask(speck, (100, 100))
    assert refused.value.size == (100, 100)
    assert refused.value.covered < 1


def test_color_map_falls_apart_into_its_regions() -> None:
    colors = ["#ff0000", "#00ff00", "#0000ff"]
    picture = Image.new("RGB", (30, 10))
    for index, (name, near) in enumerate(zip(colors, ("#d81e14", "#20e010", "#3010c0"), strict=True)):
        picture.paste(name, (10 * index, 0, 10 * index + 10, 5))
        picture.paste(near, (10 * index, 5, 10 * index + 10, 10))
    for index, name in enumerate(colors):
        expected = np.zeros((10, 30), np.uint8)
        expected[:, 10 * index : 10 * index + 10] = 255
        np.testing.assert_array_equal(np.asarray(mask_of_color(picture, name, colors)), expected)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.from_regex(r"\A#[0-9a-f]{6}\Z"), min_size=1, max_size=5, unique=True), st.integers(0, 99))
def test_masks_of_all_colors_cover_every_pixel_once_with_the_nearest(colors: list[str], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    masks = np.stack([np.asarray(mask_of_color(Image.fromarray(pixels), color, colors)) for color in colors])
    assert (masks.sum(0, dtype=int) == 255).all()
    points = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors], float)
    distances = np.linalg.norm(pixels[None] - points[:, None, None], axis=3)  # [colors, H, W]
    assert (distances.min(0)[None] >= distances - 1e-9)[masks == 255].all()


def test_color_that_is_not_among_the_others_counts_as_well() -> None:
    picture = Image.new("RGB", (2, 1), "red")
    picture.putpixel((1, 0), (0, 0, 255))
    assert mask_of_color(picture, "#0000ff", ["#ff0000"]).tobytes() == bytes([0, 255])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 50)), min_size=1, max_size=5), st.integers(3, 20))
def test_regions_sum_to_one_everywhere(seeds: list[int | None], width: int) -> None:
    masks = [None if seed is None else random_mask(seed, 9, width) for seed in seeds]
    given = [mask for mask in masks if mask is not None]
    if not given:
        with pytest.raises(ValueError, match="at least one mask"):
            partition(masks)
        return
    before = [mask.clone() for mask in given]
    regions = partition(masks)
    assert len(regions) == len(masks) + (None not in seeds)
    torch.testing.assert_close(sum(regions), torch.ones(1, 1, 9, width))
    assert all(((region >= 0) & (region <= 1)).all() for region in regions)
    assert all(torch.equal(mask, was) for mask, was in zip(given, before, strict=True))


def row(*values: float) -> Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def test_overlapping_masks_share_by_proportion_and_the_rest_follows() -> None:
    regions = partition([row(1, 1, 0.5, 0, 0.2), row(0, 1, 1, 0, 0.3)])
    for got, expected in zip(
        regions, (row(1, 0.5, 1 / 3, 0, 0.2), row(0, 0.5, 2 / 3, 0, 0.3), row(0, 0, 0, 1, 0.5)), strict=True
    ):
        torch.testing.assert_close(got, expected)


def test_region_without_a_mask_gets_what_no_other_covers() -> None:
    first, middle, last = partition([None, row(1, 0.25, 0), None])
    torch.testing.assert_close(first, row(0, 0.375, 0.5))
    torch.testing.assert_close(middle, row(1, 0.25, 0))
    torch.testing.assert_close(last, first)


def test_complementary_masks_leave_no_rest_when_feathered() -> None:
    left = half_white((301, 200))
    right = Image.eval(left, lambda value: 255 - value)
    rest = partition([soft_mask(side, (333, 222), 0.03) for side in (left, right)])[-1]
    assert float(rest.max()) == 0


def probed(mask: Tensor, field: int) -> Tensor:
    """Which cells see any of the mask: 3×3 sums and 2×2 sums as a VGG's convolutions and poolings, borders of zeros."""
    plans = {3: "c", 10: "ccpc", 24: "ccpccpc", 60: "ccpccpcccpc", 132: "ccpccpcccpcccpc"}
    seen = (mask > 0).double()
    for layer in plans[field]:
        seen = (F.avg_pool2d(seen, 3, 1, 1) if layer == "c" else F.avg_pool2d(seen, 2)) > 0
        seen = seen.double()
    return seen


@pytest.mark.parametrize(("field", "stride"), FIELDS)
def test_all_marks_the_cells_that_a_network_shows_to_see_the_mask(field: int, stride: int) -> None:
    mask = torch.zeros(1, 1, 96, 160)
    mask[..., 30:37, 71:90] = 1
    expected = probed(mask, field)
    got = guide(mask, tuple(expected.shape[2:]), field, stride, "all")  # type: ignore[arg-type]
    torch.testing.assert_close(got.double(), expected)


@pytest.mark.parametrize(("field", "stride"), FIELDS[:4])
def test_inside_marks_cells_that_see_nothing_else_and_three_around_within_the_region(field: int, stride: int) -> None:
    mask = torch.zeros(1, 1, 128, 192)
    mask[..., 8:120, 16:176] = 1
    blind = 1 - probed(1 - mask, field)
    cells = torch.tensor([0.0])
    wide = F.conv2d(F.pad(blind, (3, 3, 3, 3)), torch.ones(1, 1, 7, 7, dtype=torch.double)) > 0
    covered = F.avg_pool2d(mask, stride).double()
    expected = torch.where(wide, covered, cells.double())
    got = guide(mask, tuple(expected.shape[2:]), field, stride, "inside")  # type: ignore[arg-type]
    torch.testing.assert_close(got.double(), expected)


def test_region_that_fills_the_picture_is_inside_up_to_the_border() -> None:
    everything = torch.ones(1, 1, 64, 80)
    torch.testing.assert_close(guide(everything, (16, 20), 24, 4, "inside"), torch.ones(1, 1, 16, 20))


def test_thin_region_falls_back_to_simple_instead_of_vanishing() -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 30:34] = 1
    assert torch.equal(guide(mask, (16, 16), 24, 4, "inside"), guide(mask, (16, 16)))


def test_simple_is_the_area_in_each_cell() -> None:
    mask = row(1, 1, 1, 0, 0.5, 0.25).expand(1, 1, 4, 6)
    torch.testing.assert_close(guide(mask, (2, 3)), row(1, 0.5, 0.375).expand(1, 1, 2, 3))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 200), st.integers(64, 90), st.integers(64, 90), st.sampled_from(FIELDS[:4]))
def test_guides_are_shares_and_inside_is_least_and_all_is_most(
    seed: int, height: int, width: int, layer: tuple[int, int]
) -> None:
    mask = random_mask(seed, height, width)
    field, stride = layer
    guides: dict[GuideMode, Tensor] = {
        mode: guide(mask, (height // stride, width // stride), field, stride, mode) for mode in GUIDE_MODES
    }
    for made in guides.values():
        assert made.shape == (1, 1, height // stride, width // stride)
        assert ((made >= 0) & (made <= 1)).all()
    assert (guides["inside"] <= guides["simple"]).all()
    assert (guides["simple"] <= guides["all"]).all()


def test_guides_of_a_partition_sum_to_one_in_every_cell() -> None:
    regions = partition([random_mask(1, 70, 50), random_mask(2, 70, 50)])
    torch.testing.assert_close(sum(guide(region, (17, 12)) for region in regions), torch.ones(1, 1, 17, 12))


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        guide(torch.ones(1, 1, 4, 4), (2, 2), mode="outside")  # type: ignore[arg-type]
