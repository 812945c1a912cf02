"""Trying on in a real browser, with the worker's own pictures: the cards, the way back, a surprise, the proof sheet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.conftest import NewPage

WAIT_MS = 120_000  # until a busy machine has painted so many
# What a browser tells of somebody who saves data.
SAVES_DATA = "Object.defineProperty(Navigator.prototype, 'connection', { value: { saveData: true } })"
DECODED = "(all) => Promise.all(all.map(async (each) => (await each.decode(), each.src)))"
EMPTY_BATTERY = "Navigator.prototype.getBattery = async () => ({ charging: false, level: 0.1 })"


def tried(page: Page) -> Locator:
    return page.locator(".card.is-tried")


def with_photo(page: Page, photo: Path) -> None:
    page.goto("/")
    page.set_input_files("#photo", photo)
    expect(page.locator("#photo-id")).not_to_have_value("")


def asked_for(page: Page) -> list[Request]:
    """The requests for tries, as they come."""
    found: list[Request] = []
    page.on("request", lambda request: found.append(request) if "/api/v1/photos/" in request.url else None)
    return found


def test_cards_turn_into_the_photo_and_back(page: Page, photo: Path) -> None:
    with_photo(page, photo)
    expect(tried(page).nth(5)).to_be_attached(timeout=WAIT_MS)
    card = tried(page).first
    title = card.locator(".label__title").inner_text()
    mine, painting = card.get_by_alt_text(f"Your photo after {title}"), card.locator("picture")
    expect(mine).to_be_visible()
    whole, corner = mine.bounding_box(), painting.bounding_box()
    assert whole
    assert corner
    assert corner["width"] < whole["width"] / 2, "the painting keeps a corner"
    expect(card.get_by_role("radio")).to_have_accessible_name(re.compile(f"^{re.escape(title)}(, |$)"))
    page.get_by_role("button", name="Show the paintings").click()
    expect(mine).to_be_hidden()
    back = painting.locator("img").bounding_box()
    assert back
    assert back["width"] == pytest.approx(whole["width"])
    page.get_by_role("button", name="Show my photo").click()
    expect(mine).to_be_visible()


def test_all_are_told_once_and_another_photo_begins_anew(page: Page, photo: Path, tmp_path: Path) -> None:
    with_photo(page, photo)
    expect(page.get_by_role("status").filter(has_text="is ready")).to_have_text(
        f"Your photo after {page.locator('.card[data-words]').count()} paintings is ready.", timeout=WAIT_MS
    )
    first = tried(page).first.locator(".card__tried").get_attribute("src")
    other = tmp_path / "other.jpg"
    other.write_bytes(Path(photo).read_bytes())
    page.set_input_files("#photo", other)
    expect(page.locator(f'.card__tried[src="{first}"]')).to_have_count(0)
    expect(tried(page).first).to_be_attached(timeout=WAIT_MS)
    assert tried(page).first.locator(".card__tried").get_attribute("src") != first


def test_surprise_me_chooses_another_painting_each_time(page: Page, photo: Path) -> None:
    with_photo(page, photo)
    chosen: list[str] = []
    for _ in range(6):
        page.get_by_role("button", name="Surprise me").click()
        card = page.locator(".card:has(.card__radio:checked)")
        expect(card).to_be_in_viewport()
        chosen.append(card.locator(".label__title").inner_text())
        expect(page.locator(".tryon__status")).to_have_text(f"{chosen[-1]} is chosen.")
        expect(page.locator("#choice")).to_contain_text(chosen[-1])
    assert len(set(chosen)) == len(chosen)


def test_the_proof_sheet_chooses_strength_and_brush(page: Page, photo: Path) -> None:
    with_photo(page, photo)
    page.locator("#options > summary").click()
    sheet = page.get_by_role("button", name="Proof sheet")
    expect(sheet).to_be_hidden()
    page.locator(".card__label").first.click()
    sheet.click()
    dialog = page.get_by_role("dialog", name="Proof sheet")
    proofs = dialog.locator(".proofs__proof")
    expect(proofs).to_have_count(9)
    expect(dialog.locator("img")).to_have_count(9, timeout=WAIT_MS)
    shown = dialog.locator("img").evaluate_all(DECODED)
    assert len(set(shown)) == 9
    expect(dialog.locator("[aria-pressed=true]")).to_have_text("BalancedAs in the painting")
    dialog.get_by_role("button", name="Much bolder").filter(has_text="Fine").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("[name=strength]:checked")).to_have_value("4")
    expect(page.locator("[name=brush]:checked")).to_have_value("0.5")
    expect(sheet).to_be_focused()


@pytest.mark.parametrize("script", [SAVES_DATA, EMPTY_BATTERY], ids=["data", "battery"])
def test_who_saves_is_not_tried_on_unasked(page: Page, photo: Path, script: str) -> None:
    page.add_init_script(script)
    requests = asked_for(page)
    with_photo(page, photo)
    expect(page.get_by_role("button", name="Show my photo")).to_be_visible()
    assert requests == []
    page.get_by_role("button", name="Show my photo").click()
    expect(tried(page).first).to_be_attached(timeout=WAIT_MS)


def test_nothing_is_loaded_before_there_is_a_photo(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/", wait_until="networkidle")
    assert not any("tryon" in address for address in asked)
    expect(page.locator(".tryon")).to_have_count(0)


def test_without_scripts_the_page_is_as_before(new_page: NewPage, photo: Path) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/")
    page.set_input_files("#photo", photo)
    page.locator(".card__label").first.click()
    for words in ("Surprise me", "Show my photo", "Proof sheet"):
        expect(page.get_by_text(words)).to_have_count(0)
    page.get_by_role("button", name="Paint it").click()
    expect(page).to_have_url(re.compile(r"/jobs/[0-9a-f]{32}$"))


def test_a_studio_that_has_other_work_leaves_the_paintings(page: Page, photo: Path) -> None:
    page.route("**/tries", lambda route: route.fulfill(status=503, json={"code": "tries-paused"}))
    with_photo(page, photo)
    expect(page.get_by_role("button", name="Surprise me")).to_be_visible()
    expect(tried(page)).to_have_count(0)
    expect(page.locator(".error:visible")).to_have_count(0)
    expect(page.locator(".card picture img").first).to_be_visible()


def test_who_goes_on_wants_no_more(page: Page, photo: Path) -> None:
    with_photo(page, photo)
    expect(tried(page).first).to_be_attached(timeout=WAIT_MS)
    with page.expect_request(lambda request: request.method == "DELETE" and request.url.endswith("/tries")):
        page.get_by_role("button", name="Show the paintings").click()


OPTIONS: list[dict[str, Any]] = [
    {"color_scheme": "light", "viewport": {"width": 320, "height": 700}, "has_touch": True, "is_mobile": True},
    {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
]


@pytest.mark.parametrize("options", OPTIONS, ids=["phone", "dark"])
def test_trying_on_breaks_no_rule_of_accessibility(new_page: NewPage, photo: Path, options: dict[str, Any]) -> None:
    page = new_page(reduced_motion="reduce", **options)
    with_photo(page, photo)
    expect(tried(page).first).to_be_attached(timeout=WAIT_MS)
    page.locator(".card__label").first.click()
    page.locator("#options > summary").click()
    for button in (page.get_by_role("button", name="Surprise me"), page.get_by_role("button", name="Proof sheet")):
        box = button.bounding_box()
        assert box
        assert box["height"] >= (44 if "has_touch" in options else 24)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    violations(page)
    page.get_by_role("button", name="Proof sheet").click()
    expect(page.get_by_role("dialog").locator("img")).to_have_count(9, timeout=WAIT_MS)
    assert page.evaluate("document.querySelector('dialog[open]').scrollWidth <= innerWidth")
    violations(page)
    durations = page.locator(".card__tried").first.evaluate("(each) => getComputedStyle(each).transitionDuration")
    assert durations == "0s"


def violations(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
