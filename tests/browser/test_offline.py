"""Without a network: what Chromium keeps of this browser's wall, shows, and drops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NewPage, opened
from tests.browser.test_wall import delete, hung
from tests.conftest import address, close, launch
from tests.proxies import free_port
from tests.waiting import until

KEPT = "(async () => (await (await caches.open('/kept')).keys()).map((each) => new URL(each.url).pathname))()"
WORKERS = "(async () => (await navigator.serviceWorker.getRegistrations()).map((each) => each.active?.state))()"
UNTOLD = "window.addEventListener('online', (event) => event.stopImmediatePropagation(), true);"
PUT = """
([address, until]) => caches.open("/kept").then((kept) =>
  kept.put(address, new Response("x", { headers: { expires: new Date(until).toUTCString() } })))
"""


class Place:
    """Starts the product, each time at the address that it had before and in the place of the one before."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._running: list[Any] = []
        self._port = str(free_port())

    def start(self, **settings: str) -> str:
        self.stop()
        self._running = [launch(self._data, ATELIER_PORT=self._port, **settings)]
        return address(self._running[0])

    def stop(self) -> None:
        while self._running:
            close(self._running.pop())


@pytest.fixture
def wall(new_page: NewPage, photo: Path) -> Page:
    """A wall with two artworks of one photo, all of which is kept."""
    page = hung(new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce"), photo)
    addresses = [str(each.get_attribute("href")) for each in page.locator(".piece__link").all()]
    until(lambda: sorted(kept(page)) == sorted(addresses), "both kept")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    return page


def kept(page: Page) -> list[str]:
    found: list[str] = page.evaluate(KEPT)
    return found


def far_from(page: Page, address: str) -> Page:
    """The page as it is opened without a network."""
    page.context.set_offline(True)
    page.goto(address)
    expect(page.get_by_role("heading", name="Without a connection")).to_be_visible()
    return page


def test_wall_is_shown_without_a_network(wall: Page) -> None:
    labels = [text.strip() for text in wall.locator(".label__year").all_text_contents()]
    far_from(wall, "/artworks")
    expect(wall.locator(".piece .label__year")).to_have_text(labels)
    for picture in wall.locator(".piece img").all():
        expect(picture).to_have_js_property("naturalWidth", 256)
    expect(wall.get_by_text("Kept until")).to_have_count(2)
    assert Axe().run(wall).response["violations"] == []


def test_what_was_asked_for_comes_first_and_alone_in_its_row(wall: Page) -> None:
    older = str(wall.locator(".piece__link").last.get_attribute("href"))
    far_from(wall, older)
    first, second = (wall.locator(".piece").nth(number) for number in (0, 1))
    expect(first.locator("a")).to_have_attribute("href", older)
    above, below = first.bounding_box(), second.bounding_box()
    assert above
    assert below
    assert above["y"] + above["height"] <= below["y"]


def test_page_comes_back_with_the_network(wall: Page) -> None:
    far_from(wall, "/draw")
    wall.context.set_offline(False)
    expect(wall.get_by_role("heading", name="Without a connection")).to_have_count(0)
    assert wall.url.endswith("/draw")


def test_page_comes_back_with_a_network_of_which_it_was_not_told(wall: Page) -> None:
    """The browser tells once, perhaps before the page has a script that listens."""
    wall.context.add_init_script(UNTOLD)
    far_from(wall, "/draw")
    wall.context.set_offline(False)
    expect(wall.get_by_role("heading", name="Without a connection")).to_have_count(0)


def test_page_comes_back_with_the_server(browser: Browser, place: Place) -> None:
    with opened(browser, place.start()) as new:
        page = new()
        page.goto("/artworks")
        until(lambda: page.evaluate(WORKERS) == ["activated"], "the worker")
        place.stop()
        page.goto("/draw")
        expect(page.get_by_role("heading", name="Without a connection")).to_be_visible()
        place.start()
        expect(page.get_by_role("heading", name="Without a connection")).to_have_count(0)
        assert page.url.endswith("/draw")


def test_what_is_deleted_is_kept_no_more(wall: Page) -> None:
    delete(wall)
    wall.goto("/docs")  # who leaves does not undo it
    until(lambda: kept(wall) == [], "nothing kept")
    far_from(wall, "/artworks")
    expect(wall.locator(".piece")).to_have_count(0)
    expect(wall.get_by_role("heading", name="Kept in this browser")).to_be_hidden()


def test_what_is_deleted_on_its_own_page_is_kept_no_more(wall: Page) -> None:
    wall.locator(".piece__link").first.click()
    wall.get_by_text("Delete now").click()
    wall.get_by_role("button", name="Delete photo and artworks").click()
    wall.wait_for_url("**/artworks")
    until(lambda: kept(wall) == [], "nothing kept")


def test_what_has_gone_by_itself_is_neither_shown_nor_kept(wall: Page) -> None:
    there = kept(wall)
    wall.evaluate(PUT, ["/jobs/gone", 1000])
    assert len(kept(wall)) == 3
    wall.goto("/docs")
    until(lambda: sorted(kept(wall)) == sorted(there), "the expired one dropped")
    wall.clock.set_fixed_time("2100-01-01")
    far_from(wall, "/artworks")
    expect(wall.locator(".piece")).to_have_count(0)


def test_nothing_of_another_person_is_kept(wall: Page, new_page: NewPage) -> None:
    address = str(wall.locator(".piece__link").first.get_attribute("href"))
    stranger = new_page(reduced_motion="reduce")
    for each in (address, "/artworks", address):
        stranger.goto(each, wait_until="networkidle")
    assert stranger.evaluate(WORKERS)
    assert kept(stranger) == []


def test_no_page_is_saved_as_a_download(wall: Page) -> None:
    artwork = str(wall.get_by_role("link", name="Download").first.get_attribute("href"))
    wall.context.set_offline(True)
    with pytest.raises(Exception, match=r"ERR_FAILED|ERR_INTERNET_DISCONNECTED"):
        wall.goto(artwork)


def test_who_has_made_nothing_gets_no_worker(page: Page) -> None:
    page.goto("/", wait_until="networkidle")
    assert page.evaluate(WORKERS) == []
    assert page.evaluate("caches.keys()") == []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "again")
    yield place
    place.stop()


def test_worker_and_all_that_it_kept_go_where_the_owner_wants_none(browser: Browser, place: Place) -> None:
    url = place.start()
    with opened(browser, url) as new:
        page = new()
        page.goto("/artworks")
        until(lambda: page.evaluate(WORKERS) == ["activated"], "the worker")
        page.evaluate(PUT, ["/jobs/one", 4e12])
        assert place.start(ATELIER_OFFLINE="false") == url
        page.goto("/artworks")
        until(lambda: page.evaluate(WORKERS) == [], "no worker")
        until(lambda: page.evaluate("caches.keys()") == [], "nothing kept")
        page.goto("/artworks", wait_until="networkidle")
        assert page.evaluate(WORKERS) == []
