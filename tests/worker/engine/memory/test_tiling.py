"""Tiles add up to the whole: the same loss and the same gradient, for every loss, size and mask."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.worker.engine import rounding
from tests.worker.engine.conftest import compact, draw_photo, narrow_extractor
from worker.engine import (
    Checkpoint,
    Extractor,
    Fingerprint,
    Iterate,
    PaintOptions,
    Region,
    Room,
    Scene,
    TooLargeError,
    fingerprint_of,
    needs,
    paint,
)
from worker.engine.brief import Brief
from worker.engine.memory.spill import Spill
from worker.engine.memory.tiling import STRIDE, halo_of, windows
from worker.engine.networks.extractors import STYLE_LAYERS
from worker.engine.objective import Objective, Workspace
from worker.engine.presets import PRESET_NAMES, PresetName
from worker.engine.pyramid import Stage
from worker.engine.room import PLACED, Layout, layout

DTYPES = [torch.float32, torch.bfloat16]


@pytest.fixture(scope="module")
def narrow() -> Extractor:
    return narrow_extractor()


def noise(size: tuple[int, int], seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Pixels of a picture of `size` (width, height)."""
    return torch.rand(1, 3, size[1], size[0], dtype=dtype, generator=torch.Generator().manual_seed(seed))


def brief_of(extractor: Extractor, correlations: bool = False) -> Brief:
    """Of Gram matrices at the five style layers and content at relu4_2, by L-BFGS."""
    brief = Brief.of((1600, 1200), PaintOptions(preset="seed"), extractor)
    return replace(brief, recipe=replace(brief.recipe, correlations=correlations))


def stage_of(width: int, height: int) -> Stage:
    return Stage(max(width, height), width, height, 500)


def loss_and_gradient(objective: Objective, pixels: Tensor) -> tuple[float, Tensor]:
    pixels = pixels.detach().requires_grad_(True)
    loss = objective(pixels)
    (gradient,) = torch.autograd.grad(loss, pixels)
    return loss.item(), gradient


def assert_tiles_add_up(
    scene: Scene, options: PaintOptions, extractor: Extractor, size: tuple[int, int], tiles: int, tolerance: float
) -> None:
    """Tiles of 128 pixels, of which there are `tiles`, against the whole."""
    pixels = noise(size, 3, torch.promote_types(extractor.dtype, torch.float32))
    brief = scene.brief(options, extractor)
    whole, parts = scene.objective(size, brief), scene.objective(size, brief, workspace=Workspace(128))
    assert (len(whole.windows), len(parts.windows)) == (1, tiles)
    if whole.is_matched:
        known = whole.match(pixels, 0.5, 0).entries
        parts.match(pixels, 0.5, 0, known)
    (loss, gradient), (loss_in_tiles, gradient_in_tiles) = (loss_and_gradient(each, pixels) for each in (whole, parts))
    assert loss_in_tiles == pytest.approx(loss, rel=tolerance)
    assert parts(pixels).item() == pytest.approx(loss, rel=tolerance)  # without a gradient, in one pass
    assert ((gradient_in_tiles - gradient).norm() / gradient.norm()).item() < tolerance
    # Nor is it worse at the seams: ten times the usual error is no pixel's by chance.
    assert ((gradient_in_tiles - gradient).abs().max() / gradient.abs().max()).item() < 10 * tolerance


def style_for(options: PaintOptions, extractor: Extractor, painting: Image.Image) -> Fingerprint:
    wanted = needs(options, extractor)
    return fingerprint_of(painting, extractor, (256,), wanted.layers or STYLE_LAYERS, *wanted[1:])


ODD = [(preset, (275, 151), 6) for preset in PRESET_NAMES]


@pytest.mark.parametrize(
    ("preset", "size", "tiles"), [*ODD, ("studio", (256, 97), 2), ("inetwork-paper", (170, 303), 6)]
)
def test_every_preset_in_float64(
    preset: PresetName, size: tuple[int, int], tiles: int, narrow: Extractor, painting: Image.Image
) -> None:
    options = PaintOptions(preset=preset, size=max(size))
    scene = Scene.of(draw_photo(*size), style_for(options, narrow, painting))
    assert_tiles_add_up(scene, options, narrow, size, tiles, 1e-9)


def test_cells_and_gram_matrices_together_in_float64(narrow: Extractor, painting: Image.Image) -> None:
    options = PaintOptions(style_loss="nearest-and-gram", size=275)
    scene = Scene.of(draw_photo(275, 151), style_for(options, narrow, painting))
    assert_tiles_add_up(scene, options, narrow, (275, 151), 6, 1e-9)


@pytest.mark.kernels
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", [(270, 200), (384, 140)])
def test_the_compact_extractor_but_for_rounding(size: tuple[int, int], dtype: torch.dtype, style: Fingerprint) -> None:
    extractor, scene = compact(dtype), Scene.of(draw_photo(*size), style)
    tiles = -(-size[0] // 128) * -(-size[1] // 128)
    tolerance = rounding.of_evaluations(extractor, size[0] * size[1])
    assert_tiles_add_up(scene, PaintOptions(size=max(size)), extractor, size, tiles, tolerance)


@pytest.mark.kernels
@pytest.mark.parametrize("preset", ["studio", "inetwork-paper", "multiscale-w2"])
def test_regions_and_what_is_kept(preset: PresetName, narrow: Extractor, painting: Image.Image) -> None:
    """Masks, in float32, that end within tiles; some have nothing of the first region. Their areas are long sums."""
    size = (275, 151)
    options = PaintOptions(preset=preset, size=max(size), guides="inside")
    one = style_for(options, narrow, painting)
    two = style_for(options, narrow, painting.rotate(90, expand=True))
    mask = Image.new("L", (53, 30))
    mask.paste(255, (5, 4, 24, 20))
    keep = Image.new("L", (53, 30))
    keep.paste(200, (20, 10, 40, 30))
    scene = Scene(draw_photo(*size), (Region(one, mask), Region(two)), keep=keep)
    tolerance = rounding.of_orders(torch.float32, size[0] * size[1])
    assert_tiles_add_up(scene, options, narrow, size, 6, tolerance)


@pytest.mark.kernels
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_what_is_known_of_the_photo_may_lie_in_a_file(tmp_path: Path, dtype: torch.dtype, style: Fingerprint) -> None:
    size, options, extractor = (270, 140), PaintOptions(size=270), compact(dtype)
    scene = Scene.of(draw_photo(*size), style)
    pixels, brief = noise(size, 3, torch.float32), scene.brief(options, extractor)
    inside, outside = (
        scene.objective(size, brief, workspace=Workspace(128, spill)) for spill in (None, Spill(tmp_path))
    )
    for kept, spilled in zip(inside._content, outside._content, strict=True):
        for layer, activations in kept.items():
            assert torch.equal(spilled[layer], activations)
            assert spilled[layer].stride() == activations.stride(), "sums over it are taken in another order"
    (loss, gradient), (same_loss, same_gradient) = (loss_and_gradient(each, pixels) for each in (inside, outside))
    assert loss == same_loss
    assert torch.equal(gradient, same_gradient)
    assert not list(tmp_path.iterdir()), "the file has no name, so nothing stays if the process is killed"


def test_every_tile_is_told_of_also_where_only_the_loss_is_asked_for(style: Fingerprint, extractor: Extractor) -> None:
    """Who watches stops by it, and takes a painter for stuck of which it hears nothing."""
    size, told = (320, 256), list[float]()
    scene, workspace = Scene.of(draw_photo(*size), style), Workspace(128, watch=told.append)
    objective = scene.objective(size, scene.brief(PaintOptions(preset="seed"), extractor), workspace=workspace)
    told.clear()
    with torch.no_grad():
        objective(noise(size, 2, torch.float32))
    assert len(told) == len(objective.windows) > 1
    assert max(told) < 1  # what is looked at is no further evaluation


def test_windows_cover_every_pixel_once_and_begin_where_poolings_do() -> None:
    covered = np.zeros((1000, 777), dtype=int)
    for window in windows(1000, 777, 300, 80):
        assert window.top % STRIDE == window.left % STRIDE == 0
        assert window.outer_top == max(0, window.top - 80)
        assert window.outer_right == min(777, window.right + 80)
        covered[window.top : window.bottom, window.left : window.right] += 1
    assert (covered == 1).all()


def test_the_halo_is_as_wide_as_what_a_cell_sees_beyond_itself() -> None:
    """VGG-19 at relu5_1: 3×3 convolutions 2, 2, 4, 4 and 1 at strides 1, 2, 4, 8 and 16."""
    beyond = 2 * 1 + 2 * 2 + 4 * 4 + 4 * 8 + 1 * 16
    assert halo_of(2 * beyond + 16, 16) == 80
    assert halo_of(3, 1) == STRIDE


def test_a_poster_is_painted_in_little_room_and_goes_on_from_a_checkpoint(
    tmp_path: Path, extractor: Extractor, style: Fingerprint
) -> None:
    """2048 pixels in at least 12 tiles; what comes out is what comes out without a break, and of plenty of room."""
    scene = Scene.of(draw_photo(1600, 500), style)
    options = PaintOptions(size=2048, iterations=1)
    room = Room(330_000_000, tmp_path)
    tile, scratch = layout(brief_of(extractor), stage_of(2048, 640), room)
    assert len(windows(640, 2048, tile or 0, 80)) >= 12
    assert scratch
    tiles, previews = 0, []

    def stop_in_the_last_evaluation(iterate: Iterate) -> bool:
        nonlocal tiles
        if iterate.scale < 2048:
            return False
        tiles += 1
        previews.append(iterate.image(256))
        iterate.checkpoint().save(tmp_path / "checkpoint.safetensors")
        return tiles == 10

    stopped = paint(scene, extractor, options, stop_in_the_last_evaluation, room=room)
    assert stopped.stopped
    assert previews[0].size == (256, 80)
    resumed = paint(scene, extractor, options, None, Checkpoint.load(tmp_path / "checkpoint.safetensors"), room)
    straight, whole = paint(scene, extractor, options, room=room), paint(scene, extractor, options)
    after_a_break, in_one_go, in_one_piece = (
        np.asarray(each.picture.image(), int) for each in (resumed, straight, whole)
    )
    assert np.abs(after_a_break - in_one_go).mean() < 3
    assert np.median(np.abs(after_a_break - in_one_go)) <= 1
    # Where two cells are about as like, the last digit of a sum decides which of them is drawn: strokes may be others,
    # what they make up in squares of 16 pixels is the same.
    squares = (in_one_go - in_one_piece).reshape(640 // 16, 16, 2048 // 16, 16, 3).mean((1, 3))
    assert np.abs(squares).mean() < 3


def test_a_room_too_small_for_one_tile_is_an_error_that_says_how_much_it_takes(
    tmp_path: Path, extractor: Extractor, style: Fingerprint
) -> None:
    scene, options = Scene.of(draw_photo(), style), PaintOptions(preset="seed", size=4096, iterations=1)
    with pytest.raises(TooLargeError) as error:
        paint(scene, extractor, options, room=Room(10_000_000, tmp_path))
    enough = Room(error.value.needed_bytes, tmp_path)
    assert layout(brief_of(extractor), stage_of(4096, 3072), enough).tile


@pytest.mark.parametrize("memory", [350e6, 400e6, 1e9, 3e9, 30e9])
def test_a_layout_uses_the_room_that_there_is(memory: float, tmp_path: Path, extractor: Extractor) -> None:
    found = layout(brief_of(extractor), stage_of(2048, 1536), Room(int(memory), tmp_path))
    if memory > 2.1e9:
        assert found == Layout()
    else:
        assert found.tile
        assert found.tile % STRIDE == 0
        held = (15 if found.scratch else 27 + 8) * 2048 * 1536  # 8: of relu4_2
        assert 250e6 + held + 1.5 * 298 * (found.tile + 160) ** 2 <= memory


# Finds out what goes where of as many labels as its argument says, and tells by how many bytes the peak grew.
PLACING = """
import sys
from pathlib import Path

from PIL import Image

from worker.engine.scene import Region, Scene

def peak():
    return 1024 * int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

masks = [Image.new("L", (640, 480)) for _ in range(int(sys.argv[1]))]
for index, mask in enumerate(masks):
    mask.paste(255, (640 * index // len(masks), 0, 640 * (index + 1) // len(masks), 480))
scene = Scene(Image.new("RGB", (640, 480)), tuple(Region(None, mask) for mask in masks))
scene.spots((320, 240), 0.01)
before = peak()
spots = scene.spots((2048, 1536), 0.01)
print(len(spots), peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no peak of a process is told here")
def test_what_many_labels_take_is_what_a_layout_counts(tmp_path: Path, extractor: Extractor) -> None:
    """A worker with room for the evaluation alone is not given a stage whose labels take as much again."""
    found = [
        subprocess.run([sys.executable, "-c", PLACING, str(count)], capture_output=True, text=True, check=True).stdout
        for count in (8, 20)
    ]
    (few, few_bytes), (many, many_bytes) = (map(int, each.split()) for each in found)
    assert (few, many) == (8, 20)
    pixels = 2048 * 1536
    assert pytest.approx((many_bytes - few_bytes) / (12 * pixels), rel=0.1) == PLACED
    brief, stage = brief_of(extractor), stage_of(2048, 1536)
    tiles = [layout(brief, stage, Room(1_000_000_000, tmp_path), places).tile for places in (1, 8, 20)]
    assert None not in tiles
    assert tiles == sorted(tiles, reverse=True)  # type: ignore[type-var]
    assert tiles[0] != tiles[2]
    with pytest.raises(TooLargeError) as error:
        layout(brief, stage, Room(700_000_000, tmp_path), 20)
    assert layout(brief, stage, Room(error.value.needed_bytes, tmp_path), 20).tile


def test_correlations_of_layers_are_counted_with_their_copies(tmp_path: Path, extractor: Extractor) -> None:
    """Each deeper map lies on its neighbour's grid too, which has four times its positions behind a pooling."""
    room = Room(700_000_000, tmp_path)
    plain, correlating = (
        layout(brief_of(extractor, correlates), stage_of(2048, 1536), room) for correlates in (False, True)
    )
    assert plain.tile
    assert correlating.tile
    assert (plain.tile + 160) ** 2 / (correlating.tile + 160) ** 2 == pytest.approx((74.5 + 58) / 74.5, rel=0.05)
