"""The first view of the home page, as Chromium counts what travels."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.browser.conftest import NewPage
from tests.conftest import Product

MOST_BYTES = 235_000
SCREENS: list[dict[str, Any]] = [
    {"viewport": {"width": 1280, "height": 800}},
    {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True},
]


def first_view(page: Page) -> tuple[int, set[str]]:
    """Bytes with headers that a stranger's view transfers, and the addresses that it asks for."""
    session = page.context.new_cdp_session(page)
    sizes: list[int] = []
    asked: set[str] = set()
    session.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    session.on("Network.requestWillBeSent", lambda event: asked.add(event["request"]["url"]))
    session.send("Network.enable")
    page.goto("/", wait_until="networkidle")
    return sum(sizes), asked


def test_first_view_stays_small_and_within_the_site(new_page: NewPage, atelier: Product) -> None:
    for screen in SCREENS:
        # What moves goes on to other pictures, no part of the first view: test_shown.py holds that they come later.
        transferred, asked = first_view(new_page(**screen, reduced_motion="reduce"))
        assert 50_000 < transferred <= MOST_BYTES
        assert all(address.startswith(f"{atelier.url}/") for address in asked)
        assert any(".avif" in address for address in asked)
        assert not any("example" in address for address in asked), "shown, and loaded, when a card is pointed at"


def test_painted_example_is_loaded_when_its_card_is_pointed_at(page: Page) -> None:
    page.goto("/", wait_until="networkidle")
    with page.expect_response("**/example.webp*") as answer:
        page.locator(".card:has(.card__example)").first.hover()
    assert answer.value.ok
