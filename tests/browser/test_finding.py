"""Finding a painting in a real browser: chips, slips, the same without a script; what is chosen stays to be seen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from app.gallery import load_gallery
from app.jobs.styles import BUILT_IN
from tests.browser.conftest import NewPage

SEARCHES = [
    "monnet",
    "goh",
    "hokosai",
    "mnuch",
    "MoMA",
    "met",
    "rijks",
    "van gogh",
    "picasso",
    "",
    "HÉBUTERNE",
    "d’orsay",
]
SHOWN = ".card[data-words]:visible .card__radio"


def shown(page: Page) -> set[str]:
    return set(page.locator(SHOWN).evaluate_all("(radios) => radios.map((each) => each.value)"))


@pytest.fixture(scope="module")
def found() -> dict[str, set[str]]:
    """What the server finds, of the paintings that ship."""
    gallery = load_gallery(BUILT_IN, None)
    return {text: {card.id for card in gallery.search(text, "").cards} for text in SEARCHES}


def test_typing_finds_what_the_server_finds(page: Page, found: dict[str, set[str]]) -> None:
    page.goto("/")
    everything = shown(page)
    built_in = {path.parent.name for path in BUILT_IN.glob("*/style.toml")}
    for text in SEARCHES:
        page.locator("#filter-text").fill(text)
        assert shown(page) & built_in == found[text], text
    page.locator("#filter-text").fill("monnet")
    expect(page.locator("#filter-count")).to_contain_text("Nothing is called “monnet”. These are for “monet”.")
    page.locator("#filter-text").fill("picasso")
    page.get_by_role("link", name="Katsushika Hokusai").click()
    expect(page.locator("#filter-text")).to_have_value("Katsushika Hokusai")
    assert {"great_wave", "red_fuji"} <= shown(page)
    page.locator("#filter-text").fill("picasso")
    page.get_by_role("link", name="Show all of them").click()
    assert shown(page) == everything


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_chips_show_paintings_of_one_look(new_page: NewPage, scripts: bool) -> None:
    page = new_page(java_script_enabled=scripts, viewport={"width": 1280, "height": 900})
    page.goto("/")
    page.locator(".mood", has_text="Prints").click()
    if not scripts:
        page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".card[data-words]:visible")).to_have_count(8)
    assert "great_wave" in shown(page)
    assert "mona_lisa" not in shown(page)
    expect(page.get_by_role("radio", name="Prints")).to_be_checked()


def test_without_scripts_a_slip_is_forgiven_and_nothing_has_hints(new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/?q=monnet")
    assert "water_lilies" in shown(page)
    expect(page.locator("#filter-count")).to_contain_text("These are for “monet”")
    page.goto("/?q=picasso")
    page.get_by_role("link", name="Claude Monet").click()
    assert "water_lilies" in shown(page)


def test_what_is_chosen_stays_the_painting_and_nothing_moves(new_page: NewPage) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page.goto("/")
    labels = page.locator(".card__label")
    before = [labels.nth(index).bounding_box() for index in range(4)]
    scrolled = page.evaluate("scrollY")
    labels.first.tap()
    expect(page.locator("#choice")).to_be_visible()
    moved = page.evaluate("scrollY") - scrolled
    for index, box in enumerate(before):
        now = labels.nth(index).bounding_box()
        assert box
        assert now
        assert now["y"] + moved == pytest.approx(box["y"], abs=1)
        assert now["height"] == pytest.approx(box["height"], abs=1)
    card = page.locator(".card:has(.card__radio:checked)").first
    if card.locator(".card__example").count():
        picture, example = (card.locator(each).bounding_box() for each in (".card__picture", ".card__example"))
        assert picture
        assert example
        assert example["width"] < picture["width"] / 2
