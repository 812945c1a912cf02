"""Parts: what is painted as one comes from nowhere else in the painting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.worker.engine.conftest import draw_painting, narrow_extractor
from worker.engine import Extractor, Fingerprint, FingerprintFormatError, FingerprintMismatchError
from worker.engine.images import fitted_size
from worker.engine.style.cells import CELL
from worker.engine.style.codebook import cells_of, mirrored_views
from worker.engine.style.parts import KEPT_DIRECTIONS, PartMap, Parts, cell_shares, load_parts, parts_of, save_parts

NAMES = ("left", "right", "spot")


def three_parts(width: int = 150, height: int = 130) -> PartMap:
    """Two sides with a slanted border and a spot in one of them, in another size than the painting's."""
    rows, columns = np.mgrid[0:height, 0:width]
    numbers = (columns + rows / 3 > width / 2).astype(np.uint8)
    numbers[20:60, 100:140] = 2
    return PartMap(NAMES, numbers)


@pytest.fixture(scope="module")
def parts(extractor: Extractor, painting: Image.Image) -> Parts:
    return parts_of(painting, three_parts(), extractor)


def counted(where: PartMap, size: tuple[int, int]) -> list[int]:
    """Which part has most pixels of each cell, counted one by one, in the painting and in its mirror image."""
    width, height = size
    stretched = np.asarray(Image.fromarray(where.numbers).resize(size, Image.Resampling.NEAREST))
    found = []
    for view in (stretched, stretched[:, ::-1]):
        for top in range(0, height - height % CELL, CELL):
            for left in range(0, width - width % CELL, CELL):
                cell = view[top : top + CELL, left : left + CELL].ravel().tolist()
                found.append(max(range(len(NAMES)), key=cell.count))
    return found


@pytest.mark.parametrize("scale", [64, 128, 256])
def test_a_cell_belongs_to_the_part_that_has_most_of_its_pixels(scale: int) -> None:
    size = fitted_size((300, 260), scale)
    shares = cell_shares(three_parts(), size)
    torch.testing.assert_close(shares.sum(1), torch.ones(len(shares)))
    expected = torch.tensor(counted(three_parts(), size))
    clear = shares.max(1).values > 0.8  # else it depends on how the map is stretched
    assert torch.equal(shares.argmax(1)[clear], expected[clear])
    assert clear.float().mean() > 0.85


def test_no_cell_of_a_part_is_from_another(extractor: Extractor, painting: Image.Image, parts: Parts) -> None:
    columns, _ = cells_of(painting, extractor, 128, views=mirrored_views)
    owner = cell_shares(three_parts(), fitted_size(painting.size, 128)).argmax(1)
    page, basis = parts.codebook.pages[128], parts.codebook.basis
    # What a file keeps of a column is off by as much as its weakest directions vary, so all are looked at in those that
    # are kept.
    kept = basis.codes(columns - page.mean.float())[:, :KEPT_DIRECTIONS]
    found = page.codes.float() * page.step
    distances = torch.cdist(found, kept, compute_mode="donot_use_mm_for_euclid_dist")
    assert distances.min(1).values.max() < distances.median() / 8
    assert torch.equal(owner[distances.argmin(1)], parts.labels[128].long())
    assert {NAMES[number] for number in parts.labels[128].tolist()} == set(NAMES)


def test_a_parts_book_is_those_cells_about_their_own_mean(parts: Parts, style: Fingerprint) -> None:
    all_cells = parts.codebook.at(128)
    for number, name in enumerate(NAMES):
        part = parts.of(style, name)
        own = parts.labels[128] == number
        book = part.book(128)
        torch.testing.assert_close(book.columns, all_cells.columns[own], atol=2e-2, rtol=1e-3)
        torch.testing.assert_close(
            book.masses @ book.deviations, torch.zeros(book.deviations.shape[1]), atol=1e-3, rtol=0
        )
        assert float(book.masses.sum()) == pytest.approx(1, abs=1e-5)
        assert part.scales is style.scales


def test_a_part_has_its_own_colours(extractor: Extractor, style: Fingerprint) -> None:
    flag = Image.new("RGB", (256, 256), (200, 30, 30))
    flag.paste((20, 40, 160), (0, 128, 256, 256))
    where = PartMap(("red", "blue"), np.repeat(np.array([[0], [1]], np.uint8), 2, 1))
    parts = parts_of(flag, where, extractor)
    for name, color in (("red", (200, 30, 30)), ("blue", (20, 40, 160))):
        part = parts.of(style, name)
        assert part.palette is not None
        torch.testing.assert_close(part.palette.mean * 255, torch.tensor(color).float(), atol=4, rtol=0)
        torch.testing.assert_close(part.palette.quantiles[:, 128] * 255, torch.tensor(color).float(), atol=2, rtol=0)
        own, other = (0, 2) if name == "red" else (2, 0)
        colors = part.book(256).colors
        assert bool((colors[:, own] > colors[:, other]).all())


def test_where_a_scale_has_too_little_of_a_part_the_next_one_stands_for_it(
    extractor: Extractor, style: Fingerprint
) -> None:
    numbers = np.zeros((256, 256), np.uint8)
    numbers[40:64, 100:132] = 1
    parts = parts_of(draw_painting(256, 256), PartMap(("all", "little"), numbers), extractor)
    everything, little = (parts.of(style, name).codebooks[0][0] for name in ("all", "little"))
    assert sorted(everything.pages) == [64, 128, 256]
    assert sorted(little.pages) == [128, 256]
    assert torch.equal(little.at(64).columns, little.at(128).columns)


def test_a_part_of_a_few_pixels_has_the_cells_that_have_any_of_it(extractor: Extractor, style: Fingerprint) -> None:
    numbers = np.zeros((256, 256), np.uint8)
    numbers[99:101, 99:101] = 1
    parts = parts_of(draw_painting(256, 256), PartMap(("all", "dot", "none"), numbers), extractor)
    assert parts.names == ("all", "dot")
    dot = parts.of(style, "dot").codebooks[0][0]
    # Four cells' corners meet in it, and four in its mirror image.
    assert {scale: len(page.masses) for scale, page in dot.pages.items()} == {256: 8}
    with pytest.raises(KeyError):
        parts.of(style, "none")


def test_a_file_gives_back_the_same_parts(
    tmp_path: Path, extractor: Extractor, parts: Parts, style: Fingerprint
) -> None:
    path = tmp_path / "parts.safetensors"
    save_parts(parts, extractor, path)
    read = load_parts(path, extractor)
    assert read.names == parts.names == NAMES
    for name in NAMES:
        assert torch.equal(read.of(style, name).book(200).columns, parts.of(style, name).book(200).columns)


def test_parts_of_another_network_or_a_damaged_file_are_refused(
    tmp_path: Path, extractor: Extractor, parts: Parts
) -> None:
    path = tmp_path / "parts.safetensors"
    save_parts(parts, extractor, path)
    with pytest.raises(FingerprintMismatchError):
        load_parts(path, narrow_extractor())
    tensors = load_file(path)
    save_file(tensors, path, metadata={"format": "something else"})
    with pytest.raises(FingerprintFormatError, match="format"):
        load_parts(path, extractor)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FingerprintFormatError, match="damaged"):
        load_parts(path, extractor)
