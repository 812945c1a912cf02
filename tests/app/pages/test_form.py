"""A request goes into an address, from there into the form, and comes back as it was."""

from __future__ import annotations

from collections import defaultdict
from html.parser import HTMLParser
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, example, given, settings
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from app.jobs.models import PaintRequest, StyleChoice
from app.pages.form import HomeForm, address_of, read_layers
from app.refusals import RefusalError
from tests.app.wishes import STYLES, wishes

PHOTO = "0" * 32
PLAIN = PaintRequest(photo=PHOTO, styles=[StyleChoice(id="dusk")])


class Controls(HTMLParser):
    """What a browser sends of a page's main form, as HTML 4.01, 17.13.2 calls it: its successful controls."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self.select = ""
        self.options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if "form" in has or "disabled" in has:
            return
        name, value = has.get("name") or "", has.get("value") or ""
        if tag == "select":
            self.select, self.options = name, []
        elif tag == "option":
            self.options.append((value, "selected" in has))
        elif tag == "input" and name:
            if has["type"] == "range":
                assert float(has["min"] or 0) <= float(value) <= float(has["max"] or 0)
                assert has["step"] == "any", "a browser would round the value"
            if has["type"] not in {"radio", "checkbox"} or "checked" in has:
                self.sent += [(name, value)] if has["type"] != "file" else []

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self.select:
            self.sent.append(
                (self.select, next((value for value, chosen in self.options if chosen), self.options[0][0]))
            )
            self.select = ""


def sent_by(page: str) -> QueryParams:
    controls = Controls()
    controls.feed(page)
    return QueryParams(controls.sent)


@given(wishes())
@settings(max_examples=100, deadline=None)
def test_address_gives_the_same_request_back(wish: PaintRequest) -> None:
    form = HomeForm.of(QueryParams(address_of(wish).removeprefix("/?")))
    assert form.wish(wish.photo, STYLES) == wish
    assert form.misfits() == {}


@given(wishes().filter(lambda wish: wish.preset != "doodle"))  # which has a page of its own
@example(PLAIN)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_page_of_an_address_sends_the_same_request(client: TestClient, wish: PaintRequest) -> None:
    page = client.get(address_of(wish))
    assert page.status_code == 200
    assert in_shares(HomeForm.of(sent_by(page.text)).wish(wish.photo, STYLES)) == in_shares(wish)


def in_shares(wish: PaintRequest) -> PaintRequest:
    """The request with weights that are shares of their place, as the page's sliders stand."""
    whole: dict[tuple[str | None, str | None], float] = defaultdict(float)
    for style in wish.styles:
        whole[style.mask, style.color] += style.weight
    shares = [
        style.model_copy(update={"weight": round(style.weight / whole[style.mask, style.color], 9)})
        for style in wish.styles
    ]
    return wish.model_copy(update={"styles": shares})


def test_address_names_only_what_differs() -> None:
    wish = PLAIN.model_copy(update={"strength": 2.0, "iterations": 30})
    assert address_of(wish) == f"/?photo={PHOTO}&style=dusk&strength=2&iterations=30"
    assert address_of(PLAIN) == f"/?photo={PHOTO}&style=dusk"


def test_address_as_a_person_would_write_it() -> None:
    address = "style=dusk&weight=0.7&style=checks&weight=0.3&strength=2&keep_colors=true&content_layers=relu3_1"
    wish = HomeForm.of(QueryParams(address)).wish(PHOTO, STYLES)
    assert [(style.id, style.weight) for style in wish.styles] == [("dusk", 0.7), ("checks", 0.3)]
    assert (wish.strength, wish.keep_colors, wish.content_layers) == (2, 1, {"relu3_1": 1})


def test_weight_of_nothing_takes_a_painting_out() -> None:
    form = HomeForm.of(QueryParams("style=dusk&weight=0&style=checks&weight=0.3"))
    assert [style.id for style in form.wish(PHOTO, STYLES).styles] == ["checks"]
    alone = HomeForm.of(QueryParams("style=dusk&weight=0"))
    assert alone.wish(PHOTO, STYLES).styles == PLAIN.styles


def test_blend_without_a_chosen_card_is_what_the_selects_say() -> None:
    # A browser leaves the radio out where none is checked, and sends four weights and three selects.
    sent = parse_qsl("weight=1&style=checks&weight=0.5&style=&weight=0.5&style=&weight=0.5", keep_blank_values=True)
    form = HomeForm.of(QueryParams(sent))
    assert [(style.id, style.weight) for style in form.wish(PHOTO, STYLES).styles] == [("checks", 0.5)]


@pytest.mark.parametrize(
    "text", ["relu4_2 1 2", "1", "relu4_2;relu3_1", "relu4_2 nan", "relu4_2 1e999", ",", "x" * 900]
)
def test_layers_that_are_none_are_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="Write layers"):
        read_layers(text)


@pytest.mark.parametrize(
    ("address", "place", "words"),
    [
        ("strength=99", "strength", "at most 10"),
        ("strength=abc", "strength", "not a number"),
        ("brush=nan", "brush", "at most 4"),
        ("size=9999", "size", "at most 8192"),
        ("size=512.5", "size", "not a number"),
        ("preset=best", "preset", "not one of the choices"),
        ("iterations=0", "iterations", "at least 1"),
        ("content_layers=relu9_9", "content_layers", "no layer “relu9_9”"),
        ("style_layers=fine ones", "style_layers", "like this"),
        ("style_layers=relu1_1 0", "style_layers", "above 0"),
        ("content_layers=relu5_4", "extractor", "vgg19"),
        ("color_when=before", "color_when", "color_method"),
        ("start=artwork", "start_job", "which job"),
        ("keep=../../secret", "keep", "nothing that was given out"),
        ("style=dusk&weight=-1&style=checks", "weight", "more than 0"),
        ("style=dusk&style=dusk", "weight", "once"),
    ],
)
def test_what_does_not_fit_has_its_place(address: str, place: str, words: str) -> None:
    misfits = HomeForm.of(QueryParams(address)).misfits()
    assert list(misfits) == [place]
    assert words in misfits[place]
    assert misfits[place].endswith(".")


def test_every_misfit_is_told_at_once() -> None:
    form = HomeForm.of(QueryParams("style=dusk&strength=99&iterations=x&style_layers=?"))
    assert form.misfits().keys() == {"strength", "iterations", "style_layers"}
    with pytest.raises(RefusalError):
        form.wish(PHOTO, STYLES)
