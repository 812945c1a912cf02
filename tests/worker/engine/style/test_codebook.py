"""Codebooks: chosen cells are the painting's own, and what a file keeps of them is what was measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.worker.engine.conftest import draw_painting, narrow_extractor
from worker.engine import Extractor, Fingerprint, FingerprintFormatError, blend, fingerprint_of, load_fingerprint
from worker.engine.style.cells import widths
from worker.engine.style.codebook import Codebook, cells_of, chosen, codebook_of, joined


@pytest.fixture(scope="module")
def codebook(extractor: Extractor, painting: Image.Image) -> Codebook:
    return codebook_of(painting, extractor, scales=(64, 128))


def test_every_chosen_cell_is_one_of_the_paintings(extractor: Extractor, painting: Image.Image) -> None:
    columns, colors = cells_of(painting, extractor, 128)
    found = chosen(columns, colors, extractor, 50)
    assert len(found.masses) <= 50
    distances = torch.cdist(found.deviations + found.mean, columns, compute_mode="donot_use_mm_for_euclid_dist")
    assert distances.min(1).values.max() < 1e-3
    torch.testing.assert_close(found.colors, colors[distances.argmin(1)])


def test_a_cell_stands_for_as_much_of_the_painting_as_is_like_it(extractor: Extractor) -> None:
    flag = Image.new("RGB", (256, 256), (200, 30, 30))
    flag.paste((20, 40, 160), (0, 192, 256, 256))
    found = chosen(*cells_of(flag, extractor, 256), extractor, 40)
    blue = found.colors[:, 2] > found.colors[:, 0]
    assert float(found.masses.sum()) == pytest.approx(1)
    assert float(found.masses[blue].sum()) == pytest.approx(0.25, abs=0.03)


def test_what_is_kept_differs_by_half_a_step_in_each_direction(extractor: Extractor, painting: Image.Image) -> None:
    columns, colors = cells_of(painting, extractor, 64)
    measured = chosen(columns, colors, extractor, 10_000)  # all of them
    kept = codebook_of(painting, extractor, scales=(64,), count=10_000)
    page, book = kept.pages[64], kept.at(64)
    directions = kept.basis.directions
    torch.testing.assert_close(directions.T @ directions, torch.eye(64), atol=5e-3, rtol=0)
    errors = kept.basis.codes(book.deviations - measured.deviations).abs() / page.step
    assert errors.max() < 0.5 + 0.05  # the basis itself is kept in float16
    lost = (book.deviations - measured.deviations).square().sum() / measured.deviations.square().sum()
    # The basis is of real paintings: of a drawn one's 240 channels its 64 directions hold less.
    assert lost < 0.25
    torch.testing.assert_close(book.colors, measured.colors, atol=0.5 / 255 + 1e-6, rtol=0)


def test_a_file_gives_back_the_same_codebook(tmp_path: Path, extractor: Extractor, style: Fingerprint) -> None:
    path = tmp_path / "fingerprint.safetensors"
    style.save(path)
    (before, _), (after, _) = style.codebooks[0], load_fingerprint(path, extractor).codebooks[0]
    assert before.size == after.size == (300, 260)
    assert torch.equal(before.sketch, after.sketch)
    for scale in (64, 180.0, 1000):
        for field in ("deviations", "colors", "masses", "sources", "means", "shares"):
            assert torch.equal(getattr(before.at(scale), field), getattr(after.at(scale), field))


def test_an_extractor_without_a_basis_keeps_one_in_each_file(tmp_path: Path, painting: Image.Image) -> None:
    narrow, path = narrow_extractor(), tmp_path / "fingerprint.safetensors"
    style = fingerprint_of(painting, narrow, (128,))
    style.save(path)
    (before, _), (after, _) = style.codebooks[0], load_fingerprint(path, narrow).codebooks[0]
    torch.testing.assert_close(before.at(128).columns, after.at(128).columns)


def change(path: Path, change_tensors: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change what a file of safetensors holds."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change_tensors(tensors)
    save_file(tensors, path, metadata=metadata)


CODES = "cells.64.codes"


@pytest.mark.parametrize(
    "damage",
    [
        lambda tensors: tensors.pop("cells.64.colors"),
        lambda tensors: tensors.update({CODES: tensors[CODES][:-9]}),
        lambda tensors: tensors.update({CODES: torch.zeros(100, dtype=torch.uint8)}),
        lambda tensors: tensors.update({CODES: tensors["cells.128.codes"].clone()}),
    ],
    ids=["lost", "cut off", "no codes", "another scale's"],
)
def test_a_codebook_that_is_not_whole_is_damaged(
    tmp_path: Path, extractor: Extractor, style: Fingerprint, damage: Callable[[dict[str, torch.Tensor]], object]
) -> None:
    path = tmp_path / "fingerprint.safetensors"
    style.save(path)
    change(path, damage)
    with pytest.raises(FingerprintFormatError, match="damaged"):
        load_fingerprint(path, extractor)


def test_codes_of_earlier_releases_lie_in_a_file_as_they_are(
    tmp_path: Path, extractor: Extractor, style: Fingerprint
) -> None:
    path = tmp_path / "fingerprint.safetensors"
    style.save(path)
    known = style.codebooks[0][0].pages[64].codes
    assert known.dtype == torch.int8
    change(path, lambda tensors: tensors.update({CODES: known}))
    assert torch.equal(load_fingerprint(path, extractor).codebooks[0][0].pages[64].codes, known)


def test_between_two_scales_both_are_there_with_their_shares(codebook: Codebook) -> None:
    book = codebook.at(64 * 2**0.25)
    assert book.shares.tolist() == pytest.approx([0.75, 0.25])
    assert float(book.masses[book.sources == 1].sum()) == pytest.approx(0.25)
    assert torch.equal(codebook.at(10).columns, codebook.at(64).columns)
    assert torch.equal(codebook.at(4000).columns, codebook.at(128).columns)


def test_joined_books_keep_each_cells_activations(codebook: Codebook) -> None:
    one, two = codebook.at(64), codebook.at(128)
    both = joined([(one, 3.0), (joined([(two, 1.0), (one, 1.0)]), 1.0)])
    torch.testing.assert_close(both.columns, torch.cat([one.columns, two.columns, one.columns]))
    assert both.shares.tolist() == pytest.approx([0.75, 0.125, 0.125])
    assert float(both.masses.sum()) == pytest.approx(1)


def test_a_blend_has_the_cells_of_both_paintings(extractor: Extractor, style: Fingerprint) -> None:
    other = fingerprint_of(draw_painting(seed=9), extractor, (64, 128))
    book = blend([(style, 1.0), (other, 3.0)]).book(128)
    assert book.shares.tolist() == pytest.approx([0.25, 0.75])
    assert blend([(style, 1.0), (fingerprint_of(draw_painting(), extractor, (64,), cells=False), 1.0)]).codebooks == ()


def test_scales_are_those_that_enlarge_nothing(extractor: Extractor) -> None:
    assert sorted(codebook_of(draw_painting(300, 200), extractor).pages) == [64, 128, 256, 300]
    assert sorted(codebook_of(draw_painting(50, 40), extractor).pages) == [64]


def test_the_sketch_is_the_painting_in_small(codebook: Codebook, painting: Image.Image) -> None:
    small = np.asarray(painting.resize((24, 21), Image.Resampling.BOX), int)
    assert np.abs(codebook.sketch.numpy().astype(int) - small).max() <= 1


def test_the_same_painting_gives_the_same_codebook(extractor: Extractor, painting: Image.Image) -> None:
    first, second = (codebook_of(painting, extractor, scales=(128,)).pages[128] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert widths(extractor) == (16, 32, 64, 128)
