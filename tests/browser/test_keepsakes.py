"""An artwork taken along in a real browser: as files, on the clipboard, on paper, on a wall, by others."""

from __future__ import annotations

import base64
import io
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.test_painting import difference, downloaded
from tests.browser.test_result import SMALL_TARGETS, artwork, box, shown

__all__ = ["artwork", "shown"]  # fixtures

BRITISH = {"locale": "en-GB"}  # sheets in centimetres


@pytest.fixture
def on_paper(new_page: NewPage, artwork: str) -> Page:
    page = new_page(viewport={"width": 1280, "height": 900}, **BRITISH)
    page.goto(artwork, wait_until="networkidle")
    page.get_by_role("button", name="On paper").click()
    return page


def picture_of(page: Page, artwork: str, extension: str) -> Image.Image:
    answer = page.request.get(f"{artwork.replace('/jobs/', '/api/v1/jobs/')}/artwork.{extension}")
    return Image.open(io.BytesIO(answer.body())).convert("RGB")


@pytest.mark.parametrize("scripts", [True, False])
def test_keepsakes_come_by_a_click(new_page: NewPage, artwork: str, scripts: bool) -> None:
    page = new_page(java_script_enabled=scripts)
    page.goto(artwork)
    for name, kind in (("Postcard", "JPEG"), ("Time-lapse", "WEBP"), ("Photo and painting", "JPEG")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        assert downloaded(download).format == kind


def test_the_picture_is_copied_as_it_is(new_page: NewPage, artwork: str) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(artwork)
    page.get_by_role("button", name="Copy the picture").click()
    expect(page.get_by_text("The picture is copied.")).to_be_visible()
    expect(page.locator("#copy-picture", has_text="Copied ✓")).to_be_visible()
    copied = page.evaluate(
        """async () => {
          const [item] = await navigator.clipboard.read();
          const bytes = new Uint8Array(await (await item.getType("image/png")).arrayBuffer());
          return btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""));
        }"""
    )
    picture = Image.open(io.BytesIO(base64.b64decode(copied))).convert("RGB")
    assert difference(picture, picture_of(page, artwork, "png")) == 0


def test_where_nothing_can_be_copied_or_sent_nobody_offers_it(new_page: NewPage, artwork: str) -> None:
    page = new_page()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined });")
    page.goto(artwork, wait_until="networkidle")
    expect(page.get_by_role("button", name="Keys")).to_be_visible()  # the scripts have run
    expect(page.get_by_role("button", name="Copy the picture")).to_be_hidden()
    expect(page.get_by_role("button", name="Send the picture")).to_be_hidden()


def test_what_cannot_be_copied_is_said(new_page: NewPage, artwork: str) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(artwork, wait_until="networkidle")
    page.route("**/artwork.png", lambda route: route.abort())
    page.get_by_role("button", name="Copy the picture").click()
    expect(page.get_by_text("Download it as PNG instead.")).to_be_visible()


def test_the_file_itself_is_handed_on(new_page: NewPage, artwork: str) -> None:
    # No browser without a screen has the sheet of the system; what it would be handed is what counts.
    page = new_page()
    page.add_init_script(
        """window.tries = 0;
        navigator.canShare = () => true;
        navigator.share = async ({ files, title }) => {
          window.tries += 1;
          if (window.tries === 1) throw new DOMException("too late", "NotAllowedError");
          window.handed = [title, files[0].name, files[0].type, files[0].size];
        };"""
    )
    page.goto(artwork)
    send = page.get_by_role("button", name="Send the picture")
    send.click()
    expect(page.get_by_text("Press once more")).to_be_visible()
    send.click()
    expect(page.get_by_text("Press once more")).to_be_hidden()
    title, name, kind, size = page.evaluate("window.handed")
    assert (title, kind) == ("After Strokes", "image/jpeg")
    assert re.fullmatch(r"atelier-strokes-\w{6}\.jpg", name)
    answer = page.request.get(f"{artwork.replace('/jobs/', '/api/v1/jobs/')}/artwork.jpg")
    assert size == len(answer.body())


def test_dragged_out_it_is_the_file(shown: Page, artwork: str) -> None:
    dragged = shown.locator(".compare__after").evaluate(
        """(picture) => {
          const event = new DragEvent("dragstart", { dataTransfer: new DataTransfer(), bubbles: true });
          picture.dispatchEvent(event);
          return event.dataTransfer.getData("DownloadURL");
        }"""
    )
    kind, name, address = dragged.split(":", 2)
    assert (kind, name.endswith(".jpg")) == ("image/jpeg", True)
    assert address == f"{artwork.replace('/jobs/', '/api/v1/jobs/')}/artwork.jpg"


def test_it_hangs_beside_somebody_of_170_centimetres(on_paper: Page) -> None:
    person, sofa = box(on_paper.locator(".room__person")), box(on_paper.locator(".room__seat"))
    cm = person["height"] / 170
    for name, width, height in (("A4", 29.7, 21), ("13 × 18 cm", 18, 13), ("50 × 70 cm", 70, 50)):
        on_paper.get_by_role("radio", name=name).check()
        mat, picture = box(on_paper.locator("#hung-mat")), box(on_paper.locator("#hung-picture"))
        assert mat["width"] / cm == pytest.approx(width, rel=0.03)
        assert mat["height"] / cm == pytest.approx(height, rel=0.03)
        assert picture["width"] / picture["height"] == pytest.approx(4 / 3, rel=0.02)
        assert picture["width"] == pytest.approx(mat["width"], rel=0.02) or picture["height"] == pytest.approx(
            mat["height"], rel=0.02
        )
        assert mat["y"] + mat["height"] < sofa["y"]
        expect(on_paper.get_by_role("img", name=f"The artwork as {name}")).to_be_visible()
    on_paper.get_by_role("link", name="Paint it large first").click()
    expect(on_paper.locator("#paper")).to_be_hidden()
    expect(on_paper.get_by_role("heading", name="Larger")).to_be_in_viewport()


def test_without_scripts_the_sheets_are_a_list(new_page: NewPage, artwork: str) -> None:
    page = new_page(java_script_enabled=False, viewport={"width": 390, "height": 844}, **BRITISH)
    page.goto(artwork)
    expect(page.get_by_text("A4", exact=True)).to_be_visible()
    expect(page.get_by_text("dpi", exact=False).first).to_be_visible()
    expect(page.get_by_role("img", name="The artwork as 10 × 15 cm")).to_be_visible()
    expect(page.locator("#paper input").first).to_be_hidden()
    expect(page.get_by_role("button", name="Print it")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("dialog", [True, False])
def test_on_paper_there_is_the_artwork_alone(new_page: NewPage, artwork: str, dialog: bool) -> None:
    page = new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark", **BRITISH)
    page.goto(artwork, wait_until="networkidle")
    if dialog:
        page.get_by_role("button", name="On paper").click()
        page.evaluate("window.print = () => { window.printed = true; }")
        page.get_by_role("button", name="Print it").click()
        assert page.evaluate("window.printed")
    else:
        page.get_by_label("Half and half").check()
    sheet = page.pdf(format="A4", landscape=True)
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1
    page.emulate_media(media="print")
    seen = page.evaluate(
        """[...document.querySelectorAll("body *")]
        .filter((each) => each.checkVisibility() && !each.children.length && each.getBoundingClientRect().width > 1)
        .map((each) => each.className)"""
    )
    assert seen == ["compare__after fills"]
    picture = box(page.locator(".compare__after"))
    assert (picture["x"], picture["y"], picture["width"]) == pytest.approx((0, 0, 1280), abs=1)
    assert picture["height"] == pytest.approx(900, abs=2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sheet", ["On paper", "Keys"])
def test_axe_finds_nothing_on_the_sheets(new_page: NewPage, artwork: str, scheme: str, sheet: str) -> None:
    page = new_page(color_scheme=scheme, viewport={"width": 1280, "height": 900}, **BRITISH)
    page.goto(artwork, wait_until="networkidle")
    page.get_by_role("button", name=sheet).click()
    found = Axe().run(page)
    assert found.response["violations"] == [], found.generate_report()


@pytest.mark.parametrize("width", [320, 390])
def test_the_sheet_is_for_small_screens_and_fingers_too(new_page: NewPage, artwork: str, width: int) -> None:
    page = new_page(viewport={"width": width, "height": 700}, has_touch=True, is_mobile=True, **BRITISH)
    page.goto(artwork, wait_until="networkidle")
    expect(page.get_by_role("button", name="Keys")).to_be_hidden()
    page.get_by_role("button", name="On paper").tap()
    assert page.locator("#paper").evaluate("(sheet) => sheet.scrollWidth - sheet.clientWidth") <= 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#paper").evaluate_all(SMALL_TARGETS) == []


def test_the_question_mark_shows_the_keys(shown: Page) -> None:
    shown.get_by_label("pixels to the inch").press("?")
    expect(shown.locator("#keys")).to_be_hidden()
    shown.locator("#view").press("?")
    expect(shown.get_by_role("heading", name="Keys of the picture")).to_be_visible()
    shown.keyboard.press("Escape")
    expect(shown.locator("#keys")).to_be_hidden()
    expect(shown.locator("#view")).to_be_focused()


def test_somebody_else_paints_a_photo_of_their_own_like_it(new_page: NewPage, artwork: str) -> None:
    page = new_page()
    page.goto(artwork)
    page.get_by_role("button", name="Make an address to share").click()
    expect(page.get_by_role("img", name="The address as a QR code")).to_be_visible()
    assert box(page.locator(".share__code"))["width"] >= 120
    assert Axe().run(page).response["violations"] == []
    address = page.get_by_label("Address of the shared artwork").input_value()
    other = new_page()
    other.goto(address)
    other.get_by_role("link", name="Paint a photo of your own like this").click()
    expect(other.get_by_role("radio", name="Strokes")).to_be_checked()
    expect(other.get_by_role("radio", name="256 px")).to_be_checked()
    assert other.locator("[name=photo_id]").first.input_value() == ""
    page.get_by_role("button", name="Stop sharing").click()
    expect(page.get_by_role("img", name="The address as a QR code")).to_be_hidden()
