"""Drawing with a painting of one's own in a real browser: its parts are named and brushed on itself, and drawn with."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from tests.app import pictures
from tests.browser.conftest import NewPage
from tests.browser.strokes import Place, place_on, press_in, stroke_on
from tests.browser.test_draw import PHONE, SMALL, colors, drawing, open_page

# The first colours that parts get.
GROUND, SECOND, THIRD = (0x6B, 0x6B, 0x6B), (0xE2, 0x3B, 0x2E), (0x2F, 0x6F, 0xD0)
CLEAR = (0, 0, 0)  # what of the ground is to be seen of it over the painting


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.jpg"
    path.write_bytes(pictures.landscape(600, 400))
    return path


def bring(page: Page, own: Path) -> None:
    """The page with an own painting, whose parts are to be brushed."""
    open_page(page)
    page.set_input_files("#own-painting", own)
    expect(page.locator("#status")).to_have_text("Your painting is here. Brush over its parts.")


def stroke(page: Page, *places: Place) -> None:
    stroke_on(page, page.locator("#stage"), *places)


def mark_two(page: Page) -> None:
    """A second part on the right, named flowers, and a third on the left, named leaves; the rest is the ground."""
    page.get_by_label("Name of this part").fill("flowers")
    page.locator("#size").fill("20")
    stroke(page, (0.8, 0.1), (0.8, 0.9))
    press_in(page, "Add a part")
    page.get_by_label("Name of this part").fill("leaves")
    stroke(page, (0.2, 0.1), (0.2, 0.9))


def hues(page: Page) -> Sequence[str]:
    return page.locator("#hues button").all_inner_texts()


def wish(page: Page) -> Any:
    return page.request.get(f"/api/v1/jobs/{page.url.rpartition('/')[2]}").json()["request"]


def draw_leaves_and_paint(page: Page) -> None:
    """Draw a stroke of leaves on nothing but background, and have it painted."""
    press_in(page, "Start from blank background")
    page.locator("#hues").get_by_role("button", name="leaves").click()
    stroke(page, (0.1, 0.5), (0.9, 0.5))
    page.get_by_label("512 px").check(force=True)
    with page.expect_navigation():
        press_in(page, "Paint it large")


def test_parts_are_brushed_on_the_painting_and_drawn_with(page: Page, own: Path) -> None:
    bring(page, own)
    expect(page.locator("#own-view")).to_be_visible()
    assert drawing(page).size == (640, 427)
    mark_two(page)
    assert hues(page) == ["background", "flowers", "leaves"]
    assert colors(page, (0.2, 0.5), (0.5, 0.5), (0.8, 0.5)) == [THIRD, CLEAR, SECOND]
    press_in(page, "2 · My drawing")
    expect(page.locator("#own-view")).to_be_hidden()
    # The map is what it begins with.
    assert colors(page, (0.2, 0.5), (0.5, 0.5), (0.8, 0.5)) == [THIRD, GROUND, SECOND]
    draw_leaves_and_paint(page)
    asked = wish(page)
    assert asked["preset"] == "doodle"
    assert {each["part"] for each in asked["styles"]} == {"#6b6b6b", "#2f6fd0"}
    (painting,) = {each["id"] for each in asked["styles"]}
    assert painting.startswith("own_")
    page.go_back()
    expect(page.locator("#hues button")).to_have_count(3)
    assert colors(page, (0.5, 0.5), (0.5, 0.1)) == [THIRD, GROUND]
    press_in(page, "1 · Its parts")
    assert colors(page, (0.2, 0.5), (0.8, 0.5)) == [THIRD, SECOND]


def test_an_artwork_is_drawn_on_where_nothing_is_known_of_it(page: Page, new_page: NewPage, own: Path) -> None:
    bring(page, own)
    mark_two(page)
    press_in(page, "2 · My drawing")
    draw_leaves_and_paint(page)
    elsewhere = new_page(viewport={"width": 1280, "height": 800})
    open_page(elsewhere, f"/draw?again={page.url.rpartition('/')[2]}")
    expect(elsewhere).to_have_url(re.compile(r"/draw\?painting=own_\w{32}$"))
    assert drawing(elsewhere).size == (640, 427)
    assert colors(elsewhere, (0.5, 0.5), (0.5, 0.1)) == [THIRD, GROUND]
    press_in(elsewhere, "1 · Its parts")
    assert len(hues(elsewhere)) == 3
    assert len(set(colors(elsewhere, (0.2, 0.5), (0.5, 0.5), (0.8, 0.5)))) == 3
    # From now on it is that browser's own, also after a reload.
    press_in(elsewhere, "2 · My drawing")
    press_in(elsewhere, "Undo")
    elsewhere.reload()
    expect(elsewhere.locator("#hues button")).to_have_count(3)
    assert colors(elsewhere, (0.2, 0.1)) != [GROUND]


def test_map_names_and_drawing_survive_a_reload(page: Page, own: Path) -> None:
    bring(page, own)
    mark_two(page)
    page.reload()
    expect(page.locator("#hues button")).to_have_count(3)
    assert hues(page) == ["background", "flowers", "leaves"]
    press_in(page, "1 · Its parts")
    assert colors(page, (0.2, 0.5), (0.5, 0.5), (0.8, 0.5)) == [THIRD, CLEAR, SECOND]


def test_who_has_marked_one_part_only_is_told_to_mark_another(page: Page, own: Path) -> None:
    bring(page, own)
    press_in(page, "2 · My drawing")
    expect(page.locator("#style_map-error")).to_contain_text("Only one part is marked yet.")
    expect(page.locator("#own-view")).to_be_visible()
    stroke(page, (0.8, 0.1), (0.8, 0.9))
    press_in(page, "2 · My drawing")
    expect(page.locator("#style_map-error")).to_be_hidden()
    expect(page.locator("#own-view")).to_be_hidden()


def test_a_part_that_the_map_does_not_show_is_no_brush(page: Page, own: Path) -> None:
    bring(page, own)
    mark_two(page)
    press_in(page, "Add a part")
    press_in(page, "2 · My drawing")
    assert hues(page) == ["background", "flowers", "leaves"]


def test_a_part_takes_no_colour_that_is_like_anothers(page: Page, own: Path) -> None:
    bring(page, own)
    mark_two(page)
    choose = "(field, color) => { field.value = color; field.dispatchEvent(new Event('change')); }"
    page.locator("#part-color").evaluate(choose, "#e84030")
    expect(page.locator("#status")).to_have_text(
        "This colour is too like that of “flowers”. Choose one that differs more."
    )
    expect(page.locator("#part-color")).to_have_value("#2f6fd0")
    page.locator("#part-color").evaluate(choose, "#00c000")
    assert colors(page, (0.2, 0.5)) == [(0, 0xC0, 0)]


def test_a_map_of_another_program_is_opened_and_one_that_is_none_refused(page: Page, own: Path, tmp_path: Path) -> None:
    bring(page, own)
    noise = tmp_path / "noise.png"
    Image.effect_noise((150, 100), 90).convert("RGB").save(noise)
    page.set_input_files("#style-map", noise)
    expect(page.locator("#style_map-error")).to_contain_text("The map of your painting has too many colours")
    path = tmp_path / "map.png"
    image = Image.new("RGB", (300, 200), (10, 20, 200))
    image.paste((250, 240, 10), (0, 0, 100, 200))
    image.save(path)
    page.set_input_files("#style-map", path)
    expect(page.locator("#status")).to_have_text("A map of 2 parts. Name them, or draw with them.")
    expect(page.locator("#style_map-error")).to_be_hidden()
    press_in(page, "2 · My drawing")
    assert colors(page, (0.1, 0.5), (0.9, 0.5)) == [(250, 240, 10), (10, 20, 200)]


def test_a_file_that_is_no_painting_is_refused_with_a_sentence(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"%PDF-1.7")
    open_page(page)
    page.set_input_files("#own-painting", path)
    expect(page.locator("#own_painting-error")).to_contain_text("This is a PDF")
    assert hues(page)[0] == "sky"


def test_it_is_painted_while_the_hand_rests(page: Page, own: Path) -> None:
    bring(page, own)
    mark_two(page)
    press_in(page, "2 · My drawing")
    page.get_by_label("Paint while I draw").check()
    expect(page.locator("#live-picture")).to_be_visible(timeout=90_000)


def test_a_pen_draws_wider_the_harder_it_presses(page: Page) -> None:
    open_page(page)
    press_in(page, "Start from blank sky")
    press_in(page, "village")
    pen = page.context.new_cdp_session(page)
    sizes: list[int] = []
    for x, force in ((0.25, 0.1), (0.75, 1.0)):
        left, top = place_on(page.locator("#stage"), x, 0.5)
        told = {"x": left, "y": top, "pointerType": "pen", "button": "left", "force": force}
        pen.send("Input.dispatchMouseEvent", {"type": "mousePressed", "buttons": 1, "clickCount": 1, **told})
        pen.send("Input.dispatchMouseEvent", {"type": "mouseReleased", "buttons": 0, "clickCount": 1, **told})
        counts = {color: count for count, color in drawing(page).getcolors() or []}
        sizes.append(counts[0xC8, 0x64, 0x3C] - sum(sizes))
    # The area of a disc whose width is 0.4 + 1.2 · pressure of what the slider says.
    usual = 3.1416 * (0.06 * 640 / 2) ** 2
    assert sizes == pytest.approx([usual * 0.52**2, usual * 1.6**2], rel=0.06)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_desk_breaks_no_accessibility_rule_and_fits_a_phone(new_page: NewPage, own: Path, scheme: str) -> None:
    page = new_page(**PHONE, color_scheme=scheme)
    bring(page, own)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    assert page.evaluate(SMALL) == []
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_without_scripts_both_maps_are_sent(new_page: NewPage, own: Path, tmp_path: Path) -> None:
    page = new_page(java_script_enabled=False)
    files = []
    for name, colors_of in (("map", ((10, 20, 200), (250, 240, 10))), ("drawing", ((250, 240, 10), (10, 20, 200)))):
        image = Image.new("RGB", (300, 200), colors_of[0])
        image.paste(colors_of[1], (0, 0, 100, 200))
        files.append(tmp_path / f"{name}.png")
        image.save(files[-1])
    page.goto("/draw")
    expect(page.get_by_label("A painting of your own, instead of one above")).to_be_visible()
    page.get_by_label("A painting of your own, instead of one above").set_input_files(own)
    page.get_by_label("A map of your painting’s parts").set_input_files(files[0])
    page.get_by_label("Your drawing, a picture in the parts’ colours").set_input_files(files[1])
    page.get_by_role("button", name="Paint it large").click()
    page.wait_for_url("**/jobs/*")
    asked = wish(page)
    assert {each["part"] for each in asked["styles"]} == {"#0a14c8", "#faf00a"}
    thumb = page.request.get(f"/paintings/{asked['styles'][0]['id']}/thumb.webp").body()
    assert Image.open(io.BytesIO(thumb)).size == (600, 400)
