"""Several photos in a real browser: sent one after another, watched side by side, taken home in one ZIP."""

from __future__ import annotations

import base64
import io
import zipfile
from itertools import combinations

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.app import pictures
from tests.browser.conftest import NewPage
from tests.browser.test_painting import PAINTED_MS, choose_painting, difference, open_options

SENT_MS, SERIES_MS = 30_000, 3 * PAINTED_MS
SIZES = ((320, 240), (240, 320), (300, 300))
# Runs in every page of the context before its own scripts: keeps each preview that any canvas ever showed, by photo.
WATCH = """
const seen = {};
window.seenPreviews = seen;
new MutationObserver(() => {
  for (const canvas of document.querySelectorAll(".canvas"))
    for (const image of canvas.querySelectorAll(".canvas__preview"))
      if (image.src && !image.hidden) (seen[canvas.dataset.photo] ??= {})[image.src] = true;
}).observe(document, {subtree: true, childList: true, attributes: true});
"""
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
DROP = """(files) => {
  const transfer = new DataTransfer();
  for (const [name, data] of files) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  }
  const drop = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.getElementById("frame").dispatchEvent(drop);
}"""


def file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


@pytest.fixture
def photos() -> list[FilePayload]:
    drawn = [Image.effect_noise(size, 40).convert("RGB") for size in SIZES]
    for place, image in enumerate(drawn):
        image.paste(((200, 60, 40), (40, 140, 60), (40, 60, 190))[place], (40, 40, 160, 160))
    return [file(f"{place}.jpg", pictures.encoded(image, "JPEG")) for place, image in enumerate(drawn)]


def sent(page: Page, number: int) -> None:
    """Waits until so many photos have been taken by the server."""
    expect(page.locator(".print[data-photo]")).to_have_count(number, timeout=SENT_MS)


def smallest(page: Page) -> None:
    choose_size(page, 256)


def too_large_to_end_soon(page: Page) -> None:
    choose_size(page, 2048)


def choose_size(page: Page, pixels: int) -> None:
    open_options(page)
    page.get_by_role("radio", name=f"{pixels} px").check()


def test_three_photos_develop_side_by_side_and_come_home_in_one_zip(page: Page, photos: list[FilePayload]) -> None:
    page.add_init_script(WATCH)
    page.goto("/")
    page.set_input_files("#photo", photos)
    sent(page, 3)
    choose_painting(page)
    smallest(page)
    page.get_by_role("button", name="Paint all 3").click()

    page.wait_for_url("**/series/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("3 photos after")
    expect(page.locator(".canvas__name")).to_have_text([str(each["name"]) for each in photos])
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url) if "/api/v1/jobs/" in request.url else None)
    expect(page.get_by_text("Your artworks")).to_be_visible(timeout=SERIES_MS)
    expect(page.locator("#doing")).to_have_text("all 3 finished")
    expect(page.locator("#stop-form")).to_be_hidden()
    expect(page.locator(".canvas.is-finished")).to_have_count(3)
    seen = page.evaluate("window.seenPreviews")
    assert len(seen) == 3
    assert all(seen.values())  # how many there are of each is a matter of speed
    # One request for all: only pictures were asked for of single jobs.
    assert all("/preview?v=" in address for address in polls)

    with page.expect_download() as download:
        page.get_by_role("link", name="Download 3 artworks (ZIP)").click()
    assert download.value.suggested_filename.endswith(".zip")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert [name[:11] for name in names] == ["01-atelier-", "02-atelier-", "03-atelier-"]
        artworks = [Image.open(io.BytesIO(archive.read(name))) for name in names]
    assert [artwork.size for artwork in artworks] == [(256, 192), (192, 256), (256, 256)]
    for one, other in combinations(artworks, 2):
        assert difference(one, other) > 5
    with page.expect_download() as single:
        page.get_by_role("link", name="Download artwork 2").click()
    with Image.open(single.value.path()) as artwork:
        assert artwork.size == (192, 256)
    page.get_by_role("link", name=f"{photos[2]['name']}: finished").click()
    page.wait_for_url("**/jobs/*")
    expect(page.get_by_role("heading", name="Download")).to_be_visible()


def test_a_refused_photo_says_why_and_the_others_go_on(page: Page, photos: list[FilePayload]) -> None:
    page.goto("/")
    page.set_input_files("#photo", [photos[0], file("letter.jpg", b"%PDF-1.7 not a photo"), photos[1]])
    sent(page, 2)
    refused = page.locator(".print.is-refused")
    expect(refused.get_by_role("alert")).to_contain_text("letter.jpg")
    expect(refused.get_by_role("alert")).to_contain_text("This is a PDF.")
    expect(page.get_by_role("button", name="Paint all 2")).to_be_visible()
    refused.get_by_role("button", name="Remove this photo").click()
    expect(refused).to_have_count(0)
    # More come to those that are there; what is removed goes.
    page.set_input_files("#photo", photos[2])
    sent(page, 3)
    expect(page.locator("#prints-count")).to_have_text("3 photos")
    for left in (2, 1):
        page.get_by_role("button", name="Remove this photo").first.click()
        expect(page.locator(".print")).to_have_count(left)
    expect(page.get_by_role("button", name="Paint it")).to_be_visible()
    page.get_by_role("button", name="Remove this photo").click()
    expect(page.get_by_text("Drop it here, paste it")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "photo"


def test_one_that_is_left_is_painted_as_any_other(page: Page, photos: list[FilePayload]) -> None:
    page.goto("/")
    page.set_input_files("#photo", photos[:2])
    sent(page, 2)
    page.get_by_role("button", name="Remove this photo").first.click()
    choose_painting(page)
    too_large_to_end_soon(page)
    page.get_by_role("button", name="Paint it").click()
    page.wait_for_url("**/jobs/*")
    page.get_by_role("button", name="Stop").click()


def test_several_photos_can_be_dropped_and_two_are_sent_at_a_time(page: Page, photos: list[FilePayload]) -> None:
    held: list[Route] = []
    page.route("**/api/v1/photos", lambda route: held.append(route))
    page.goto("/")
    dropped = [[each["name"], base64.b64encode(each["buffer"]).decode()] for each in photos]
    with page.expect_request("**/api/v1/photos"):
        page.evaluate(DROP, dropped)
    expect(page.locator(".print")).to_have_count(3)
    page.evaluate(FRAMES)  # Whatever it would still send would be on its way by then.
    assert len(held) == 2
    with page.expect_request("**/api/v1/photos"):
        held[0].continue_()
    page.evaluate(FRAMES)
    assert len(held) == 3
    for route in held[1:]:
        route.continue_()
    sent(page, 3)


def test_all_of_it_stops_with_one_button(page: Page, photos: list[FilePayload]) -> None:
    page.goto("/")
    page.set_input_files("#photo", photos)
    choose_painting(page)
    too_large_to_end_soon(page)
    # Pressed while photos are still sent, it waits for them.
    page.get_by_role("button", name="Paint all 3").click()
    page.wait_for_url("**/series/*")
    page.get_by_role("button", name="Stop all").click()
    expect(page.get_by_text("Your artworks")).to_be_visible(timeout=SERIES_MS)
    expect(page.locator(".canvas.is-cancelled, .canvas.is-finished")).to_have_count(3)
    page.get_by_role("link", name="Your wall").click()
    expect(page.get_by_role("link", name="3 photos after")).to_be_visible()


def test_it_works_without_scripts(new_page: NewPage, photos: list[FilePayload]) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/")
    page.set_input_files("#photo", [photos[0], file("letter.jpg", b"%PDF-1.7 not a photo"), photos[1], photos[2]])
    page.locator(".card__label").first.click()
    smallest(page)
    page.get_by_role("button", name="Paint it").click()
    expect(page.get_by_text("nothing was started yet")).to_be_visible()
    expect(page.get_by_text("letter.jpg")).to_be_visible()
    page.get_by_role("checkbox", name="Paint this photo").nth(2).uncheck()
    page.get_by_role("button", name="Paint all 3").click()
    page.wait_for_url("**/series/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 photos after")
    # The page asks again by itself until all is finished.
    expect(page.get_by_text("all 2 finished")).to_be_visible(timeout=SERIES_MS)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download 2 artworks (ZIP)").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == 2
    page.get_by_text("Delete all now").click()
    page.get_by_role("button", name="Delete photos and artworks").click()
    page.wait_for_url("**/artworks")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_its_pages_fit_and_keep_the_accessibility_rules(
    new_page: NewPage, photos: list[FilePayload], scheme: str, width: int
) -> None:
    page = new_page(color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": 800})
    page.goto("/")
    page.set_input_files("#photo", [*photos, file("a letter.jpg", b"%PDF-1.7 not a photo")])
    sent(page, 3)
    check(page)
    choose_painting(page)
    too_large_to_end_soon(page)
    page.get_by_role("button", name="Paint all 3").click()
    page.wait_for_url("**/series/*")
    check(page)
    page.get_by_role("button", name="Stop all").click()
    expect(page.get_by_text("Your artworks")).to_be_visible(timeout=SERIES_MS)
    check(page)


def check(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
