"""Matching against brute force, and the loss that follows from it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from tests.worker.engine.conftest import draw_painting, draw_photo, narrow_extractor
from worker.engine import Extractor, Fingerprint, PaintOptions, Region, Scene, blend, fingerprint_of
from worker.engine.images import in_floats
from worker.engine.memory.tiling import Window, windows
from worker.engine.objective import Objective, Workspace
from worker.engine.options import recipe
from worker.engine.presets import PRESETS
from worker.engine.style.cells import CELL_LAYERS, columns_of, soft_colors
from worker.engine.style.codebook import Book, joined
from worker.engine.style.match import CellPart, Match, Matching, Seen, loosened, matched, variances

SIZE = (160, 120)
NEAREST = partial(PaintOptions, preset="studio")


def worths(
    seen: Seen, book: Book, color_weight: float, around: np.ndarray | None = None, whole: float = 0.0
) -> np.ndarray:
    """[N, K], one by one: the cosine less the colours' squared distances, from a cell's own and from what is around."""
    columns, colors = seen.columns.double().numpy(), seen.colors.double().numpy()
    here = columns - columns.mean(0)
    found = np.empty((len(here), len(book.masses)))
    for index, (cell, color) in enumerate(zip(here, colors, strict=True)):
        for number, (there, its) in enumerate(
            zip(book.deviations.double().numpy(), book.colors.double().numpy(), strict=True)
        ):
            found[index, number] = cell @ there / np.linalg.norm(cell) / np.linalg.norm(there)
            found[index, number] -= color_weight * ((color - its) ** 2).sum()
            if around is not None:
                found[index, number] -= whole * ((around[index] - its) ** 2).sum()
    return found


def brute_force(seen: Seen, book: Book, color_weight: float) -> list[int]:
    """For each cell the book's cell that is worth most."""
    return [int(each) for each in worths(seen, book, color_weight).argmax(1)]


def looked_at(scene: Scene, extractor: Extractor, size: tuple[int, int] = SIZE) -> tuple[Objective, Seen]:
    """An objective, and the cells of its motif."""
    objective = scene.objective(size, scene.brief(NEAREST(size=max(size)), extractor))
    assert objective.photo is not None
    pixels, window = in_floats(objective.photo), Window.whole(size[1], size[0])
    colors = soft_colors(pixels, window)
    return objective, Seen(columns_of(extractor(pixels, CELL_LAYERS), window, extractor), colors, colors)


@pytest.mark.parametrize("of", ["one painting", "two paintings", "two kept in other directions", "other parts too"])
def test_without_prices_each_cell_gets_what_brute_force_finds(
    extractor: Extractor, style: Fingerprint, of: str
) -> None:
    _, seen = looked_at(Scene.of(draw_photo(), style), extractor)
    book, other = style.book(128), fingerprint_of(draw_painting(seed=9), extractor, (128,)).book(128)
    if of == "two paintings":
        book = joined([(book, 1.0), (other, 1.0)])
    elif of == "two kept in other directions":
        turned = torch.linalg.qr(torch.randn(64, 64, generator=torch.Generator().manual_seed(1)))[0]
        book = joined(
            [(book, 1.0), (replace(other, codes=other.codes @ turned, directions=other.directions @ turned), 1.0)]
        )
    elif of == "other parts too":
        parts = [CellPart(each, torch.ones(30, 40)) for each in (book, other)]
        book = loosened(parts, 0.0)[0].book
        expected_columns = torch.cat([parts[0].book.columns, other.columns])
        torch.testing.assert_close(book.deviations + book.means[0], expected_columns, atol=1e-4, rtol=1e-4)
    expected = brute_force(seen, book, 2.0)
    # Prices of sources' shares aside, which is what one source is for.
    book = replace(book, sources=torch.zeros_like(book.sources), means=book.means[:1], shares=torch.ones(1))
    part, window = CellPart(book, torch.ones(30, 40)), Window.whole(SIZE[1], SIZE[0])
    match = matched(lambda _: seen, [window], [part], Matching(colors=2.0, usage=0, draw=0), 0.0)
    agreeing = match.entries[0].flatten().numpy() == np.array(expected)
    assert agreeing.mean() > 0.995, "float32 may decide another way where two are alike to its last digits"


@pytest.mark.parametrize("size", [(3000, 3000), (64, 140_000)])
def test_large_pictures_are_matched_alike_in_windows_and_as_a_whole(size: tuple[int, int]) -> None:
    """Prices are found on squares, which are the same however the picture is looked at."""
    random = torch.Generator().manual_seed(3)
    height, width = size
    columns = torch.rand(height // 4, width // 4, 6, generator=random)
    colors = torch.rand(height // 4, width // 4, 3, generator=random)
    book = Book(
        torch.randn(40, 6, generator=random), torch.eye(6), torch.rand(40, 3, generator=random),
        torch.full((40,), 1 / 40), torch.zeros(40, dtype=torch.long), torch.zeros(1, 6), torch.ones(1),
    )  # fmt: skip
    looks = 0

    def look(window: Window) -> Seen:
        nonlocal looks
        cells = window.cells(4)
        looks += columns[cells].shape[:2].numel()
        return Seen(*(each[cells].flatten(0, 1) for each in (columns, colors, colors)))

    part, matching = CellPart(book, torch.ones(height // 4, width // 4)), Matching(usage=0.5)
    whole = matched(look, [Window.whole(height, width)], [part], matching, 0.5)
    looks = 0
    in_tiles = matched(look, windows(height, width, 1024, 32), [part], matching, 0.5)
    assert (whole.entries[0] == in_tiles.entries[0]).float().mean() > 0.9999
    assert 4096 < looks - columns.shape[:2].numel() < 20_000, "cells that were looked at for their prices"
    without = matched(look, [Window.whole(height, width)], [part], Matching(usage=0), 0.5)
    assert (whole.entries[0] != without.entries[0]).float().mean() > 0.01, "there are prices"


def test_prices_keep_cells_from_being_used_too_often(extractor: Extractor, style: Fingerprint) -> None:
    objective, seen = looked_at(Scene.of(draw_photo(), style), extractor)
    window = Window.whole(SIZE[1], SIZE[0])

    def most_used(usage: float) -> float:
        found = matched(lambda _: seen, [window], objective.cells, Matching(usage=usage), 0.5).entries[0]
        return float(torch.bincount(found.flatten().int()).max()) / found.numel()

    assert most_used(0.1) < most_used(0.0)


def test_the_more_variety_the_more_evenly_cells_are_used(extractor: Extractor, style: Fingerprint) -> None:
    """By the entropy of their use; as usual is exactly as the preset says."""
    objective, seen = looked_at(Scene.of(draw_photo(), style), extractor)
    window = Window.whole(SIZE[1], SIZE[0])
    usual, alone = list[float](), list[float]()
    for variety in (0.0, 0.5, 1.0, 2.0, 4.0):
        asked = recipe(NEAREST(variety=variety)).matching
        for entropies, matching in ((usual, asked), (alone, replace(asked, surroundings=(0.0, 0.0)))):
            found = matched(lambda _: seen, [window], objective.cells, matching, 0.5).entries[0]
            shares = torch.bincount(found.flatten().int()) / found.numel()
            entropies.append(float(-(shares * shares.clamp_min(1e-9).log()).sum()))
    assert all(after > before for before, after in pairwise(alone))
    # What surroundings become counts as well, and of a few things each may settle on another cell at other prices.
    assert usual[-1] > usual[0] + 0.3
    assert recipe(NEAREST()).matching == PRESETS["studio"].matching


def test_the_less_fidelity_the_more_cells_come_from_other_parts(extractor: Extractor, style: Fingerprint) -> None:
    """Left is one painting's, right another's, and the picture is the same on both sides."""
    other = fingerprint_of(draw_painting(seed=9), extractor, (128,))
    _, seen = looked_at(Scene.of(draw_photo(), style), extractor)
    left = torch.zeros(30, 40)
    left[:, :20] = 1
    books = style.book(128), other.book(128)
    parts = [CellPart(books[0], left), CellPart(books[1], 1 - left)]
    window, strange = Window.whole(SIZE[1], SIZE[0]), []
    for fidelity in (1.0, 0.9, 0.6, 0.3, 0.0):
        loose = loosened(parts, fidelity)
        found = matched(lambda _: seen, [window], loose, Matching(), 0.5).entries
        sides = (left > 0, left == 0)
        foreign = [
            (each[side] >= len(book.masses)).float().mean()
            for each, side, book in zip(found, sides, books, strict=True)
        ]
        strange.append(float(sum(foreign)) / 2)
    assert strange[0] == 0
    assert strange == sorted(strange)
    assert strange[-1] > 0.15
    kept = loosened(parts, 0.5)[0].columns
    torch.testing.assert_close(kept[: len(books[0].masses)], books[0].columns.clamp_min(0))
    torch.testing.assert_close(kept[len(books[0].masses) :], books[1].columns.clamp_min(0), atol=1e-4, rtol=1e-4)


def test_surroundings_count_as_in_a_mean_field_of_all_cells(extractor: Extractor, style: Fingerprint) -> None:
    """Cell by cell, after Krähenbühl and Koltun: first each by itself, then with an eye on the others' colours."""
    size, (height, width) = (96, 64), (16, 24)
    _, seen = looked_at(Scene.of(draw_photo(*size), style), extractor, size)
    book = style.book(128)
    book = replace(book, sources=torch.zeros_like(book.sources), means=book.means[:1], shares=torch.ones(1))
    photo = seen.photo.double().numpy()
    contrast = np.sqrt(np.mean(photo.var(0)))
    weights = np.zeros((len(photo), len(photo)))
    for one, other in np.ndindex(weights.shape):
        places = np.array(divmod(one, width)) - np.array(divmod(other, width))
        apart = ((photo[one] - photo[other]) / (0.4 * contrast)) ** 2
        weights[one, other] = np.exp(-(apart.sum() + (places**2).sum() / (0.2 * width) ** 2) / 2)
    weights /= weights.sum(1, keepdims=True)
    its, around = book.colors.double().numpy(), None
    for _ in range(9):  # each by itself, and eight rounds
        likely = np.exp(worths(seen, book, 1.0, around, 5.0) / 0.02)
        expected_colors = likely @ its / likely.sum(1, keepdims=True)
        # Half of what a cell differs in the photo from what is around it.
        around = weights @ (expected_colors - photo / 2) + photo / 2
    alone, expected = worths(seen, book, 1.0).argmax(1), worths(seen, book, 1.0, around, 5.0).argmax(1)
    part, window = CellPart(book, torch.ones(height, width)), Window.whole(size[1], size[0])
    matching = Matching(colors=1.0, usage=0, draw=0, surroundings=(10.0, 0.0))
    found = matched(lambda _: seen, [window], [part], matching, 0.5).entries[0].flatten().numpy()
    assert (found == expected).mean() > 0.98, "float32 may decide another way where two are alike"
    assert (alone != expected).mean() > 0.1


@pytest.mark.parametrize("size", [(256, 192), (512, 384)])
def test_what_is_one_color_in_the_photo_stays_one(
    extractor: Extractor, starry_night: Fingerprint, size: tuple[int, int]
) -> None:
    """A calm dark shape before a calm bright ground, with a sensor's noise."""
    pixels = np.full((size[1], size[0], 3), (200, 190, 170), np.float64)
    pixels[size[1] // 4 :, size[0] // 4 : 3 * size[0] // 4] = (40, 42, 50)
    pixels += np.random.default_rng(5).normal(0, 4, pixels.shape)
    photo = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    objective, seen = looked_at(Scene.of(photo, starry_night), extractor, size)
    window, colors = Window.whole(size[1], size[0]), objective.cells[0].book.colors

    def unevenness(weights: tuple[float, float]) -> list[float]:
        matching = Matching(surroundings=weights)
        found = matched(lambda _: seen, [window], objective.cells, matching, 0.4).entries[0].long()
        height, width = found.shape
        shape = found[height // 4 + 3 :, width // 4 + 3 : 3 * width // 4 - 3]
        ground = found[:, : width // 4 - 3]
        return [float(colors[each.flatten()].var(0).sum()) for each in (shape, ground)]

    usual, alone = Matching().surroundings, (0.0, 0.0)
    for together, by_itself in zip(unevenness(usual), unevenness(alone), strict=True):
        assert together < 0.5 * by_itself


def test_where_a_painting_is_free_it_need_not_keep_the_photos_things_whole() -> None:
    weights = [recipe(NEAREST(strength=strength)).matching.surroundings for strength in (0.5, 1.0, 2.0, 3.0, 4.0)]
    usual = PRESETS["studio"].matching.surroundings
    assert weights[:3] == [usual] * 3
    assert weights[-1] == (0.0, 0.0)
    assert all(0 < each < before for each, before in zip(weights[3], usual, strict=True))


def test_without_a_photo_nothing_tells_what_belongs_together(extractor: Extractor, style: Fingerprint) -> None:
    objective, seen = looked_at(Scene.of(draw_photo(), style), extractor)
    window, parts = Window.whole(SIZE[1], SIZE[0]), objective.cells
    around = Matching().surroundings
    free, usual, alone = (
        matched(lambda _: seen, [window], parts, Matching(surroundings=weights), share).entries[0]
        for share, weights in ((0.0, around), (0.5, around), (0.5, (0.0, 0.0)))
    )
    assert torch.equal(free, alone)
    assert not torch.equal(usual, alone)


def test_a_blend_is_used_by_its_shares(extractor: Extractor, style: Fingerprint) -> None:
    other = fingerprint_of(draw_painting(seed=9).convert("L").convert("RGB"), extractor, (128,))
    objective, seen = looked_at(Scene.of(draw_photo(), blend([(style, 3.0), (other, 1.0)])), extractor)
    book = objective.cells[0].book
    match = matched(lambda _: seen, [Window.whole(120, 160)], objective.cells, Matching(), 0.5)
    used = torch.bincount(book.sources[match.entries[0].flatten().long()], minlength=len(book.shares)) / 1200
    # Of each painting two scales are there, whose cells are much alike: what one lacks, the other has.
    of_paintings = torch.stack([used[:2].sum(), used[2:].sum()])
    torch.testing.assert_close(of_paintings, torch.tensor([0.75, 0.25]), atol=0.08, rtol=0)
    assert (used - book.shares).abs().max() < 0.12


def test_windows_are_matched_as_the_whole_is(extractor: Extractor, style: Fingerprint) -> None:
    size, options = (275, 151), NEAREST(size=275)
    scene = Scene.of(draw_photo(*size), style)
    pixels = torch.rand(1, 3, 151, 275, generator=torch.Generator().manual_seed(1))
    brief = scene.brief(options, extractor)
    whole, parts = (scene.objective(size, brief, workspace=Workspace(tile)) for tile in (None, 128))
    assert len(parts.windows) == 6
    found = [each.match(pixels, 0.5, 0).entries[0] for each in (whole, parts)]
    assert float((found[0] == found[1]).float().mean()) > 0.999


def test_another_seed_draws_other_cells(extractor: Extractor, style: Fingerprint) -> None:
    objective, seen = looked_at(Scene.of(draw_photo(), style), extractor)
    matching, window = Matching(draw=0.05), Window.whole(120, 160)
    first, again, other = (
        matched(lambda _: seen, [window], objective.cells, matching, 0.5, seed).entries[0] for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert float((first != other).float().mean()) > 0.05


def test_targets_of_regions_come_from_their_own_books_and_are_mixed_where_they_meet(
    extractor: Extractor, style: Fingerprint
) -> None:
    book = style.book(128)
    height, width = 16, 24
    left = torch.zeros(height, width)
    left[:, :10] = 1
    left[:, 10:12] = 0.25
    entries = torch.zeros(height, width, dtype=torch.int16)
    match = Match((CellPart(book, left), CellPart(book, 1 - left)), (entries, entries + 7))
    targets = match.targets(Window.whole(4 * height, 4 * width), extractor)
    layers = dict(zip(CELL_LAYERS, torch.split(book.columns.clamp_min(0), [16, 32, 64, 128], 1), strict=True))
    target, factor, _ = targets["relu3_1"]
    torch.testing.assert_close(target[0, :, 3, 2].float(), layers["relu3_1"][0], atol=0.02, rtol=0.02)
    torch.testing.assert_close(target[0, :, 3, 20].float(), layers["relu3_1"][7], atol=0.02, rtol=0.02)
    mixed = 0.25 * layers["relu3_1"][0] + 0.75 * layers["relu3_1"][7]
    torch.testing.assert_close(target[0, :, 3, 11].float(), mixed, atol=0.02, rtol=0.02)
    variance = book.masses @ book.deviations[:, 48:112].square().mean(1)
    torch.testing.assert_close(factor[0, 0, 3, 2], 1 / variance)
    torch.testing.assert_close(variances(book, (16, 32, 64, 128))[2], variance)
    assert targets["relu4_1"][0].shape == (1, 128, height // 2, width // 2)
    assert targets["relu1_1"][0].shape == (1, 16, height, width)


def test_emphasis_takes_cells_further_from_their_paintings_mean(extractor: Extractor, style: Fingerprint) -> None:
    book = style.book(128)
    means, deviations = book.means[0].double().numpy(), book.deviations.double().numpy()
    expected = np.maximum(0, means + 1.5 * deviations)
    found = CellPart(book, torch.ones(30, 40), 1.5).columns
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5 * float(np.abs(expected).max()))

    objective, seen = looked_at(Scene.of(draw_photo(), style), extractor)
    assert objective.cells[0].emphasis == PRESETS["studio"].emphasis > 1
    window = Window.whole(SIZE[1], SIZE[0])
    parts = [replace(objective.cells[0], emphasis=emphasis) for emphasis in (1.0, 1.5)]
    plain, emphasised = (matched(lambda _: seen, [window], [part], Matching(), 0.5) for part in parts)
    assert torch.equal(plain.entries[0], emphasised.entries[0]), "what is most like a cell stays so"


def test_a_regions_mask_decides_where_its_book_is_painted(extractor: Extractor, style: Fingerprint) -> None:
    mask = Image.new("L", (40, 30))
    mask.paste(255, (0, 0, 20, 30))
    other = fingerprint_of(Image.new("RGB", (200, 200), (200, 40, 30)), extractor, (128,))
    scene = Scene(draw_photo(), (Region(style, mask), Region(other)))
    objective = scene.objective(SIZE, scene.brief(NEAREST(size=160, feather=0), extractor))
    assert [len(part.book.masses) for part in objective.cells] == [
        len(style.book(160).masses),
        len(other.book(160).masses),
    ]
    assert objective.cells[0].area[:, :19].min() == 1
    assert objective.cells[0].area[:, 21:].max() == 0
    torch.testing.assert_close(objective.cells[0].area + objective.cells[1].area, torch.ones(30, 40))


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_that_of_finite_differences(seed: int) -> None:
    narrow = narrow_extractor()
    style = fingerprint_of(draw_painting(), narrow, (64, 128))
    scene = Scene.of(draw_photo(64, 48), style)
    objective = scene.objective((64, 48), scene.brief(NEAREST(size=64), narrow))
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.rand(1, 3, 48, 64, dtype=torch.float64, generator=generator) * 1.2 - 0.1
    objective.match(pixels, 0.3, 0)
    along = torch.randn(pixels.shape, dtype=torch.float64, generator=generator)
    along /= along.norm()
    variable = pixels.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(objective(variable), variable)
    step = 1e-5
    difference = float(objective(pixels + step * along) - objective(pixels - step * along)) / (2 * step)
    assert float((gradient * along).sum()) == pytest.approx(difference, rel=1e-4)


def test_what_is_known_already_is_not_matched_again(extractor: Extractor, style: Fingerprint) -> None:
    scene = Scene.of(draw_photo(), style)
    objective, *_ = looked_at(scene, extractor)
    known = torch.full((30, 40), 3, dtype=torch.int16)
    noise = torch.rand(1, 3, 120, 160)
    assert torch.equal(objective.match(noise, 0.5, 0, (known,)).entries[0], known)
    assert not torch.equal(objective.match(noise, 0.5, 0).entries[0], known)


def test_fewer_layers_are_compared_if_fewer_are_asked_for(extractor: Extractor, style: Fingerprint) -> None:
    options = NEAREST(size=160, style_loss="nearest", style_layers={"relu3_1": 2.0})
    scene = Scene.of(draw_photo(), style)
    objective = scene.objective(SIZE, scene.brief(options, extractor))
    assert objective.style_weights == {"relu3_1": 1.0}
    with pytest.raises(ValueError, match="nearest compares"):
        scene.brief(replace(options, style_layers={"relu5_1": 1.0}), extractor)
