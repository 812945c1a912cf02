"""From another machine: over plain http at an address that browsers do not trust, with and without scripts."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import FilePayload, Page, expect

from tests.app import pictures
from tests.browser.conftest import NewPage
from tests.browser.test_brush import at, mask, value
from tests.browser.test_painting import PAINTED_MS, stop
from tests.browser.test_series import SERIES_MS, photos  # noqa: F401 - a fixture

QUICK = "style=strokes&size=256&quality=draft&iterations=8"
SLOW = "style=strokes&size=2048&quality=best"


def finished(page: Page) -> None:
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)


def press_and_follow(page: Page, name: str) -> None:
    """Presses a button that makes a new job of one, and waits until that is finished."""
    before = page.url
    page.get_by_role("button", name=name).click()
    page.wait_for_url(lambda url: bool(re.search(r"/jobs/[0-9a-f]{32}$", url)) and url != before)
    finished(page)


def test_everything_that_is_done_with_one_photo(far_page: Page, photo: Path) -> None:
    far_page.goto(f"/?{QUICK}")
    far_page.set_input_files("#photo", photo)
    far_page.get_by_role("button", name="Paint it").click()
    finished(far_page)
    press_and_follow(far_page, "Same again, gentler")
    far_page.get_by_text("Colours", exact=True).first.click()
    far_page.get_by_role("radio", name="My photo’s", exact=True).check()
    press_and_follow(far_page, "Change the colours")

    far_page.get_by_role("button", name="Make an address to share").click()
    shared = far_page.get_by_label("Address of the shared artwork").input_value()
    assert far_page.request.get(shared).ok
    far_page.get_by_role("button", name="Stop sharing").click()
    expect(far_page.get_by_role("button", name="Make an address to share")).to_be_visible()
    assert far_page.request.get(shared).status == 404

    job = far_page.url
    far_page.get_by_role("link", name="Your wall").click()
    expect(far_page.locator(".piece")).to_have_count(3)
    far_page.goto(job)
    far_page.get_by_text("Delete now").click()
    far_page.get_by_role("button", name="Delete photo and artworks").click()
    far_page.wait_for_url("**/artworks")
    assert far_page.request.get(job).status == 410


def test_a_painting_that_was_stopped_while_it_waited_is_tried_again(far_page: Page, photo: Path) -> None:
    addresses = []
    for options in (SLOW, QUICK):
        far_page.goto(f"/?{options}")
        far_page.set_input_files("#photo", photo)
        far_page.get_by_role("button", name="Paint it").click()
        far_page.wait_for_url("**/jobs/*")
        addresses.append(far_page.url)
    far_page.get_by_role("button", name="Stop").click()
    far_page.get_by_role("button", name="Paint it after all").click()
    far_page.wait_for_url(lambda url: "/jobs/" in url and url not in addresses)
    again = far_page.url
    far_page.goto(addresses[0])
    stop(far_page)
    far_page.goto(again)
    finished(far_page)


def test_own_painting_is_sent_used_and_removed(far_page: Page, photo: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.jpg"
    mine.write_bytes(pictures.encoded(pictures.quarters(300, 200), "JPEG"))
    far_page.goto("/?size=256&quality=draft&iterations=8")
    far_page.set_input_files("#photo", photo)
    far_page.set_input_files("#own-painting", mine)
    if far_page.locator(".needs-script").first.is_visible():
        expect(far_page.locator(".card--mine").get_by_role("radio")).to_be_checked()
    far_page.get_by_role("button", name="Paint it").click()
    finished(far_page)
    far_page.goto("/")
    far_page.locator(".card--mine .card__remove").press("Enter")
    expect(far_page.locator(".card--mine")).to_have_count(0)


def test_sample_photo_serves_those_without_one(far_page: Page) -> None:
    far_page.get_by_role("button", name="Use our sample photo").click()
    expect(far_page.locator("#photo-id")).not_to_have_value("")
    expect(far_page.get_by_alt_text("Your photo")).to_be_visible()


def test_series_is_painted_stopped_and_deleted(far_page: Page, photos: list[FilePayload]) -> None:  # noqa: F811
    far_page.goto(f"/?{SLOW}")
    far_page.set_input_files("#photo", photos)
    far_page.get_by_role("button", name=re.compile("^Paint (it|all 3)$")).last.click()
    far_page.wait_for_url("**/series/*")
    far_page.get_by_role("button", name="Stop all").click()
    expect(far_page.get_by_text("Your artworks")).to_be_visible(timeout=SERIES_MS)
    far_page.get_by_text("Delete all now").click()
    far_page.get_by_role("button", name="Delete photos and artworks").click()
    far_page.wait_for_url("**/artworks")


def test_address_is_copied_where_browsers_give_no_clipboard(new_far_page: NewPage, photo: Path) -> None:
    page = new_far_page()
    page.goto(f"/?{QUICK}")
    page.set_input_files("#photo", photo)
    page.get_by_role("button", name="Paint it").click()
    finished(page)
    page.get_by_role("button", name="Make an address to share").click()
    shared = page.get_by_label("Address of the shared artwork").input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.goto("/")
    search = page.get_by_label("Search by title, artist or museum")
    search.press("Control+v")
    # The field takes 80 characters.
    expect(search).to_have_value(shared[:80])


def test_brush_draws(new_far_page: NewPage, photo: Path) -> None:
    page = new_far_page(viewport={"width": 1280, "height": 800})
    page.goto("/")
    page.set_input_files("#photo", photo)
    expect(page.locator("#photo-id")).not_to_have_value("")
    page.locator("#options > summary").click()
    page.locator("#more > summary").click()
    page.get_by_role("button", name="Mark on the photo").click()
    page.mouse.move(*at(page, 0.25, 0.5))
    page.mouse.down()
    page.mouse.move(*at(page, 0.75, 0.5), steps=8)
    page.mouse.up()
    assert mask(page)
    assert [value(page, x, 0.5) for x in (0.15, 0.25, 0.5, 0.75, 0.85)] == [0, 255, 255, 255, 0]
