"""Matching of patches, held against loops over all pairs; and paintings that are put together from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.worker.engine.conftest import broken_off, draw_painting
from worker.engine import Checkpoint, Exemplar, Extractor, Fingerprint, PaintOptions, Region, Room, Scene, paint
from worker.engine.images import to_tensor
from worker.engine.memory.tiling import Window
from worker.engine.networks.extractors import geometry
from worker.engine.style.patches import MOST, PATCH_LAYERS, PatchPart, matched_patches, patches_of

OPTIONS = PaintOptions(preset="mrf", size=128, quality="draft")
SIZE = (128, 96)


@pytest.fixture(scope="module")
def source() -> Image.Image:
    return draw_painting().resize((160, 128))


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(3))


def part_of(painting: Image.Image, extractor: Extractor, areas: dict[str, Tensor] | None = None) -> PatchPart:
    everywhere = {layer: torch.ones(96 // stride, 128 // stride) for layer, stride in strides(extractor).items()}
    patches = patches_of([(Exemplar.of(painting), 1.0)], 128, extractor, PATCH_LAYERS)
    return PatchPart(patches, areas or everywhere)


def strides(extractor: Extractor) -> dict[str, int]:
    return {layer: geometry(layer, extractor.layers)[0] for layer in PATCH_LAYERS}


def all_patches(activations: Tensor) -> list[Tensor]:
    """Of [1, C, h, w], row by row."""
    _, _, height, width = activations.shape
    return [
        activations[0, :, row : row + 3, column : column + 3]
        for row in range(height - 2)
        for column in range(width - 2)
    ]


def test_each_patch_is_matched_with_the_one_of_the_largest_normalised_cross_correlation(
    source: Image.Image, pixels: Tensor, extractor: Extractor
) -> None:
    pixels, spans = pixels[..., :48, :64], [Window.whole(48, 64)]
    match = matched_patches(lambda _: extractor(pixels, PATCH_LAYERS), spans, [part_of(source, extractor)], extractor)
    size = (128, 102)
    taps = extractor(to_tensor(source, size), PATCH_LAYERS)
    for layer, found in zip(PATCH_LAYERS, match.entries, strict=True):
        theirs = all_patches(taps[layer])
        for place, mine in enumerate(all_patches(extractor(pixels, [layer])[layer])):
            likenesses = [float((mine * each).sum() / (mine.norm() * each.norm())) for each in theirs]
            chosen = likenesses[int(found.flatten()[place])]
            assert chosen == pytest.approx(max(likenesses), abs=1e-5), (layer, place)


def test_windows_find_the_matches_and_the_targets_of_the_whole(
    source: Image.Image, pixels: Tensor, extractor: Extractor
) -> None:
    part, whole = part_of(source, extractor), Window.whole(96, 128)
    spans = [span for top in (0, 48) for span in _halves(top)]
    tiled = matched_patches(lambda each: extractor(each.crop(pixels), PATCH_LAYERS), spans, [part], extractor)
    match = matched_patches(lambda _: extractor(pixels, PATCH_LAYERS), [whole], [part], extractor)
    wanted = match.targets(whole, extractor)
    for found, at_once in zip(tiled.entries, match.entries, strict=True):
        assert float((found == at_once).float().mean()) > 0.98  # but for ties within rounding
    rests = dict.fromkeys(PATCH_LAYERS, 0.0)
    for span in spans:
        for layer, target in match.targets(span, extractor).items():
            stride = strides(extractor)[layer]
            torch.testing.assert_close(target.values, span.of_layer(wanted[layer].values, stride))
            torch.testing.assert_close(target.factor, span.of_layer(wanted[layer].factor, stride))
            rests[layer] += float(target.rest)
    for layer, rest in rests.items():
        assert rest == pytest.approx(float(wanted[layer].rest), rel=1e-3)


def _halves(top: int) -> list[Window]:
    """The left and the right half of some rows, seen with all that their activations depend on."""
    return [Window(top, top + 48, left, left + 64, 0, 96, 0, 128, 96, 128) for left in (0, 64)]


def test_only_patches_inside_the_map_are_taken(source: Image.Image, extractor: Extractor) -> None:
    """The left half is black, and has no patch like the right one's."""
    half = source.copy()
    half.paste("black", (0, 0, 80, 128))
    inside = np.array([[False, True]])
    taken = patches_of([(Exemplar.of(half, inside), 1.0)], 128, extractor, ["relu3_1"])["relu3_1"]
    whole = patches_of([(Exemplar.of(half), 1.0)], 128, extractor, ["relu3_1"])["relu3_1"]
    assert len(taken.norms) == pytest.approx(len(whole.norms) / 2, rel=0.1)
    assert float(taken.values.mean()) > 1.2 * float(whole.values.mean())


def test_of_a_large_painting_no_more_patches_are_offered_than_memory_has_room_for(extractor: Extractor) -> None:
    large = Image.effect_noise((1600, 1200), 90).convert("RGB")
    exemplar = Exemplar.of(large)
    assert max(exemplar.picture.size) == 1024
    both = patches_of([(exemplar, 3.0), (exemplar, 1.0)], 2000, extractor, PATCH_LAYERS)
    assert all(len(each.norms) == MOST for each in both.values())
    first, second = both["relu3_1"].values[: 3 * MOST // 4], both["relu3_1"].values[3 * MOST // 4 :]
    assert torch.equal(first[0], second[0]), "each painting's own begin with its first patch"


@pytest.fixture(scope="module")
def scene(source: Image.Image, style: Fingerprint) -> Scene:
    ramp = np.linspace(0, 255, SIZE[0])[None, :, None] * np.ones((SIZE[1], 1, 3))
    with_pixels = replace(style, exemplars=((Exemplar.of(source), 1.0),))
    return Scene.of(Image.fromarray(ramp.astype(np.uint8)), with_pixels)


def painted(scene: Scene, extractor: Extractor, options: PaintOptions = OPTIONS, room: Room | None = None) -> Tensor:
    return to_tensor(paint(scene, extractor, options, room=room).picture.image())


def test_the_same_scene_is_painted_the_same_and_nearer_to_the_paintings_patches(
    scene: Scene, source: Image.Image, extractor: Extractor
) -> None:
    first, again = (painted(scene, extractor) for _ in range(2))
    assert torch.equal(first, again)
    theirs = patches_of([(Exemplar.of(source), 1.0)], 128, extractor, ["relu3_1"])["relu3_1"]

    def likeness(picture: Tensor) -> float:
        mine = torch.stack(all_patches(extractor(picture, ["relu3_1"])["relu3_1"])).flatten(1)
        return float((mine @ theirs.values.flatten(1).T / theirs.norms / mine.norm(dim=1)[:, None]).amax(1).mean())

    assert likeness(first) > likeness(to_tensor(scene.photo, SIZE)) + 0.1


def test_where_memory_is_short_it_is_painted_in_tiles(scene: Scene, extractor: Extractor, tmp_path: Path) -> None:
    options = PaintOptions(preset="mrf", size=448, iterations=20)
    calls: tuple[list[float], list[float]] = ([], [])
    whole, in_tiles = (
        to_tensor(paint(scene, extractor, options, lambda each: told.append(each.fraction), room=room).picture.image())  # noqa: B023
        for told, room in zip(calls, (None, Room(375_000_000, tmp_path)), strict=True)
    )
    assert len(calls[1]) > len(calls[0]) + 3, "the last stages are looked at in parts"
    assert float((in_tiles - whole).abs().mean()) < 0.03


def test_a_stopped_painting_goes_on_from_its_checkpoint_with_the_same_matches(
    scene: Scene, extractor: Extractor
) -> None:
    kept = broken_off(scene, extractor, OPTIONS, lambda each: each.stage == 2 and each.iteration >= 3)
    resumed: list[Checkpoint] = []
    whole = paint(scene, extractor, OPTIONS)
    ended = paint(scene, extractor, OPTIONS, lambda each: resumed.append(each.checkpoint()), resume=kept)
    assert resumed[0].stage == 2
    assert len(kept.entries) == 2
    assert all(torch.equal(a, b) for a, b in zip(resumed[0].entries, kept.entries, strict=True))
    assert float((to_tensor(ended.picture.image()) - to_tensor(whole.picture.image())).abs().mean()) < 0.03


def test_each_region_is_put_together_from_its_own_painting(
    scene: Scene, style: Fingerprint, extractor: Extractor
) -> None:
    strokes = np.asarray(draw_painting().convert("L"), float)[..., None] / 255
    blue, red = (Image.fromarray((strokes * color).astype(np.uint8)) for color in ([60, 90, 255], [255, 60, 30]))
    mask = Image.new("L", SIZE, "white")
    mask.paste("black", (64, 0, 128, 96))
    regions = tuple(
        Region(replace(style, exemplars=((Exemplar.of(each), 1.0),)), where)
        for each, where in ((blue, mask), (red, None))
    )
    found = painted(replace(scene, regions=regions), extractor, replace(OPTIONS, strength=10.0))
    left, right = found[..., :56], found[..., 72:]
    assert float(left[:, 2].mean() - left[:, 0].mean()) > float(right[:, 2].mean() - right[:, 0].mean()) + 0.2


def test_without_the_paintings_pixels_it_is_refused(style: Fingerprint, extractor: Extractor) -> None:
    with pytest.raises(ValueError, match="pixels"):
        paint(Scene.of(Image.new("RGB", SIZE), style), extractor, OPTIONS)
