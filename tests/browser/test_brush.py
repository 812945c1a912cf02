"""The mask brush in a real browser. What it sends is decoded by Pillow, which did not make it."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageStat
from playwright.sync_api import Page, expect

from tests.app import pictures
from tests.browser.conftest import NewPage
from tests.browser.strokes import Place, place_on, press_in, stroke_on

FIELD = """async () => {
  const file = document.querySelector("[name=keep_file]").files[0];
  return file ? [...new Uint8Array(await file.arrayBuffer())] : null;
}"""
SENT = """() => {
  const sent = new FormData(document.getElementById("studio"));
  return { how: sent.get("keep_how"), feather: Number(sent.get("feather")), bytes: sent.get("keep_file").size };
}"""

ANSWERED = """() => {
  const detail = { id: document.getElementById("photo-id").value, width: 640, height: 480 };
  document.getElementById("studio").dispatchEvent(new CustomEvent("photo", { detail }));
}"""


def hang(page: Page, photo: Path) -> None:
    """Opens the page with a photo that the server has, and unfolds the options."""
    page.goto("/")
    page.set_input_files("#photo", photo)
    expect(page.locator("#photo-id")).not_to_have_value("")
    page.locator("#options > summary").click()
    page.locator("#more > summary").click()


def open_brush(page: Page, photo: Path) -> None:
    hang(page, photo)
    page.get_by_role("button", name="Mark on the photo").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def at(page: Page, x: float, y: float) -> Place:
    return place_on(page.locator("#brush-stage"), x, y)


def stroke(page: Page, *places: Place) -> None:
    stroke_on(page, page.locator("#brush-stage"), *places)


def press(page: Page, name: str) -> None:
    press_in(page.get_by_role("dialog"), name)


def mask(page: Page) -> Image.Image | None:
    """The picture in the form's file field."""
    content = page.evaluate(FIELD)
    if content is None:
        return None
    with Image.open(io.BytesIO(bytes(content))) as image:
        assert image.format == "PNG"
        red, green, blue, alpha = image.convert("RGBA").split()
        assert red.tobytes() == green.tobytes() == blue.tobytes()
        assert alpha.getextrema() == (255, 255)
        return red


def value(page: Page, x: float, y: float) -> int:
    """Lightness of the mask at a place, 0 to 255."""
    image = mask(page)
    assert image
    return image.getpixel((min(int(x * image.width), image.width - 1), min(int(y * image.height), image.height - 1)))  # type: ignore[return-value]


def status(page: Page) -> Any:
    return page.get_by_role("dialog").get_by_role("status")


def test_a_stroke_is_white_where_it_went(page: Page, photo: Path) -> None:
    open_brush(page, photo)
    stroke(page, (0.25, 0.5), (0.75, 0.5))
    image = mask(page)
    assert image
    assert image.size == (1024, 768)
    assert [value(page, x, 0.5) for x in (0.15, 0.25, 0.5, 0.75, 0.85)] == [0, 255, 255, 255, 0]
    # A capsule: the way plus one disc, as wide as the brush, which is a tenth of the longer side.
    width = 0.1 * 1024
    capsule = (0.5 * 1024 * width + 3.1416 * width**2 / 4) / (1024 * 768)
    share = ImageStat.Stat(image).mean[0] / 255
    assert share == pytest.approx(capsule, rel=0.02)
    expect(status(page)).to_have_text(f"{round(share * 100)} % of the photo is marked.")


def test_upright_photo_keeps_its_shape(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "upright.jpg"
    path.write_bytes(pictures.landscape(300, 500))
    open_brush(page, path)
    page.mouse.click(*at(page, 0.5, 0.9))
    image = mask(page)
    assert image
    assert image.size == (614, 1024)
    left, top, right, bottom = image.getbbox() or (0, 0, 0, 0)
    assert right - left == pytest.approx(102, abs=3)
    assert bottom - top == pytest.approx(102, abs=3)
    assert (left + right) / 2 == pytest.approx(0.5 * 614, abs=3)


def test_undo_and_redo_are_said_and_change_what_is_sent(page: Page, photo: Path) -> None:
    open_brush(page, photo)
    press(page, "Undo")
    expect(status(page)).to_have_text("Nothing to undo. Nothing is marked.")
    page.mouse.click(*at(page, 0.3, 0.3))
    page.mouse.click(*at(page, 0.7, 0.7))
    press(page, "Undo")
    expect(status(page)).to_have_text(re.compile(r"^Undone\. \d %"))
    assert (value(page, 0.3, 0.3), value(page, 0.7, 0.7)) == (255, 0)
    page.keyboard.press("Control+z")
    expect(status(page)).to_have_text("Undone. Nothing is marked.")
    assert mask(page) is None
    page.keyboard.press("Control+Shift+z")
    press(page, "Redo")
    assert (value(page, 0.3, 0.3), value(page, 0.7, 0.7)) == (255, 255)


def test_keys_move_a_cross_and_dab(page: Page, photo: Path) -> None:
    open_brush(page, photo)
    stage = page.get_by_role("application", name="The photo, to be marked")
    expect(stage).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(status(page)).to_have_text("70 % across, 49 % down.")
    page.keyboard.press("Space")
    image = mask(page)
    assert image
    left, top, right, bottom = image.getbbox() or (0, 0, 0, 0)
    assert (left + right) / 2 == pytest.approx(0.7 * 1024, abs=2)
    assert (top + bottom) / 2 == pytest.approx(0.5 * 768 - 0.01 * 1024, abs=2)
    assert right - left == pytest.approx(0.1 * 1024, abs=3)
    for _ in range(10):
        page.keyboard.press("+")
    expect(status(page)).to_have_text("The brush is 20 % wide.")
    page.keyboard.press("Space")
    left, _, right, _ = (mask(page) or image).getbbox() or (0, 0, 0, 0)
    assert right - left == pytest.approx(0.2 * 1024, abs=3)


def test_space_held_down_draws_with_the_arrows(page: Page, photo: Path) -> None:
    open_brush(page, photo)
    page.keyboard.down("Space")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.up("Space")
    assert [value(page, x, 0.5) for x in (0.15, 0.25, 0.4, 0.5, 0.6)] == [0, 255, 255, 255, 0]
    press(page, "Undo")
    assert mask(page) is None


@pytest.mark.parametrize("way", ["two clicks", "one draw", "keys"])
def test_rectangle_has_its_corners_where_they_were_set(page: Page, photo: Path, way: str) -> None:
    open_brush(page, photo)
    press(page, "Rectangle")
    if way == "two clicks":
        page.mouse.click(*at(page, 0.75, 0.75))
        expect(status(page)).to_have_text("One corner is set. Now the opposite one.")
        assert mask(page) is None
        page.mouse.click(*at(page, 0.5, 0.25))
    elif way == "one draw":
        stroke(page, (0.5, 0.25), (0.75, 0.75))
    else:
        # From the middle: a quarter of the longer side to the right and, on 4:3, three quarters of that share down.
        page.locator("#brush-stage").focus()
        page.keyboard.press("Enter")
        for _ in range(5):
            page.keyboard.press("Shift+ArrowRight")
            page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Enter")
    image = mask(page)
    assert image
    top, bottom = (384, 640) if way == "keys" else (192, 576)
    assert image.getbbox() == pytest.approx((512, top, 768, bottom), abs=3)
    assert image.crop((516, top + 4, 764, bottom - 4)).getextrema() == (255, 255)


def test_escape_drops_a_corner_before_it_closes_the_brush(page: Page, photo: Path) -> None:
    open_brush(page, photo)
    press(page, "Rectangle")
    page.mouse.click(*at(page, 0.5, 0.5))
    page.keyboard.press("Escape")
    expect(status(page)).to_have_text("The corner is dropped.")
    expect(page.locator("[data-box]")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert mask(page) is None


def test_eraser_inversion_and_clearing(page: Page, photo: Path) -> None:
    open_brush(page, photo)
    press(page, "Upper half")
    press(page, "Eraser")
    page.mouse.click(*at(page, 0.5, 0.25))
    assert [value(page, 0.5, 0.25), value(page, 0.2, 0.25), value(page, 0.5, 0.75)] == [0, 255, 0]
    press(page, "Invert")
    assert [value(page, 0.5, 0.25), value(page, 0.2, 0.25), value(page, 0.5, 0.75)] == [255, 0, 255]
    press(page, "Clear")
    expect(status(page)).to_have_text("Cleared. Nothing is marked.")
    assert mask(page) is None
    press(page, "Undo")
    assert value(page, 0.5, 0.75) == 255
    press(page, "Clear")
    press(page, "Invert")
    expect(status(page)).to_have_text("Inverted. All of the photo is marked.")


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("Centre", [(0.5, 0.5), (0.3, 0.5), (0.5, 0.7)], [(0.02, 0.5), (0.5, 0.02), (0.25, 0.25)]),
        ("Edges", [(0.02, 0.5), (0.5, 0.02), (0.98, 0.98)], [(0.5, 0.5), (0.3, 0.5)]),
        ("Upper half", [(0.01, 0.01), (0.99, 0.48)], [(0.01, 0.52), (0.99, 0.99)]),
        ("Lower half", [(0.01, 0.52), (0.99, 0.99)], [(0.01, 0.01), (0.99, 0.48)]),
        ("Left half", [(0.01, 0.01), (0.48, 0.99)], [(0.52, 0.01), (0.99, 0.99)]),
        ("Right half", [(0.52, 0.01), (0.99, 0.99)], [(0.01, 0.01), (0.48, 0.99)]),
    ],
)
def test_parts_are_marked_at_once(
    page: Page, photo: Path, name: str, inside: list[tuple[float, float]], outside: list[tuple[float, float]]
) -> None:
    open_brush(page, photo)
    press(page, name)
    assert {value(page, *place) for place in inside} == {255}
    assert {value(page, *place) for place in outside} == {0}


def test_paint_this_keeps_all_but_what_is_marked(page: Page, photo: Path) -> None:
    hang(page, photo)
    page.get_by_label("Paint this").check()
    page.get_by_role("button", name="Mark on the photo").click()
    expect(page.get_by_role("heading", name="Mark what is painted")).to_be_visible()
    press(page, "Upper half")
    press(page, "Done")
    assert (value(page, 0.5, 0.25), value(page, 0.5, 0.75)) == (0, 255)
    # The picture is turned round already, so that whoever reads the form must not do it once more.
    assert page.evaluate(SENT)["how"] == "keep"
    expect(page.locator("#keep-said")).to_have_text("50 % of the photo is painted, the rest stays.")
    page.get_by_label("Keep this").check()
    assert (value(page, 0.5, 0.25), value(page, 0.5, 0.75)) == (255, 0)
    expect(page.locator("#keep-said")).to_have_text("50 % of the photo stays as it is.")


def test_untouched_brush_sends_nothing(page: Page, photo: Path) -> None:
    open_brush(page, photo)
    press(page, "Done")
    sent = page.evaluate(SENT)
    assert (sent["how"], sent["bytes"], sent["feather"]) == ("keep", 0, 0.01)
    # None of the dialog's own controls is a field of the form.
    expect(page.locator("#brush-dialog [name]")).to_have_count(0)
    page.get_by_label("Paint this").check()
    page.get_by_role("button", name="Mark on the photo").click()
    press(page, "Invert")
    assert mask(page) is None


def test_soft_edges_are_set_by_key_and_said(page: Page, photo: Path) -> None:
    hang(page, photo)
    slider = page.get_by_label("Soft edges")
    slider.focus()
    page.keyboard.press("End")
    expect(page.locator("#feather-said")).to_have_text("10 % of the longer side")
    assert page.evaluate(SENT)["feather"] == 0.1
    page.keyboard.press("Home")
    expect(page.locator("#feather-said")).to_have_text("sharp")
    assert page.evaluate(SENT)["feather"] == 0


def test_mask_from_a_file_is_sent_as_it_is_until_the_brush_changes_it(page: Page, photo: Path, tmp_path: Path) -> None:
    own = Image.new("L", (200, 100), 0)
    own.paste(255, (0, 0, 100, 50))
    path = tmp_path / "left.png"
    own.save(path)
    hang(page, photo)
    page.get_by_label("Paint this").check()
    page.set_input_files("#keep-file", path)
    expect(page.locator("#keep-said")).to_have_text("What is white in left.png is marked.")
    page.get_by_role("button", name="Change the marks").click()
    expect(status(page)).to_have_text("25 % of the photo is marked.")
    assert bytes(page.evaluate(FIELD)) == path.read_bytes()
    assert page.evaluate(SENT)["how"] == "paint"
    page.mouse.click(*at(page, 0.75, 0.75))
    assert [value(page, *place) for place in [(0.25, 0.25), (0.75, 0.75), (0.75, 0.25)]] == [0, 0, 255]
    press(page, "Done")
    page.get_by_role("button", name="Drop the marks").click()
    assert mask(page) is None
    expect(page.get_by_role("button", name="Mark on the photo")).to_be_focused()


def test_another_photo_drops_the_marks(page: Page, photo: Path, tmp_path: Path) -> None:
    open_brush(page, photo)
    press(page, "Centre")
    press(page, "Done")
    # The server's answer to the same photo changes nothing.
    page.evaluate(ANSWERED)
    assert mask(page)
    other = tmp_path / "other.jpg"
    other.write_bytes(pictures.landscape(200, 300))
    page.set_input_files("#photo", other)
    expect(page.locator("#keep-said")).to_have_text("This is another photo: the marks are dropped.")
    assert mask(page) is None
    page.get_by_role("button", name="Mark on the photo").click()
    expect(status(page)).to_have_text("Nothing is marked.")
    press(page, "Upper half")
    image = mask(page)
    assert image
    assert image.size == (683, 1024)


def test_marking_needs_a_photo(page: Page) -> None:
    page.goto("/")
    page.locator("#options > summary").click()
    page.locator("#more > summary").click()
    page.get_by_role("button", name="Mark on the photo").click()
    expect(page.locator("#keep-error")).to_have_text("Choose a photo first, then mark its parts.")


def test_a_mask_chosen_before_the_photo_waits_for_it(page: Page, photo: Path, tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.new("L", (8, 8), 255).save(path)
    page.goto("/")
    page.set_input_files("#keep-file", path)
    page.set_input_files("#photo", photo)
    expect(page.locator("#photo-id")).not_to_have_value("")
    assert bytes(page.evaluate(FIELD)) == path.read_bytes()


def test_without_a_script_a_mask_can_be_sent(new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/")
    page.locator("#options > summary").click()
    page.locator("#more > summary").click()
    expect(page.get_by_label("A mask from a file", exact=True)).to_be_visible()
    expect(page.get_by_label("Keep this")).to_be_checked()
    expect(page.get_by_label("Soft edges")).to_have_value("0.01")
    expect(page.get_by_role("button", name="Mark on the photo")).to_be_hidden()
    expect(page.locator("#brush-dialog")).to_be_hidden()


def test_a_finger_draws_and_scrolls_nothing(new_page: NewPage, photo: Path) -> None:
    page = new_page(viewport={"width": 320, "height": 480}, has_touch=True, is_mobile=True)
    open_brush(page, photo)
    scrolled = "[scrollY, document.getElementById('brush-dialog').scrollTop]"
    before = page.evaluate(scrolled)
    finger = page.context.new_cdp_session(page)
    places = [at(page, 0.5, 0.9 - 0.1 * step) for step in range(8)]
    for kind, touched in [
        ("touchStart", places[:1]),
        *(("touchMove", [each]) for each in places[1:]),
        ("touchEnd", []),
    ]:
        points = [{"x": x, "y": y} for x, y in touched]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(status(page)).to_have_text(re.compile(r"^\d+ % of the photo is marked\.$"))
    assert [value(page, 0.5, y) for y in (0.05, 0.3, 0.6, 0.9)] == [0, 255, 255, 255]
    assert page.evaluate(scrolled) == before


@pytest.mark.parametrize("size", [(320, 480), (320, 640), (740, 340), (1280, 800)])
def test_everything_fits_and_can_be_hit(new_page: NewPage, photo: Path, size: tuple[int, int]) -> None:
    page = new_page(viewport={"width": size[0], "height": size[1]})
    open_brush(page, photo)
    assert page.evaluate("""() => {
      const dialog = document.getElementById("brush-dialog");
      return document.documentElement.scrollWidth <= innerWidth && dialog.scrollWidth <= dialog.clientWidth;
    }""")
    stage = page.locator("#brush-stage").bounding_box()
    assert stage
    assert stage["width"] / stage["height"] == pytest.approx(640 / 480, rel=0.01)
    assert stage["height"] >= 190
    controls = page.get_by_role("dialog").locator("button, input").all()
    assert len(controls) == 15
    for control in controls:
        box = control.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24
        # Undo and Redo say that there is nothing to undo, rather than lose the focus by being disabled.
        control.click(trial=True, force=control.get_attribute("aria-disabled") == "true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_brush_breaks_no_accessibility_rule(new_page: NewPage, photo: Path, scheme: str) -> None:
    page = new_page(color_scheme=scheme, reduced_motion="reduce", viewport={"width": 390, "height": 844})
    open_brush(page, photo)
    press(page, "Centre")
    press(page, "Rectangle")
    page.mouse.click(*at(page, 0.2, 0.2))
    page.mouse.move(*at(page, 0.4, 0.4))
    assert violations(page) == []
    press(page, "Done")
    assert violations(page) == []


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found]


@pytest.mark.parametrize("grey", [0, 110, 255])
def test_marks_stand_out_on_any_photo(page: Page, tmp_path: Path, grey: int) -> None:
    path = tmp_path / "plain.png"
    Image.new("RGB", (320, 240), (grey, grey, grey)).save(path)
    open_brush(page, path)
    press(page, "Upper half")
    page.mouse.move(0, 0)
    box = page.locator("#brush-stage").bounding_box()
    assert box
    with Image.open(io.BytesIO(page.screenshot(clip=box))) as shot:
        marked = shot.convert("RGB").crop((40, 40, shot.width - 40, shot.height // 2 - 40))
        colors: Any = marked.getcolors(marked.width * marked.height)
    lights = [luminance(color) for _, color in colors or []]
    plain = luminance((grey, grey, grey))
    # One of the hatching's two tones against the photo, or the two against each other, has the contrast WCAG 2.2 asks.
    assert max(contrast(min(lights), plain), contrast(max(lights), plain), contrast(min(lights), max(lights))) >= 3


def luminance(color: tuple[int, ...]) -> float:
    """Relative luminance as WCAG 2.2 defines it, 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (each / 255 for each in color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)
