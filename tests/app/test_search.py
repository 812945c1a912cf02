"""How paintings are found by what is typed."""

from __future__ import annotations

import itertools

import pytest

from app.jobs.styles import find_styles
from app.search import holds, label_words, nearest, plain, slips, wanted, words_of

LABELS = {style.id: label_words(style) for style in find_styles()}


def found(text: str) -> set[str]:
    ask = wanted(text, list(LABELS.values()))
    return {style for style, label in LABELS.items() if holds(label, ask.words)}


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("monnet", "water_lilies"),
        ("goh", "starry_night"),
        ("kandinski", "composition_vii"),
        ("hokosai", "great_wave"),
        ("mnuch", "the_scream"),
        ("MoMA", "starry_night"),
        ("met", "great_wave"),
        ("Rijks", "the_milkmaid"),
        ("van gogh gold", "sunflowers"),
        ("post impressionism", "starry_night"),
        ("d’orsay", "church_at_auvers"),
    ],
)
def test_slips_and_short_names_find_the_painting(text: str, among: str) -> None:
    assert among in found(text)


@pytest.mark.parametrize("text", ["picasso", "zzzz", "xq", "北斎"])
def test_what_is_near_to_nothing_finds_nothing(text: str) -> None:
    assert found(text) == set()
    assert wanted(text, list(LABELS.values())).instead_of == ""


def test_a_short_name_is_of_no_other_museum() -> None:
    assert "mona_lisa" not in found("moma")
    assert all("modern art" in LABELS[each] for each in found("moma"))


def test_what_is_there_is_never_taken_for_a_slip() -> None:
    for word in set(itertools.chain.from_iterable(label.split() for label in LABELS.values())):
        assert wanted(word, list(LABELS.values())).words == [word]


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ("monet", "monet", 0),
        ("monnet", "monet", 1),
        ("goh", "gogh", 1),
        ("mnuch", "munch", 1),
        ("", "abc", 3),
        ("kitten", "sitting", 3),
    ],
)
def test_slips_are_counted_alike_from_both_ends(one: str, other: str, count: int) -> None:
    assert slips(one, other) == slips(other, one) == slips(one[::-1], other[::-1]) == count


def test_two_letters_are_too_few_for_a_slip() -> None:
    assert nearest("go", ["gogh", "got"]) == "go"


def test_plain_letters() -> None:
    assert plain("Brücke ÉTÉ") == "brucke ete"
    assert words_of("Musée d'Orsay, Paris") == ["musee", "d", "orsay", "paris"]
