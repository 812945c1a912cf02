"""The wall in a real browser: what hangs there, taken away, taken down, and hung again."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.test_painting import PAINTED_MS, downloaded
from tests.waiting import until

QUICK = "/?style=strokes&size=256&quality=draft&iterations=8"


def hung(page: Page, photo: Path) -> Page:
    """The wall with two artworks of one photo."""
    page.goto(QUICK)
    page.set_input_files("#photo", photo)
    page.get_by_role("button", name="Paint it").click()
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
    page.get_by_role("button", name="Same again, bolder").click()
    page.wait_for_url("**/jobs/*")
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
    page.goto("/artworks", wait_until="networkidle")
    expect(page.locator(".piece")).to_have_count(2)
    return page


@pytest.fixture
def wall(new_page: NewPage, photo: Path) -> Page:
    return hung(new_page(viewport={"width": 1280, "height": 800}), photo)


def delete(page: Page) -> None:
    piece = page.locator(".piece:not([hidden])").first
    piece.locator("summary").click()
    piece.get_by_role("button", name="Delete photo and artworks").click()


def test_pieces_are_told_apart_and_taken_away(wall: Page) -> None:
    expect(wall.locator(".label__year")).to_have_text(["256 × 192, bolder", "256 × 192, balanced"])
    expect(wall.get_by_text("Kept until")).to_have_count(2)
    expect(wall.locator("time", has_text="UTC")).to_have_count(0)
    with wall.expect_download() as download:
        wall.get_by_role("link", name="Download").first.click()
    assert downloaded(download).size == (256, 192)
    assert Axe().run(wall).response["violations"] == []


def test_deletion_can_be_undone_for_some_seconds(wall: Page) -> None:
    address = str(wall.locator(".piece__link").first.get_attribute("href"))
    delete(wall)
    expect(wall.locator(".piece:visible")).to_have_count(0)
    expect(wall.get_by_text("The photo and its 2 artworks are deleted.")).to_be_visible()
    expect(wall.get_by_text("Nothing hangs here yet.")).to_be_visible()
    undo = wall.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    undo.click()
    expect(wall.locator(".piece:visible")).to_have_count(2)
    assert wall.request.get(address).status == 200
    with wall.expect_response("**/api/v1/photos/*") as answer:
        delete(wall)
    assert answer.value.status == 204
    expect(undo).to_be_hidden()
    assert wall.request.get(address).status == 410


def test_who_leaves_the_page_does_not_undo(wall: Page) -> None:
    address = str(wall.locator(".piece__link").first.get_attribute("href"))
    delete(wall)
    wall.get_by_role("link", name="Paint", exact=True).click()
    wall.wait_for_url("**/")
    until(lambda: wall.request.get(address).status == 410, "an artwork that is gone")


def test_without_scripts_deletion_asks_first(new_page: NewPage, photo: Path) -> None:
    page = hung(new_page(java_script_enabled=False), photo)
    delete(page)
    expect(page.get_by_text("Nothing hangs here yet.")).to_be_visible()
