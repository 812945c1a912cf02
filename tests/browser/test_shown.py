"""What the empty frame shows: a photo and what it becomes, moving, with a way to stop it, and a way on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.waiting import until

PHONE = {"is_mobile": True, "has_touch": True}
SCREENS: list[dict[str, Any]] = [
    {"viewport": {"width": 1440, "height": 900}},
    {"viewport": {"width": 1280, "height": 720}},
    {"viewport": {"width": 820, "height": 1180}} | PHONE,
    {"viewport": {"width": 390, "height": 844}} | PHONE,
    {"viewport": {"width": 320, "height": 568}} | PHONE,
]
SPLIT = "getComputedStyle(document.getElementById('shown-all')).getPropertyValue('--split')"
TITLE = ".shown__stage:visible cite"


def split(page: Page) -> float:
    """Where the divider stands, in percent."""
    return float(page.evaluate(SPLIT).removesuffix("%"))


def moves(page: Page) -> bool:
    """Whether the divider goes on from where it stands; it rests for half a second at either end."""
    before = split(page)
    return bool(until(lambda: abs(split(page) - before) > 2, "a moving divider"))


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: str(screen["viewport"]["width"]))
def test_before_after_and_the_empty_frame_are_on_the_first_screen(new_page: NewPage, screen: dict[str, Any]) -> None:
    page = new_page(**screen)
    page.goto("/")
    tray = page.locator("#finish").bounding_box()
    assert tray
    for place in (".shown__stage:visible", ".shown__call:visible", ".frame__call"):
        box = page.locator(place).first.bounding_box()
        assert box
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= tray["y"] + 1, place
    for name in ("photo", "painting"):
        picture = page.locator(f".shown__stage:visible .shown__{name} img")
        assert picture.evaluate("(image) => image.complete && image.naturalWidth") == 600


def test_it_moves_until_it_is_paused_and_goes_on_to_the_next_painting(page: Page) -> None:
    page.goto("/")
    first = page.locator(TITLE).inner_text()
    assert moves(page)
    expect(page.locator(TITLE)).not_to_have_text(first)
    page.get_by_role("checkbox", name="Pause the pictures").check()
    page.evaluate("() => new Promise(requestAnimationFrame)")
    resting = split(page)
    page.wait_for_timeout(700)
    assert split(page) == resting
    page.get_by_role("checkbox", name="Pause the pictures").uncheck()
    page.mouse.move(5, 5)
    page.evaluate("document.activeElement.blur()")
    assert moves(page)


def test_other_paintings_are_not_fetched_with_the_page(page: Page) -> None:
    page.goto("/", wait_until="load")
    shown = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert {each.rsplit("/", 1)[1] for each in shown if "/shown/" in each} == {"photo.avif", "starry_night.avif"}


def test_reduced_motion_shows_both_halves_and_rests(new_page: NewPage) -> None:
    page = new_page(reduced_motion="reduce")
    page.goto("/")
    assert split(page) == 50
    expect(page.get_by_role("checkbox", name="Pause the pictures")).to_be_hidden()
    page.get_by_role("radio", name="Show The Scream").check()
    expect(page.locator(TITLE)).to_have_text("The Scream")
    assert page.get_by_alt_text("The same, painted after The Scream").evaluate(
        "(image) => image.decode().then(() => true)"
    )


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_paint_mine_like_this_chooses_the_painting(new_page: NewPage, photo: Path, scripts: bool) -> None:
    page = new_page(java_script_enabled=scripts, reduced_motion="reduce")
    page.goto("/")
    page.get_by_role("radio", name="Show The Great Wave").check()
    page.locator(".shown__stage:visible").click()
    expect(page.locator(".card__radio[value=great_wave]")).to_be_checked()
    expect(page.locator("#choice")).to_have_text("After The Great Wave off Kanagawa")
    expect(page.locator(".shown__stage[data-style=great_wave]")).to_have_attribute("aria-current", "true")
    page.set_input_files("#photo", photo)
    if scripts:
        expect(page.locator("#shown-all")).to_be_hidden()
        expect(page.get_by_alt_text("Your photo")).to_be_visible()


def test_every_part_is_large_enough_for_a_finger(new_page: NewPage) -> None:
    page = new_page(**SCREENS[-1])
    page.goto("/")
    for target in page.locator(".shown__pick, .mood").all():
        box = target.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44


@pytest.mark.parametrize("screen", [SCREENS[0], SCREENS[3]], ids=["wide", "phone"])
def test_nothing_in_it_breaks_the_accessibility_rules(new_page: NewPage, screen: dict[str, Any]) -> None:
    page = new_page(**screen)
    page.goto("/")
    page.get_by_role("checkbox", name="Pause the pictures").check()
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
