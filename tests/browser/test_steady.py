"""Nothing on a page moves when its pictures come, however late they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, FloatRect, Page, Route, expect

from tests.browser.conftest import NewPage
from tests.browser.test_painting import PAINTED_MS, choose_painting, open_options
from tests.waiting import until

RATIO = 640 / 480  # of the photo, and so of whatever is painted of it
# How much of the view moved without anybody's hand, by the Layout Instability API: 0.1 in all still counts as good.
MOVED = """() => new Promise((resolve) => {
  let moved = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) moved += value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(moved), 300);
})"""
SHOWN = '[...document.querySelectorAll("img.fills")].filter((each) => each.checkVisibility())'
BOXES = SHOWN + ".map((each) => each.getBoundingClientRect().toJSON())"
LOADED = SHOWN + ".every((each) => each.complete && each.naturalWidth)"


def hold_pictures(context: BrowserContext) -> Callable[[], None]:
    """Keeps every picture of a context back until what this gives is called."""

    def hold(route: Route) -> None:
        if route.request.resource_type != "image":
            route.continue_()

    context.route("**/*", hold)
    return lambda: context.unroute("**/*", hold)  # which lets go what is held


def send(page: Page, photos: Path | list[Path]) -> None:
    """Sends photos to be painted, small."""
    page.goto("/", wait_until="domcontentloaded")
    page.set_input_files("#photo", photos)
    if isinstance(photos, list):
        expect(page.locator(".print[data-photo]")).to_have_count(len(photos))
    choose_painting(page)
    open_options(page)
    page.get_by_role("radio", name="256 px").check()
    page.locator("#paint").click()


def painted_and_shared(page: Page, photo: Path) -> tuple[str, str]:
    """Addresses of a finished artwork, for the person it belongs to and for others."""
    send(page, photo)
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
    page.get_by_role("button", name="Make an address to share").click()
    shared = page.get_by_label("Address of the shared artwork").input_value()
    return page.url.partition("#")[0], shared


def filling(page: Page) -> list[FloatRect]:
    found: list[FloatRect] = page.evaluate(BOXES)
    assert found
    for each in found:
        assert each["width"] > 100
        assert each["width"] / each["height"] == pytest.approx(RATIO, rel=0.02)
    return found


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_keep_their_places_when_pictures_come_late(new_page: NewPage, photo: Path, width: int) -> None:
    page = new_page(viewport={"width": width, "height": 900})
    painted, shared = painted_and_shared(page, photo)
    for address in (painted, shared, "/artworks"):
        release = hold_pictures(page.context)
        page.goto(address, wait_until="domcontentloaded")
        before = filling(page)
        release()
        until(lambda: page.evaluate(LOADED), "the pictures")
        assert filling(page) == before, address
        assert page.evaluate(MOVED) < 0.02, address


def test_a_canvas_has_its_shape_before_the_photo_comes(page: Page, photo: Path) -> None:
    release = hold_pictures(page.context)
    send(page, photo)
    expect(page.locator(".easel__photo")).to_be_visible()
    assert len(filling(page)) == 1
    release()


def test_canvases_of_a_series_have_their_shape_before_the_photos_come(page: Page, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jpg"
    other.write_bytes(photo.read_bytes())
    release = hold_pictures(page.context)
    send(page, [photo, other])
    expect(page.locator(".canvas__photo")).to_have_count(2)
    assert len(filling(page)) == 2
    release()


def test_the_sheet_to_crop_on_has_its_shape_before_the_artwork_comes(new_page: NewPage, photo: Path) -> None:
    page = new_page()
    painted, _ = painted_and_shared(page, photo)
    release = hold_pictures(page.context)
    page.goto(painted, wait_until="domcontentloaded")
    page.get_by_role("button", name="Crop for a screen").click()
    assert len(filling(page)) == 2, "on the stage behind, and on the sheet"
    release()
