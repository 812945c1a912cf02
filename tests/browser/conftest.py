"""Real Chromium against the whole running product.

Any script error, and anything that the content policy blocks or that leaves the site, fails the test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.app import pictures

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NewPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium found: install the distribution's package `chromium`, or name the program in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, atelier) -> Iterator[NewPage]:  # type: ignore[no-untyped-def]
    """Opens pages of the running product in contexts of their own; options are Playwright's."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
        page.on(
            "console", lambda message: troubles.append(message.text) if "Content Security" in message.text else None
        )
        page.on("request", lambda request: note(request.url))

    def note(address: str) -> None:
        if not address.startswith((atelier.url, "blob:")):
            troubles.append(f"leaves the site: {address}")

    def new(**options: object) -> Page:
        context = browser.new_context(base_url=atelier.url, **options)  # type: ignore[arg-type]
        contexts.append(context)
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
