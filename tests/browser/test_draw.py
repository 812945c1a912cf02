"""Drawing in a real browser: what the page draws and sends is decoded by Pillow, which did not make it."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, Request, expect

from tests.app import pictures
from tests.browser.conftest import NewPage
from tests.browser.strokes import Place, place_on, press_in, stroke_on
from tests.waiting import until

# Parts of The Starry Night, as its map has them.
SKY, SWIRLS, STARS, VILLAGE = (0x2A, 0x4F, 0xB0), (0x8F, 0xC1, 0xEE), (0xFF, 0xD8, 0x3D), (0xC8, 0x64, 0x3C)
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SHOWN = "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
SMALL = """() => [...document.querySelectorAll(
  "#draw :is(button, label:has(input), select, [type=range], .brush__stage)")]
  .map((each) => [each.textContent.trim(), each.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.width < 44 || box.height < 44)).map(([name]) => name)"""


def open_page(page: Page, address: str = "/draw") -> None:
    """The page without drafts, so that no worker is waited for."""
    page.goto(address)
    expect(page.locator(".hue").first).to_be_visible()
    page.get_by_label("Paint while I draw").uncheck()


def open_blank(page: Page) -> None:
    open_page(page)
    page.get_by_role("button", name="Start from blank sky").click()
    expect(page.locator("#status")).to_have_text("Nothing but sky. Undo brings your drawing back.")


def press(page: Page, name: str) -> None:
    press_in(page, name)


def at(page: Page, x: float, y: float) -> Place:
    return place_on(page.locator("#stage"), x, y)


def stroke(page: Page, *places: Place) -> None:
    stroke_on(page, page.locator("#stage"), *places)


def drawing(page: Page) -> Image.Image:
    """The drawing, once the screen shows it."""
    page.evaluate(SHOWN)
    address = page.evaluate("() => document.getElementById('paper').toDataURL('image/png')")
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB")


def colors(page: Page, *places: tuple[float, float]) -> list[Any]:
    image = drawing(page)
    return [image.getpixel((int(x * (image.width - 1)), int(y * (image.height - 1)))) for x, y in places]


def test_the_example_is_there_at_once_in_the_parts_colours_and_no_others(page: Page) -> None:
    open_page(page)
    image = drawing(page)
    assert image.size == (640, 480)
    legend = page.locator('[data-parts-of="starry_night"] > li').evaluate_all(
        "all => all.map((each) => each.dataset.color)"
    )
    assert len(legend) == 8
    assert {"#{:02x}{:02x}{:02x}".format(*rgb) for rgb in set(zip(*[iter(image.tobytes())] * 3, strict=True))} == set(
        legend
    )


def test_a_stroke_has_its_parts_colour_where_it_went_and_sharp_edges(page: Page) -> None:
    open_blank(page)
    press(page, "village")
    stroke(page, (0.25, 0.5), (0.75, 0.5))
    assert colors(page, *((x, 0.5) for x in (0.15, 0.25, 0.5, 0.75, 0.85))) == [SKY, VILLAGE, VILLAGE, VILLAGE, SKY]
    counts = {color: count for count, color in drawing(page).getcolors() or []}
    assert set(counts) == {SKY, VILLAGE}
    # A capsule: the way, plus one disc as wide as the brush, which is six hundredths of the longer side.
    width = 0.06 * 640
    assert counts[VILLAGE] == pytest.approx(0.5 * 640 * width + 3.1416 * width**2 / 4, rel=0.03)


def test_fill_eraser_and_mirror(page: Page) -> None:
    open_blank(page)
    page.get_by_label("Mirror").check()
    press(page, "stars and moon")
    stroke(page, (0.2, 0.0), (0.2, 1.0))
    assert colors(page, (0.2, 0.5), (0.8, 0.5), (0.5, 0.5)) == [STARS, STARS, SKY]
    page.get_by_label("Mirror").uncheck()
    press(page, "swirls")
    press(page, "Fill")
    page.mouse.click(*at(page, 0.5, 0.5))
    assert colors(page, (0.05, 0.5), (0.2, 0.5), (0.5, 0.1), (0.95, 0.5)) == [SKY, STARS, SWIRLS, SKY]
    expect(page.locator("#status")).to_have_text("Filled with swirls.")
    press(page, "Eraser")
    page.mouse.click(*at(page, 0.5, 0.5))
    assert colors(page, (0.5, 0.5), (0.5, 0.1)) == [SKY, SWIRLS]
    # Who takes a part wants to draw with it.
    press(page, "village")
    page.mouse.click(*at(page, 0.5, 0.5))
    assert colors(page, (0.5, 0.5)) == [VILLAGE]


def test_undo_and_redo_by_button_and_key(page: Page) -> None:
    open_page(page)
    press(page, "Undo")
    expect(page.locator("#status")).to_have_text("Nothing to undo.")
    before = drawing(page).tobytes()
    press(page, "village")
    page.mouse.click(*at(page, 0.3, 0.3))
    page.mouse.click(*at(page, 0.3, 0.7))
    after = drawing(page).tobytes()
    press(page, "Undo")
    page.keyboard.press("Control+z")
    assert drawing(page).tobytes() == before
    press(page, "Redo")
    page.keyboard.press("Control+Shift+z")
    assert drawing(page).tobytes() == after != before


def test_it_is_drawn_with_keys_alone(page: Page) -> None:
    open_blank(page)
    page.locator("#stage").focus()
    page.keyboard.press("3")
    expect(page.locator("#status")).to_have_text("You draw stars and moon.")
    page.keyboard.down("Space")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.up("Space")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#status")).to_have_text("70 % across, 49 % down: stars and moon.")
    assert colors(page, (0.4, 0.5), (0.5, 0.5), (0.6, 0.5), (0.7, 0.5), (0.8, 0.5)) == [SKY, STARS, STARS, STARS, SKY]
    page.keyboard.press("Control+z")
    assert colors(page, (0.6, 0.5)) == [SKY]


def test_it_is_drawn_with_a_finger_and_all_is_large_enough_for_one(new_page: NewPage) -> None:
    page = new_page(**PHONE)
    open_page(page)
    page.get_by_role("button", name="Start from blank sky").tap()
    page.get_by_role("button", name="village").tap()
    page.touchscreen.tap(*at(page, 0.5, 0.5))
    assert colors(page, (0.5, 0.5), (0.2, 0.5)) == [VILLAGE, SKY]
    page.get_by_text("How it is put together").tap()
    expect(page.get_by_label("Each part of the drawing")).to_be_visible()
    assert page.evaluate(SMALL) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390


def test_a_drawing_survives_a_reload_and_each_painting_has_its_own(page: Page) -> None:
    open_blank(page)
    press(page, "village")
    page.mouse.click(*at(page, 0.5, 0.5))
    page.get_by_role("radio", name="The Great Wave off Kanagawa").check(force=True)
    expect(page.get_by_role("button", name="foam")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="foam")).to_be_visible()
    page.get_by_role("radio", name="The Starry Night").check(force=True)
    expect(page.get_by_role("button", name="cypress")).to_be_visible()
    assert colors(page, (0.5, 0.5), (0.2, 0.2)) == [VILLAGE, SKY]


def test_a_drawing_of_another_program_is_opened(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    image = Image.new("RGB", (320, 240), (40, 80, 170))  # nearly the sky's
    image.paste(STARS, (160, 0, 320, 240))
    image.save(path)
    open_page(page)
    page.set_input_files("#map", path)
    expect(page.locator("#status")).to_have_text("Opened.")
    assert colors(page, (0.2, 0.5), (0.8, 0.5)) == [SKY, STARS]


def test_a_photo_is_traced_or_painted_with_the_parts(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "upright.jpg"
    path.write_bytes(pictures.landscape(300, 400))
    open_page(page)
    page.set_input_files("#photo", path)
    expect(page.locator("#stage")).to_have_attribute("data-trace", "")
    assert drawing(page).size == (480, 640)
    page.get_by_label("Paint my photo with these parts").check()
    with page.expect_navigation():
        press(page, "Paint it large")
    wish = page.request.get(f"/api/v1{re.sub('^.*(?=/jobs/)', '', page.url)}").json()["request"]
    assert wish["preset"] == "studio"
    thumb = Image.open(io.BytesIO(page.request.get(f"/photos/{wish['photo']}/thumb.webp").body()))
    assert thumb.size == (300, 400)


def test_it_is_painted_while_the_hand_rests_and_nothing_of_that_is_kept(page: Page) -> None:
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method != "GET" else None)
    page.goto("/draw")
    expect(page.get_by_role("button", name="village")).to_be_visible()
    page.wait_for_timeout(2000)  # longer than a hand rests: who only looks asks for nothing
    assert sent == []
    press(page, "village")
    page.mouse.click(*at(page, 0.3, 0.3))
    expect(page.locator("#live-picture")).to_be_visible(timeout=90_000)
    (started,) = [request for request in sent if request.url.endswith("/api/v1/doodles")]
    wish: Any = started.post_data_json
    assert (wish["preset"], wish["size"], wish["quality"]) == ("doodle", 256, "draft")
    assert wish["style"] == "starry_night"
    page.get_by_role("link", name="Your wall").click()
    expect(page.get_by_text("Nothing hangs here yet.")).to_be_visible()
    thumb = f"/photos/{wish['photo']}/thumb.webp"
    until(lambda: page.request.get(thumb).status == 404, "the photo to be deleted")


def test_who_saves_data_is_not_painted_for_unasked(page: Page) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
    page.goto("/draw")
    expect(page.get_by_role("button", name="village")).to_be_visible()
    expect(page.get_by_label("Paint while I draw")).not_to_be_checked()


def test_it_is_painted_large_on_its_own_page(page: Page) -> None:
    open_blank(page)
    press(page, "stars and moon")
    stroke(page, (0.1, 0.2), (0.9, 0.2))
    page.get_by_label("512 px").check(force=True)
    press(page, "Paint it large")
    page.wait_for_url(re.compile(r"/jobs/\w{32}$"))
    wish = page.request.get(f"/api/v1/jobs/{page.url.rpartition('/')[2]}").json()["request"]
    assert (wish["preset"], wish["size"]) == ("doodle", 512)
    assert {(style["id"], style["part"]) for style in wish["styles"]} == {
        ("starry_night", "sky"),
        ("starry_night", "stars and moon"),
    }
    page.go_back()
    expect(page.get_by_role("button", name="village")).to_be_visible()
    assert colors(page, (0.5, 0.2), (0.5, 0.6)) == [STARS, SKY]


def test_a_drawing_from_elsewhere_keeps_its_shape(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    image = Image.new("RGB", (400, 200), SKY)
    image.paste(STARS, (0, 0, 100, 200))
    image.save(path)
    open_page(page)
    page.set_input_files("#map", path)
    expect(page.locator("#status")).to_have_text("Opened.")
    assert drawing(page).size == (640, 320)
    page.reload()
    expect(page.locator(".hue").first).to_be_visible()
    assert drawing(page).size == (640, 320)
    assert colors(page, (0.1, 0.5), (0.4, 0.5)) == [STARS, SKY]


def test_a_pressed_button_can_be_read_in_forced_colours(new_page: NewPage) -> None:
    page = new_page(forced_colors="active", viewport={"width": 1280, "height": 800})
    open_page(page)
    page.mouse.move(0, 0)
    shot = page.get_by_role("button", name="Brush", exact=True).screenshot()
    light = Image.open(io.BytesIO(shot)).convert("L").point(lambda value: 255 * (value > 128))
    # Letters on a dark ground; a plate of the page's colour below them would be much larger, and light as they are.
    share = light.histogram()[255] / (light.width * light.height)
    assert 0.01 < share < 0.12


@pytest.mark.parametrize("screen", [{"viewport": {"width": 1280, "height": 800}}, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_accessibility_violations(new_page: NewPage, screen: dict[str, Any], scheme: str) -> None:
    page = new_page(**screen, color_scheme=scheme)
    open_page(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
