"""A photo with transparent parts in a real browser: the tick, and the files that come of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.app import pictures
from tests.browser.conftest import NewPage
from tests.browser.test_painting import PAINTED_MS, choose_painting, downloaded, open_options

CORNERS = ((0, 0), (0, 191), (255, 0), (255, 191))


@pytest.fixture
def clear(tmp_path: Path) -> Path:
    """A picture in an oval, with nothing around it."""
    image = pictures.quarters(640, 480).convert("RGBA")
    oval = Image.new("L", image.size)
    ImageDraw.Draw(oval).ellipse((80, 60, 560, 420), 255)
    image.putalpha(oval)
    image.save(tmp_path / "clear.png")
    return tmp_path / "clear.png"


def paint(page: Page) -> None:
    page.get_by_role("radio", name="256 px").check()
    page.get_by_role("radio", name="Draft").check()
    page.get_by_label("Keep transparency").check()
    page.get_by_role("button", name="Paint it").click()
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
def test_what_is_transparent_in_the_photo_is_so_in_the_artwork(
    new_page: NewPage, clear: Path, has_scripts: bool
) -> None:
    page = new_page(java_script_enabled=has_scripts, viewport={"width": 1280, "height": 800})
    page.goto("/")
    page.set_input_files("#photo", clear)
    choose_painting(page)
    open_options(page)
    paint(page)
    expect(page.get_by_text("the photo’s", exact=True)).to_have_count(1)
    for name in ("PNG", "WebP"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        image = downloaded(download)
        assert (image.mode, image.size) == ("RGBA", (256, 192))
        assert [image.getpixel(corner)[3] for corner in CORNERS] == [0] * 4  # type: ignore[index]
        assert image.getpixel((128, 96))[3] == 255  # type: ignore[index]
    with page.expect_download() as download:
        page.get_by_role("link", name="JPEG", exact=True).click()
    assert downloaded(download).mode == "RGB"


def test_it_is_offered_until_the_photo_is_known_to_have_none(page: Page, clear: Path, photo: Path) -> None:
    page.goto("/")
    open_options(page)
    tick = page.get_by_label("Keep transparency")
    expect(tick).to_be_visible()
    expect(tick).to_have_accessible_description(
        "Where your photo is transparent, PNG, WebP and TIFF are too. Any other photo is painted as usual."
    )
    page.set_input_files("#photo", photo)
    expect(tick).to_be_hidden()
    page.set_input_files("#photo", clear)
    expect(tick).to_be_visible()
    expect(page.locator("#photo-id")).not_to_have_value("")
    expect(tick).to_be_visible()
