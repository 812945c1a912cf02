"""What was written in English where nobody knew the reader is found again, with its values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.datastructures import ImmutableMultiDict

from app.jobs.doodles import DoodleError, check_flat, check_parts, check_shape, meaning
from app.jobs.models import Attempt, Cut, JobError
from app.pages.form import HomeForm
from app.reading import kinds
from app.retelling import patterns, retold
from app.translation import LANGUAGE
from tests.translations import pseudo
from worker.job import failures

FIXED = [each for each in vars(failures).values() if isinstance(each, JobError)]
MADE = [
    failures.worker_lost([Attempt(began_at=0, ended_at=1, reached=0, cut=cut)] * count)
    for cut in Cut
    for count in (1, 2, 3)
]
MADE += [failures.style_gone("a"), failures.part_gone("a", "b"), failures.style_damaged("b"), failures.too_large(512)]
FILES = [each for each in vars(kinds).values() if isinstance(each, kinds.Kind)] + [kind for *_, kind in kinds.OPENINGS]


@pytest.fixture
def _spoken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    pseudo.install(monkeypatch, tmp_path)
    before = LANGUAGE.set(pseudo.PSEUDO)
    yield
    LANGUAGE.reset(before)


def is_told(sentence: str) -> bool:
    return re.fullmatch("⟦.*⟧", retold(sentence)) is not None


@pytest.mark.usefixtures("_spoken")
@pytest.mark.parametrize("error", [*FIXED, *(each.error for each in MADE)], ids=lambda error: error.message[:60])
def test_why_a_job_failed_is_told(error: JobError) -> None:
    assert is_told(error.message)


@pytest.mark.usefixtures("_spoken")
def test_what_happened_to_it_is_told_within_the_sentence() -> None:
    cut = [Attempt(began_at=0, ended_at=1, reached=0, cut=each) for each in (Cut.KILLED, Cut.MEMORY, Cut.STUCK)]
    told = retold(failures.worker_lost(cut).error.message)
    assert re.findall(r"[a-z]{4,}", told) == []


@pytest.mark.usefixtures("_spoken")
def test_names_within_a_sentence_stay_as_they_are() -> None:
    assert "“Hard times and once”" in retold(failures.style_damaged("Hard times and once").error.message)


@pytest.mark.usefixtures("_spoken")
@pytest.mark.parametrize("kind", FILES, ids=lambda kind: kind.what)
def test_what_a_file_is_and_what_to_do_with_it_is_told(kind: kinds.Kind) -> None:
    assert is_told(kind.what)
    assert is_told(kind.advice)


@pytest.mark.usefixtures("_spoken")
def test_what_is_wrong_with_a_map_is_told_to_programs_and_to_who_draws() -> None:
    parts = {"#ff0000": "sky"}
    with pytest.raises(DoodleError) as colors:
        check_flat(0.1, "target map")
    with pytest.raises(DoodleError) as other:
        check_parts({}, 0.1, "map of your painting")
    with pytest.raises(DoodleError) as alone:
        check_parts({"#ff0000": 1.0}, 1.0, "map of your painting")
    with pytest.raises(DoodleError) as shape:
        check_shape((10, 100), (100, 10), "The photo and its map")
    with pytest.raises(DoodleError) as own:
        check_shape((10, 100), (100, 10), "Your painting and its map")
    with pytest.raises(DoodleError) as nothing:
        meaning({}, parts, "Sky")
    with pytest.raises(DoodleError) as strange:
        meaning({"#00ff00": 1.0}, parts, "Sky")
    for error in (colors, other, alone, shape, own, nothing, strange):
        assert is_told(str(error.value))
        assert is_told(str(error.value).replace("target map", "drawing"))


def test_every_sentence_finds_itself() -> None:
    for template, pattern in patterns():
        assert pattern.fullmatch(template)
        assert retold(template) == template
    assert retold("Anything else") == "Anything else"


@pytest.mark.usefixtures("_spoken")
def test_options_that_contradict_each_other_are_told_by_the_page() -> None:
    sent = {
        "color_method": "luminance", "color_when": "before", "style_layers": "relu1_1 0", "extractor": "compact",
        "content_layers": "relu5_2 1",
    }  # fmt: skip
    told = HomeForm.of(ImmutableMultiDict(sent)).misfits()
    assert set(told) == {"color_when", "style_layers", "extractor"}
    assert all(re.fullmatch("⟦.*⟧", each) for each in told.values()), told
