"""Real Chromium against the whole running product.

Any script error, any other error on the console, and anything that leaves the site fails the test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.app import pictures
from tests.conftest import NO_CHROMIUM, Product, address, close, launch
from tests.elsewhere import Place, elsewhere

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NewPage = Callable[..., Page]

expect.set_options(timeout=20_000)  # on a busy machine an answer may take longer than Playwright's five seconds


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, atelier: Product) -> Iterator[NewPage]:
    """Opens pages of the running product in contexts of their own; options are Playwright's."""
    with opened(browser, atelier.url) as new:
        yield new


def hear_errors(page: Page, troubles: list[str]) -> None:
    """Note what a page's scripts break on."""

    def hear(error: object) -> None:
        # Chromium's own word on a transition between pages that it has skipped: no script of ours begins any.
        if "ViewTransition opt-in disabled" not in str(error):
            troubles.append(f"script: {error}")

    page.on("pageerror", hear)


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[NewPage]:
    """What opens pages of the site at `url`; at the end nothing may have been wrong in any of them."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def listen(page: Page) -> None:
        hear_errors(page, troubles)
        page.on("console", hear)
        page.on("request", lambda request: note(request.url))

    def hear(message: ConsoleMessage) -> None:
        # Chromium also calls it an error that an answer is a refusal, which some tests ask for.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            troubles.append(message.text)

    def note(address: str) -> None:
        if not address.startswith((url, "blob:")):
            troubles.append(f"leaves the site: {address}")

    def new(**options: object) -> Page:
        context = browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(90_000)  # the same of pages that open and buttons that can be pressed
        page = context.new_page()
        listen(page)
        return page

    yield new
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page(viewport={"width": 1280, "height": 800})


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(pictures.landscape(640, 480))
    return path


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    """Where a product is opened as from another machine."""
    with elsewhere() as found:
        if found is None:
            pytest.skip("this machine has only its loopback address, and no network may be made (root may)")
        yield found


@pytest.fixture(scope="session")
def far(place: Place, tmp_path_factory: pytest.TempPathFactory, own_paintings: Path) -> Iterator[Product]:
    """The whole product over plain http at an address that browsers do not trust."""
    data = tmp_path_factory.mktemp("far")
    settings = {"ATELIER_HOST": place.address, "ATELIER_STYLES": str(own_paintings), "ATELIER_PREVIEW_S": "0.3"}
    process = launch(data, place.within, **settings)
    yield Product(address(process), data, process)
    close(process)


@pytest.fixture
def new_far_page(browser: Browser, far: Product) -> Iterator[NewPage]:
    """As `new_page`, of the product elsewhere."""
    with opened(browser, far.url) as new:
        yield new


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def far_page(request: pytest.FixtureRequest, new_far_page: NewPage) -> Page:
    page = new_far_page(java_script_enabled=request.param, viewport={"width": 1280, "height": 800})
    page.goto("/")
    assert page.evaluate("isSecureContext") is False
    return page
