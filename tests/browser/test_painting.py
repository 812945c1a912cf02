"""The whole way of a person: photo in, painting chosen, canvas watched, artwork downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage

PAINTED_MS = 240_000
# Runs in every page of the context before its own scripts: keeps each preview and each position of the line ever shown.
WATCH = """
const watch = () => {
  const seen = JSON.parse(sessionStorage.seen ?? '{"previews": [], "progress": []}');
  const note = () => {
    for (const image of document.querySelectorAll(".easel__preview"))
      if (image.src && !image.hidden && !seen.previews.includes(image.src)) seen.previews.push(image.src);
    const progress = document.getElementById("progress");
    if (progress && seen.progress.at(-1) !== progress.value) seen.progress.push(progress.value);
    sessionStorage.seen = JSON.stringify(seen);
  };
  new MutationObserver(note).observe(document, {subtree: true, childList: true, attributes: true});
};
watch();
"""


def choose_painting(page: Page, number: int = 0) -> None:
    page.locator(".card__label").nth(number).click()


def stop(page: Page) -> None:
    """Stops a painting that may be waiting, at work or just done; what becomes of it is told by another page."""
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0, timeout=PAINTED_MS)


def open_options(page: Page) -> None:
    page.locator("#options > summary").click()
    page.locator("#more > summary").click()


def opened(path: Path) -> Image.Image:
    """A picture, read whole so that its file is closed again."""
    with Image.open(path) as image:
        image.load()
        return image


def downloaded(download: Any) -> Image.Image:
    """The picture that a click brought."""
    return opened(download.value.path())


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures in grey levels, 0 to 255."""
    apart = ImageChops.difference(one.convert("RGB"), other.convert("RGB").resize(one.size))
    return sum(ImageStat.Stat(apart).mean) / 3


def test_photo_becomes_a_painting(page: Page, photo: Path) -> None:
    page.add_init_script(WATCH)
    page.goto("/")
    page.set_input_files("#photo", photo)
    expect(page.get_by_alt_text("Your photo")).to_be_visible()
    choose_painting(page)
    open_options(page)
    page.get_by_role("radio", name="512 px").check()
    page.get_by_role("button", name="Paint it").click()

    page.wait_for_url("**/jobs/*")
    expect(page.get_by_text("On the easel")).to_be_visible()
    previews: dict[str, bytes] = {}
    page.on("response", lambda answer: previews.update({answer.url: b""}) if "/preview?v=" in answer.url else None)
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)

    seen = page.evaluate("JSON.parse(sessionStorage.seen)")
    assert len(seen["previews"]) >= 3
    bodies = [page.request.get(address).body() for address in seen["previews"]]
    assert len(set(bodies)) == len(bodies)
    assert len(seen["progress"]) >= 4
    assert seen["progress"] == sorted(seen["progress"])

    with page.expect_download() as download:
        page.get_by_role("link", name="PNG").click()
    assert download.value.suggested_filename.endswith(".png")
    artwork = downloaded(download)
    assert artwork.size == (512, 384)
    assert difference(artwork, opened(photo)) > 8
    for name, kind in [("JPEG", "JPEG"), ("WebP", "WEBP")]:
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        assert downloaded(download).format == kind

    divider = page.get_by_label("Divider: how much of the photo is shown")
    page.get_by_label("Half and half").check()
    expect(divider).to_have_value("50")
    divider.focus()
    divider.press("ArrowRight")
    expect(divider).to_have_value("51")
    page.get_by_label("Photo", exact=True).check()
    expect(divider).to_have_value("100")

    address = page.url
    page.get_by_role("link", name="Your wall").click()
    page.locator(f'a[href="{address[address.index("/jobs/") :]}"]').click()
    expect(page.get_by_role("heading", name="Download")).to_be_visible()

    page.get_by_role("link", name="Another painting").click()
    expect(page.get_by_alt_text("Your photo")).to_be_visible()


def test_stop_and_keep_what_is_there(page: Page, photo: Path) -> None:
    page.goto("/")
    page.set_input_files("#photo", photo)
    choose_painting(page)
    open_options(page)
    page.get_by_role("radio", name="2048 px").check()
    page.get_by_label("Best", exact=True).check()
    page.get_by_role("button", name="Paint it").click()
    expect(page.locator("#preview")).to_be_visible(timeout=PAINTED_MS)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", name="Keep what’s there")).to_be_visible(timeout=PAINTED_MS)
    with page.expect_download() as download:
        page.get_by_role("link", name="JPEG").click()
    kept = downloaded(download)
    assert kept.width / kept.height == 4 / 3 or abs(kept.width / kept.height - 4 / 3) < 0.02
    expect(page.get_by_role("button", name="Paint it to the end")).to_be_visible()


def test_everything_works_without_scripts(new_page: NewPage, photo: Path) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/")
    page.get_by_label("Search by title, artist or museum").fill("no such painting")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No painting fits")).to_be_visible()
    page.get_by_role("link", name="Show all of them").click()
    page.set_input_files("#photo", photo)
    choose_painting(page)
    open_options(page)
    page.get_by_role("radio", name="256 px").check()
    page.get_by_role("button", name="Paint it").click()
    expect(page.get_by_text("On the easel")).to_be_visible()
    # The page refreshes itself until the artwork is there.
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
    with page.expect_download() as download:
        page.get_by_role("link", name="JPEG").click()
    assert downloaded(download).size == (256, 192)
    page.get_by_label("Photo", exact=True).check()
    photo_shown = page.locator(".compare__before").evaluate("image => getComputedStyle(image).clipPath")
    assert photo_shown.startswith("inset(0px 0%") or photo_shown == "inset(0px)"
    page.get_by_role("link", name="Your wall").click()
    expect(page.locator(".piece")).to_have_count(1)


def test_stopping_works_without_scripts(new_page: NewPage, photo: Path) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/")
    page.set_input_files("#photo", photo)
    choose_painting(page)
    open_options(page)
    page.get_by_role("radio", name="2048 px").check()
    page.get_by_role("button", name="Paint it").click()
    stop(page)
    expect(page.get_by_role("link", name="Another painting")).to_be_visible()


def test_easel_recovers_from_a_broken_connection(page: Page, photo: Path) -> None:
    page.goto("/")
    page.set_input_files("#photo", photo)
    choose_painting(page)
    page.get_by_role("button", name="Paint it").click()
    page.wait_for_url("**/jobs/*")
    page.context.set_offline(True)
    expect(page.get_by_text("The connection broke")).to_be_visible(timeout=20_000)
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
