"""The decoder: what it draws of matched cells, in one piece and in tiles, and where it stays out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.worker.engine.conftest import MODELS, compact, draw_painting, draw_photo, narrow_extractor, watched
from worker.engine import (
    Checkpoint,
    Extractor,
    ExtractorUnavailableError,
    Fingerprint,
    PaintOptions,
    Region,
    Room,
    Scene,
    fingerprint_of,
    load_extractor,
    paint,
)
from worker.engine.images import in_floats, to_tensor
from worker.engine.networks.decoder import HALO, Decoder
from worker.engine.networks.extractors import COMPACT_BASIS_FILE, COMPACT_FILE, DECODER_FILE
from worker.engine.objective import Workspace
from worker.engine.paint import GRAIN_OF_THE_FLAT, grained
from worker.engine.presets import PresetName
from worker.engine.style.cells import CELL, remove_grid

INSTANT = PaintOptions(preset="instant", size=160)


def painted(photo: Image.Image, style: Fingerprint, extractor: Extractor, options: PaintOptions = INSTANT) -> Tensor:
    return to_tensor(paint(Scene.of(photo, style), extractor, options).picture.image())


def likeness(one: Tensor, other: Tensor) -> float:
    """Correlation of two pictures' luminances."""
    return float(np.corrcoef(one.mean(1).flatten().numpy(), other.mean(1).flatten().numpy())[0, 1])


def random_decoder() -> tuple[Extractor, Fingerprint]:
    """A narrow network with a decoder of random weights, both in float64, and a painting's style."""
    extractor = narrow_extractor()
    torch.manual_seed(3)
    extractor.decoder = Decoder(columns=18).double().requires_grad_(False)
    return extractor, fingerprint_of(draw_painting(), extractor)


@pytest.mark.parametrize("size", [(300, 230), (161, 303), (510, 129)])
def test_tiles_are_drawn_as_the_whole(size: tuple[int, int]) -> None:
    extractor, style = random_decoder()
    scene, options = Scene.of(draw_photo(*size), style), PaintOptions(size=max(size))
    drawn, brief = [], scene.brief(options, extractor)
    known: tuple[Tensor, ...] = ()  # the same match for both: where two cells are about as like, a last digit decides
    for tile in (None, 128):
        objective = scene.objective(size, brief, workspace=Workspace(tile))
        assert objective.photo is not None
        pixels = in_floats(objective.photo).contiguous()
        known = objective.match(pixels, 0.5, known=known).entries
        objective.draw(pixels, 1.0)
        drawn.append(pixels)
    whole, tiled = drawn
    assert whole.std() > 0.001
    assert torch.allclose(whole, tiled, atol=1e-6)


def test_a_pixel_depends_on_nothing_beyond_the_halo() -> None:
    torch.manual_seed(0)
    decoder = Decoder(columns=18).double()
    matched, photo = (torch.rand(1, 18, 40, 40, dtype=torch.float64, requires_grad=True) for _ in range(2))
    pixels = torch.rand(1, 3, 160, 160, dtype=torch.float64, requires_grad=True)
    decoder(matched, photo, pixels, 1.0)[0, :, 80, 80].sum().backward()
    for given, side in ((matched, CELL), (photo, CELL), (pixels, 1)):
        assert given.grad is not None
        places = given.grad[0].abs().sum(0).nonzero() * side
        assert (places - 80).abs().max() < HALO


def test_what_it_draws_is_the_same_every_time(extractor: Extractor, style: Fingerprint) -> None:
    assert torch.equal(painted(draw_photo(), style, extractor), painted(draw_photo(), style, extractor))


def test_float32_and_bfloat16_draw_alike(extractor: Extractor, starry_night: Fingerprint) -> None:
    options = replace(INSTANT, size=256)
    exact, rough = (
        painted(draw_photo(256, 192), starry_night, each, options) for each in (extractor, compact(torch.bfloat16))
    )
    # Where two cells are about as like, the last digit decides which is drawn: so not every pixel agrees.
    assert likeness(exact, rough) > 0.9
    assert torch.allclose(exact.mean((2, 3)), rough.mean((2, 3)), atol=0.02)
    assert torch.allclose(exact.std((2, 3)), rough.std((2, 3)), atol=0.02)


def test_photo_and_painting_are_both_there(extractor: Extractor, style: Fingerprint) -> None:
    photo, painting = draw_photo(), draw_painting()
    drawn = painted(photo, style, extractor)
    assert likeness(drawn, to_tensor(photo)) > 0.5
    # Colours are the painting's: their mean is nearer to its own than to the photo's.
    mean, there, here = (each.mean((0, 2, 3)) for each in (drawn, to_tensor(painting), to_tensor(photo)))
    assert (mean - there).norm() < (mean - here).norm()


def test_strength_leads_from_the_photo_to_the_painting(extractor: Extractor, style: Fingerprint) -> None:
    photo = draw_photo(256, 192)
    likenesses = [
        likeness(painted(photo, style, extractor, replace(INSTANT, size=256, strength=strength)), to_tensor(photo))
        for strength in (0.25, 1.0, 4.0)
    ]
    assert likenesses == sorted(likenesses, reverse=True)
    assert likenesses[0] > likenesses[-1] + 0.02


@pytest.mark.parametrize("preset", ["instant", "studio"])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_photo_becomes_strokes_without_a_grid(
    preset: PresetName, level: int, extractor: Extractor, starry_night: Fingerprint
) -> None:
    """At the cells' period, and at half of it, there is no more than at the periods beside them; and no frame."""
    photo = Image.new("RGB", (256, 256), (level,) * 3)
    drawn = painted(photo, starry_night, extractor, PaintOptions(preset=preset, size=256))[0].mean(0)
    assert drawn.std() > 0.05, "a painting's strokes, not a colour"
    spectrum = torch.fft.fft2(drawn - drawn.mean()).abs().square()
    unseen = (0.1 / 255 * 256**2 / 2) ** 2  # a wave of a tenth of an 8-bit level
    for along in (spectrum[0], spectrum[:, 0]):
        for cycles in (64, 128):  # in the picture: a quarter and a half of a pixel
            beside = torch.cat([along[cycles - 12 : cycles - 2], along[cycles + 3 : cycles + 13]])
            assert along[cycles] <= max(4 * beside.mean(), unseen)
    middle, edges = drawn[16:-16, 16:-16], torch.cat([drawn[:8].flatten(), drawn[-8:].flatten()])
    assert edges.std() < 2 * middle.std()


def test_two_flat_parts_become_strokes_too(extractor: Extractor, starry_night: Fingerprint) -> None:
    """Each painted by itself: nothing repeats itself from row to row, as the photo does."""
    left = Image.new("L", (256, 256), 0)
    left.paste(255, (0, 0, 128, 256))
    photo = Image.composite(Image.new("RGB", left.size, "white"), Image.new("RGB", left.size, "gray"), left)
    scene = Scene(photo, (Region(starry_night, left), Region(starry_night)))
    drawn = to_tensor(paint(scene, extractor, replace(INSTANT, size=256)).picture.image())[0].mean(0)
    for half in (drawn[:, 16:112], drawn[:, 144:240]):
        assert half.std(0).mean() > 0.05


def test_what_a_photo_shows_gets_no_noise() -> None:
    """So that it is painted as it is: only what is flat there is made to differ."""
    pixels = to_tensor(draw_photo(64, 48))
    pixels[..., :20] = 0.5
    pixels[..., 20:] += 0.02 * torch.rand(1, 3, 48, 44, generator=torch.Generator().manual_seed(0))
    begun = grained(pixels, 0.0, 0)
    assert torch.equal(begun[..., 20:], pixels[..., 20:].clamp(0, 1))
    assert begun[..., :19].std() == pytest.approx(GRAIN_OF_THE_FLAT, rel=0.1)


def test_the_grid_alone_is_taken_away() -> None:
    """By the spectrum of numpy: what is removed lies at multiples of a quarter cycle, and all that lay there."""
    pixels = torch.rand(1, 3, 50, 70, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    before = pixels.clone()
    remove_grid(pixels)
    assert torch.equal(pixels[..., 48:, :], before[..., 48:, :]), "rows that make no whole cell"
    was, now = (np.fft.fft2(each[0, 0, :48, :68].numpy()) for each in (before, pixels))
    of_grid = np.zeros((48, 68), bool)
    of_grid[::12, ::17] = True
    of_grid[0, 0] = False  # the mean
    np.testing.assert_allclose(now[~of_grid], was[~of_grid], atol=1e-9)
    np.testing.assert_allclose(now[of_grid], 0, atol=1e-9)


def test_each_region_is_drawn_of_its_own_painting(extractor: Extractor, style: Fingerprint) -> None:
    photo, other = draw_photo(256, 128), fingerprint_of(draw_painting(seed=9).convert("L").convert("RGB"), extractor)
    left = Image.new("L", (256, 128), 0)
    left.paste(255, (0, 0, 128, 128))
    scene = Scene(photo, (Region(style, left), Region(other)))
    picture = to_tensor(paint(scene, extractor, replace(INSTANT, size=256)).picture.image())
    spread = (picture.max(1).values - picture.min(1).values)[0]
    assert spread[:, 160:].mean() < 0.08, "a painting in greys"
    assert spread[:, :96].mean() > 0.2


def test_what_is_kept_of_the_photo_stays(extractor: Extractor, style: Fingerprint) -> None:
    photo = draw_photo()
    keep = Image.new("L", photo.size, 0)
    keep.paste(255, (0, 0, 80, 120))
    scene = Scene(photo, (Region(style),), keep=keep)
    picture = to_tensor(paint(scene, extractor, replace(INSTANT, feather=0.0)).picture.image())
    assert torch.equal(picture[..., :70], to_tensor(photo)[..., :70])


def test_it_is_seen_and_can_be_stopped_from_the_first_scale_on(extractor: Extractor, style: Fingerprint) -> None:
    pastiche, seen = watched(Scene.of(draw_photo(), style), extractor, replace(INSTANT, size=256), 2)
    assert pastiche.stopped
    assert [(each.scale, each.iteration, each.iterations) for each in seen] == [(64, 0, 0), (128, 0, 0)]
    assert 0 < seen[0].fraction < seen[1].fraction < 1
    assert max(pastiche.picture.image().size) == 128


@pytest.mark.parametrize("preset", ["instant", "studio"])
def test_a_painting_that_was_broken_off_goes_on(preset: PresetName, extractor: Extractor, style: Fingerprint) -> None:
    scene, options = Scene.of(draw_photo(), style), PaintOptions(preset=preset, size=128, quality="draft")
    kept = list[Checkpoint]()
    whole = paint(scene, extractor, options, lambda each: kept.append(each.checkpoint()))
    drawn, differences = to_tensor(whole.picture.image()), list[float]()
    for checkpoint in kept:
        resumed = paint(scene, extractor, options, resume=checkpoint)
        differences.append(float((to_tensor(resumed.picture.image()) - drawn).abs().mean()))
    # An optimiser that starts again goes another way to the same end, most of all after its first, wildest steps.
    each, all_of_them = (0.08, 0.03) if preset == "studio" else (0.01, 0.01)
    assert max(differences) < each
    assert sum(differences) / len(differences) < all_of_them
    assert differences[-1] < 1e-3, "nothing was left to do"


def test_little_memory_paints_the_same(extractor: Extractor, style: Fingerprint, tmp_path: Path) -> None:
    """Where it is looked at in smaller tiles, a picture is still matched as the whole is."""
    scene, options = Scene.of(draw_photo(), style), replace(INSTANT, size=640)
    little = Room(300_000_000, tmp_path)
    whole, parts = (to_tensor(paint(scene, extractor, options, room=room).picture.image()) for room in (None, little))
    # Rounding may decide between two cells that are alike to the last digit.
    assert float(((parts - whole).abs() > 2 / 255).float().mean()) < 0.01


def models_with(decoder: bytes | None, folder: Path) -> Path:
    for name in (COMPACT_FILE, COMPACT_BASIS_FILE):
        shutil.copy(MODELS / name, folder)
    if decoder is not None:
        (folder / DECODER_FILE).write_bytes(decoder)
    return folder


def test_without_a_decoder_everything_is_evaluated(style: Fingerprint, tmp_path: Path) -> None:
    extractor = load_extractor("compact", models_with(None, tmp_path), tmp_path, torch.device("cpu"), torch.float32)
    seen: list[int] = []
    paint(
        Scene.of(draw_photo(), style),
        extractor,
        replace(INSTANT, size=64),
        lambda iterate: seen.append(iterate.iteration),
    )
    assert seen == list(range(1, 21))


def test_another_extractors_decoder_is_left_alone(tmp_path: Path) -> None:
    folder = models_with(None, tmp_path)
    save_file(load_file(MODELS / DECODER_FILE), folder / DECODER_FILE, metadata={"extractor": "0" * 64})
    assert load_extractor("compact", folder, tmp_path, torch.device("cpu"), torch.float32).decoder is None


def test_a_damaged_decoder_is_named(tmp_path: Path) -> None:
    whole = (MODELS / DECODER_FILE).read_bytes()
    folder = models_with(whole[: len(whole) // 2], tmp_path)
    with pytest.raises(ExtractorUnavailableError, match="damaged"):
        load_extractor("compact", folder, tmp_path, torch.device("cpu"), torch.float32)
