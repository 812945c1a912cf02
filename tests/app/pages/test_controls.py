"""Every option has its place on the page, its words, and a line in the recipe."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from app.gallery import Gallery
from app.jobs.models import PaintRequest
from app.pages.controls import CONTROLS, DRAWN, ELSEWHERE, FOLDS, ROWS, Control
from app.pages.form import HomeForm
from app.pages.recipe import told_recipe
from app.pages.values import DEFAULTS
from tests.app.wishes import wishes


class Folds(HTMLParser):
    """A page's fields and sentences in their order, each with the folds around it, and the folds that are open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.around: list[str] = []
        self.opened: set[str] = set()
        self.fields: dict[str, tuple[str, ...]] = {}
        self.sentences: dict[str, tuple[str, ...]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        name, place = has.get("name") or "", has.get("id") or ""
        if tag == "details":
            self.around.append(place)
            self.opened |= {place} if "open" in has else set()
        elif name and has.get("form") is None:
            self.fields.setdefault(name, tuple(self.around))
        elif has.get("role") == "alert" and "hidden" not in has:
            self.sentences[place.removesuffix("-error")] = tuple(self.around)

    def handle_endtag(self, tag: str) -> None:
        if tag == "details":
            self.around.pop()


@pytest.fixture
def page(client: TestClient) -> Folds:
    return Folds(client.get("/").text)


def test_every_field_of_a_request_has_a_control_or_a_reason_why_it_has_none() -> None:
    assert len(CONTROLS) == len(ROWS)
    assert not CONTROLS.keys() & ELSEWHERE.keys()
    assert CONTROLS.keys() | ELSEWHERE.keys() == PaintRequest.model_fields.keys()
    assert all(ELSEWHERE.values())


def test_controls_are_on_the_page_in_their_order_and_each_in_its_folds(page: Folds) -> None:
    assert [name for name in page.fields if name in CONTROLS] == list(CONTROLS)
    for control in ROWS:
        assert page.fields[control.name] == FOLDS[control.place], control.name


def test_the_blend_is_where_its_sentences_are_looked_for(page: Folds) -> None:
    assert page.fields["weight"] == FOLDS["blend"]


def test_sentence_about_a_control_is_beside_it_and_seen_at_once(client: TestClient) -> None:
    for control in ROWS:
        page = Folds(client.get("/", params={"style": "dusk", control.name: "?"}).text)
        assert page.sentences == {control.name: FOLDS[control.place]}
        assert page.opened == set(FOLDS[control.place]), control.name


@pytest.mark.parametrize("control", [each for each in ROWS if each.choices], ids=lambda each: each.name)
def test_every_choice_fits_and_none_that_the_contract_has_is_forgotten(control: Control) -> None:
    offered = [value for value, words in control.choices if words]
    assert len(offered) == len(set(offered)) == len(control.choices)
    for value in offered:
        beside = {"color_method": "linear"} if control.name == "color_when" else {}
        assert HomeForm(options={**DEFAULTS, **beside, control.name: value}).misfits() == {}, value
    named = set(literals(PaintRequest.model_fields[control.name].annotation))
    if named:
        assert {*offered, *dict(control.unoffered)} - {""} == named
        assert DEFAULTS[control.name] in offered


def literals(annotation: Any) -> list[str]:
    """The words that a type allows, also where it allows none as well."""
    found: list[str] = []
    for each in get_args(annotation):
        found += [each] if isinstance(each, str) else literals(each)
    return found


@given(wishes())
@settings(max_examples=100, deadline=None)
def test_recipe_tells_every_option_that_differs_and_no_id(wish: PaintRequest) -> None:
    usual = PaintRequest(photo=wish.photo, styles=wish.styles)
    differing = [
        control for control in (*ROWS, *DRAWN.values()) if getattr(wish, control.name) != getattr(usual, control.name)
    ]
    told = told_recipe(wish, Gallery([]))
    new = [each for each in told if each not in told_recipe(usual, Gallery([]))]
    assert [label for label, _ in new] == [control.told or control.words for control in differing]
    assert all(words for _, words in told)
    assert not re.search(r"[0-9a-f]{32}", str(told))


def test_recipe_tells_a_choice_by_its_words_and_a_number_by_the_nearest_stop() -> None:
    wish = HomeForm.of(QueryParams("style=dusk&size=777&pooling=l2&start=grey&brush=0.9&min_improvement=1.5"))
    told = dict(told_recipe(wish.wish("0" * 32, {"dusk"}), Gallery([])))
    assert told["Size"] == "777 pixels"
    assert told["Pooling"] == "L2"
    assert told["Begun from"] == "My photo without colours"
    assert told["Brush size"] == "As in the painting (0.9)"
    assert told["Least improvement"] == "1.5 %"
    assert told["Variation"] == "0"
    assert "Smoothing" not in told
