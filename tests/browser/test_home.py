"""The home page in a real browser: every way to bring a photo, errors beside their control, the filter, all widths."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.app import pictures
from tests.browser.conftest import NewPage

GIVE = """([data, how]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "photo.png", { type: "image/png" }));
  const event = how === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
    : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.getElementById("frame").dispatchEvent(event);
}"""


def sent(page: Page) -> None:
    """Waits until the photo has been taken by the server."""
    expect(page.locator("#photo-id")).not_to_have_value("")


def open_everything(page: Page) -> None:
    for fold in ("options", "more", "experts"):
        page.locator(f"#{fold} > summary").click()


@pytest.mark.parametrize("how", ["paste", "drop"])
def test_a_photo_can_be_pasted_and_dropped(page: Page, how: str) -> None:
    page.goto("/")
    data = base64.b64encode(pictures.encoded(pictures.quarters(300, 200))).decode()
    page.evaluate(GIVE, [data, how])
    expect(page.get_by_alt_text("Your photo")).to_be_visible()
    sent(page)


def test_the_sample_photo_serves_those_without_one(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Use our sample photo").click()
    expect(page.get_by_alt_text("Your photo")).to_be_visible()
    sent(page)
    assert page.url.endswith("/")


def test_bad_photo_is_said_beside_it_with_the_painting_kept(page: Page, tmp_path: Path) -> None:
    bad = tmp_path / "holiday.jpg"
    bad.write_bytes(b"%PDF-1.7 not a photo")
    page.goto("/")
    page.locator(".card__label").first.click()
    page.set_input_files("#photo", bad)
    error = page.locator("#photo-error")
    expect(error).to_have_text("This is a PDF. Save it as a JPEG, PNG, WebP or AVIF photo and choose that.")
    frame, sentence = page.locator("#frame").bounding_box(), error.bounding_box()
    assert frame
    assert sentence
    assert 0 <= sentence["y"] - (frame["y"] + frame["height"]) < 60
    expect(page.locator("[name=style]").first).to_be_checked()
    page.set_input_files(
        "#photo", {"name": "a.png", "mimeType": "image/png", "buffer": pictures.encoded(pictures.quarters())}
    )
    expect(error).to_be_hidden()
    sent(page)


def test_what_is_missing_is_said_where_it_is_missing(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Paint it").click()
    expect(page.locator("#style-error")).to_be_visible()
    expect(page.locator("#photo-error")).to_contain_text("There is no photo yet")
    page.locator(".card__label").first.click()
    expect(page.locator("#style-error")).to_be_hidden()
    page.get_by_role("button", name="Paint it").click()
    expect(page.locator("#photo-error")).to_contain_text("There is no photo yet")


def test_filter_follows_the_typing(page: Page) -> None:
    page.goto("/")
    cards = page.locator(".card[data-words]")
    all_of_them = cards.count()
    assert all_of_them >= 2
    page.get_by_label("Search by title, artist or museum").fill("MONA LISA")
    expect(page.locator(".card[data-words]:visible")).to_have_count(1)
    expect(page.locator("#filter-count")).to_have_text("1 painting")
    page.get_by_label("Search by title, artist or museum").fill("zzzz")
    page.get_by_role("link", name="Show all of them").click()
    expect(page.locator(".card[data-words]:visible")).to_have_count(all_of_them)


def test_painting_is_chosen_with_the_keyboard(page: Page) -> None:
    page.goto("/")
    radios = page.locator("[name=style]")
    radios.first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    expect(radios.nth(1)).to_be_checked()
    expect(page.locator("#choice")).to_contain_text(radios.nth(1).get_attribute("data-title") or "?")


@pytest.mark.parametrize("address", ["/", "/artworks", "/docs", "/nothing"])
@pytest.mark.parametrize("width", [320, 768, 1280, 3840])
def test_no_page_scrolls_sideways(new_page: NewPage, width: int, address: str) -> None:
    page = new_page(viewport={"width": width, "height": 800})
    page.goto(address)
    if address == "/":
        open_everything(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["/", "/artworks", "/docs", "/nothing"])
def test_no_page_breaks_the_accessibility_rules(new_page: NewPage, scheme: str, address: str) -> None:
    page = new_page(color_scheme=scheme, reduced_motion="reduce", viewport={"width": 390, "height": 844})
    page.goto(address)
    if address == "/":
        open_everything(page)
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


def test_reduced_motion_stops_all_of_it(new_page: NewPage) -> None:
    page = new_page(reduced_motion="reduce")
    page.goto("/")
    durations = page.evaluate("""[...document.querySelectorAll("*")].flatMap((each) => {
      const style = getComputedStyle(each);
      return [style.transitionDuration, style.animationDuration].flatMap((all) => all.split(", "));
    })""")
    assert {float(each.removesuffix("s")) for each in durations} == {0.0}
