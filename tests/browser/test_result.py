"""An artwork's page in a real browser: looked at closely, held against the photo, taken away."""

from __future__ import annotations

import io
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from tests.app import pictures
from tests.browser.conftest import NewPage, opened
from tests.browser.test_painting import PAINTED_MS, choose_painting, difference, downloaded, open_options
from tests.conftest import Product
from tests.waiting import until

WIDTH, HEIGHT = 256, 192
# What can be tapped, with its label where that belongs to it, but is lower than 44 pixels. Words of a sentence may be.
SMALL_TARGETS = """(roots) => roots
  .flatMap((root) => [...root.querySelectorAll("a, button, summary, select, input, .segments label")])
  .filter((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
  .filter((each) => !each.closest("p:not(.row)"))
  .map((each) => each.matches("input") ? each.closest("label") ?? each : each)
  .filter((each) => each.offsetHeight > 2 && each.offsetHeight < 44)
  .map((each) => `${each.offsetHeight} ${each.outerHTML.slice(0, 90)}`)"""


@pytest.fixture(scope="module")
def artwork(browser: Browser, atelier: Product) -> str:
    """The address of a finished artwork of 256 × 192 pixels."""
    with opened(browser, atelier.url) as new:
        page = new(java_script_enabled=False)
        page.goto("/")
        photo = pictures.landscape(640, 480)
        page.set_input_files("#photo", {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo})
        choose_painting(page)
        open_options(page)
        page.get_by_role("radio", name="256 px").check()
        page.get_by_role("button", name="Paint it").click()
        expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
        return page.url


@pytest.fixture
def shown(page: Page, artwork: str) -> Page:
    page.goto(artwork, wait_until="networkidle")
    return page


def box(element: Locator) -> FloatRect:
    found = element.bounding_box()
    assert found is not None
    return found


def scale(page: Page) -> float:
    """How often the artwork is enlarged, by its own box and its view's."""
    return box(page.locator(".compare__after"))["width"] / box(page.locator("#view"))["width"]


def settled(page: Page, expected: float) -> None:
    """Waits until the artwork is shown so large."""
    until(lambda: abs(scale(page) - expected) < 0.02, f"an artwork at {expected}", 20)


def rests(page: Page) -> FloatRect:
    """Where the artwork stands once it moves no more."""
    still = "document.getElementById('view').getAnimations({ subtree: true }).length === 0"
    until(lambda: page.evaluate(still), "an artwork that rests", 20)
    return box(page.locator(".compare__after"))


@pytest.mark.parametrize("width", [390, 768, 1280, 2560])
@pytest.mark.parametrize("scripts", [True, False])
def test_a_small_artwork_fills_its_stage_in_its_own_shape(
    new_page: NewPage, artwork: str, width: int, scripts: bool
) -> None:
    page = new_page(java_script_enabled=scripts, viewport={"width": width, "height": round(0.7 * width) + 200})
    page.goto(artwork, wait_until="networkidle")
    picture, column = box(page.locator(".compare__after")), box(page.locator("#compare"))
    assert picture["width"] > min(0.8 * column["width"], 2 * WIDTH)
    assert picture["width"] / picture["height"] == pytest.approx(WIDTH / HEIGHT, rel=0.01)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_canvas_does_not_shrink_when_it_is_finished(new_page: NewPage, photo: Path) -> None:
    page = new_page(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page.goto("/")
    page.set_input_files("#photo", photo)
    choose_painting(page)
    page.get_by_role("button", name="Paint it").click()
    easel = box(page.locator(".easel__photo"))
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
    assert box(page.locator(".compare__after"))["width"] > 0.9 * easel["width"]


def test_divider_rests_below_the_picture_and_follows_keys_and_line(shown: Page) -> None:
    view, rail = box(shown.locator("#view")), box(shown.locator("#divider"))
    assert rail["y"] >= view["y"] + view["height"] - 1
    expect(shown.locator("#line")).to_be_hidden()
    shown.get_by_label("Half and half").check()
    line = box(shown.locator("#line"))
    shown.mouse.move(line["x"] + line["width"] / 2, view["y"] + 40)
    shown.mouse.down()
    shown.mouse.move(view["x"] + 0.25 * view["width"], view["y"] + 40)
    shown.mouse.up()
    divider = shown.locator("#divider")
    assert divider.input_value() == "25"
    assert divider.get_attribute("aria-valuetext") == "25 % photo"
    divider.press("ArrowRight")
    assert divider.input_value() == "26"
    divider.press("Home")
    expect(shown.get_by_label("Painting", exact=True)).to_be_checked()


def test_what_is_chosen_before_the_scripts_come_stays(new_page: NewPage, artwork: str) -> None:
    page = new_page()
    page.route("**/js/artwork.js*", lambda route: None)
    page.goto(artwork, wait_until="commit")
    page.get_by_label("Half and half").check()
    page.unroute("**/js/artwork.js*")
    expect(page.locator("#divider")).to_have_value("50")
    expect(page.get_by_label("Half and half")).to_be_checked()


def test_divider_follows_a_finger(new_page: NewPage, artwork: str) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto(artwork, wait_until="networkidle")
    rail = box(page.locator("#divider"))
    assert rail["height"] >= 44
    page.touchscreen.tap(rail["x"] + rail["width"] / 2, rail["y"] + rail["height"] / 2)
    assert abs(int(page.locator("#divider").input_value()) - 50) <= 1
    expect(page.locator("#line")).to_be_visible()


def test_zoom_by_keys_buttons_wheel_and_double_click(shown: Page) -> None:
    view = shown.get_by_role("group", name="The picture")
    view.focus()
    shown.keyboard.press("+")
    settled(shown, 1.5)
    shown.keyboard.press("ArrowRight")
    assert rests(shown)["x"] < box(view)["x"] - 0.3 * box(view)["width"]
    for _ in range(9):
        shown.keyboard.press("ArrowRight")
    picture, frame = rests(shown), box(view)
    assert picture["x"] + picture["width"] == pytest.approx(frame["x"] + frame["width"], abs=1), "never beyond its edge"
    shown.keyboard.press("0")
    settled(shown, 1)
    shown.get_by_role("button", name="Zoom in").click()
    settled(shown, 1.5)
    expect(shown.locator("#zoom-share")).to_have_text("150 %")
    shown.get_by_role("button", name="Whole picture").click()
    settled(shown, 1)
    view.dblclick(position={"x": 10, "y": 10})
    settled(shown, 2.5)
    view.dblclick()
    settled(shown, 1)
    shown.mouse.wheel(0, -200)
    until(lambda: scale(shown) > 1.2, "an enlarged artwork", 20)


def test_wheel_scrolls_the_page_until_the_picture_is_meant(shown: Page) -> None:
    shown.locator("#view").hover()
    shown.mouse.wheel(0, 300)
    until(lambda: shown.evaluate("scrollY") > 0, "a page that scrolls", 20)
    assert scale(shown) == pytest.approx(1, abs=0.01)
    shown.keyboard.down("Control")
    shown.mouse.wheel(0, -100)
    shown.keyboard.up("Control")
    until(lambda: scale(shown) > 1.2, "an enlarged artwork", 20)


def test_dragging_moves_the_enlarged_picture_and_leaves_the_divider(shown: Page) -> None:
    shown.locator("#view").dblclick()
    settled(shown, 2.5)
    before, view = box(shown.locator(".compare__after")), box(shown.locator("#view"))
    shown.mouse.move(view["x"] + 200, view["y"] + 200)
    shown.mouse.down()
    shown.mouse.move(view["x"] + 260, view["y"] + 230)
    shown.mouse.up()
    after = box(shown.locator(".compare__after"))
    assert after["x"] - before["x"] == pytest.approx(60, abs=2)
    assert after["y"] - before["y"] == pytest.approx(30, abs=2)
    shown.mouse.move(view["x"] + 100, view["y"] + 100)
    assert box(shown.locator(".compare__after")) == after, "only while the button is down"
    assert shown.locator("#divider").input_value() == "0"


def test_two_fingers_pinch(new_page: NewPage, artwork: str) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto(artwork, wait_until="networkidle")
    view = box(page.locator("#view"))
    x, y = view["x"] + view["width"] / 2, view["y"] + view["height"] / 2
    session = page.context.new_cdp_session(page)
    for kind, apart in [("touchStart", 40), ("touchMove", 60), ("touchMove", 80), ("touchEnd", 0)]:
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    settled(page, 2)
    assert page.evaluate("visualViewport.scale") == 1, "the page itself stays as large as it was"


def test_full_screen_shows_the_picture_as_large_as_the_screen(shown: Page) -> None:
    shown.get_by_role("button", name="Full screen").click()
    expect(shown.get_by_role("button", name="Leave full screen")).to_be_visible()
    assert box(shown.locator("#view"))["width"] == shown.evaluate("innerWidth")
    shown.keyboard.press("+")
    settled(shown, 1.5)
    shown.get_by_role("button", name="Leave full screen").click()
    expect(shown.get_by_role("button", name="Full screen", exact=True)).to_be_visible()


def test_nothing_moves_by_itself_under_reduced_motion(new_page: NewPage, artwork: str) -> None:
    page = new_page(reduced_motion="reduce")
    page.goto(artwork, wait_until="networkidle")
    page.locator("#view").dblclick()
    assert page.evaluate("document.getAnimations().length") == 0
    assert scale(page) == pytest.approx(2.5, abs=0.02)


def test_strength_lays_the_photo_over_the_painting(shown: Page) -> None:
    strength = shown.get_by_label("Strength")
    assert shown.locator(".compare__fade").evaluate("(image) => getComputedStyle(image).opacity") == "0"
    strength.fill("30")
    assert float(shown.locator(".compare__fade").evaluate("(image) => getComputedStyle(image).opacity")) == 0.7
    expect(shown.locator("#fade-share")).to_have_text("30 %")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_on_the_page(new_page: NewPage, artwork: str, scheme: str, width: int) -> None:
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.goto(artwork, wait_until="networkidle")
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    found = Axe().run(page)
    assert found.response["violations"] == [], found.generate_report()


def saved(page: Page, button: str) -> Image.Image:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return downloaded(download)


def test_crops_are_cut_from_every_pixel_where_the_frame_is(shown: Page, artwork: str) -> None:
    whole = Image.open(
        io.BytesIO(shown.request.get(f"{artwork.replace('/jobs/', '/api/v1/jobs/')}/artwork.png").body())
    )
    shown.get_by_role("button", name="Crop for a screen").click()
    assert saved(shown, "Save as PNG").size == (HEIGHT, HEIGHT)
    expect(shown.locator("#crop-words")).to_have_text("192 × 192 pixels")
    frame = shown.get_by_role("group", name="Frame")
    for _ in range(20):
        frame.press("ArrowLeft")
    left = saved(shown, "Save as PNG")
    assert difference(left, whole.crop((0, 0, HEIGHT, HEIGHT))) < 0.5
    outline = box(frame)
    shown.mouse.move(outline["x"] + 20, outline["y"] + 20)
    shown.mouse.down()
    shown.mouse.move(outline["x"] + 900, outline["y"] + 20, steps=4)
    shown.mouse.up()
    assert difference(saved(shown, "Save as PNG"), whole.crop((WIDTH - HEIGHT, 0, WIDTH, HEIGHT))) < 0.5
    for name, size in [
        ("9 : 16", (108, 192)),
        ("16 : 9", (256, 144)),
        ("4 : 5", (154, 192)),
        ("A4 across", (256, 181)),
    ]:
        shown.get_by_role("radio", name=name).check()
        assert saved(shown, "Save as JPEG").size == size
    shown.get_by_label("Size", exact=True).fill("50")
    assert saved(shown, "Save as JPEG").size == (128, 91)
    expect(shown.locator("#crop-words")).to_have_text("128 × 91 pixels; on A4 that is 11 dpi")
    shown.get_by_role("button", name="Close").click()
    expect(shown.locator("#crop")).to_be_hidden()


def test_crop_has_the_photo_as_far_as_it_shines_through(shown: Page) -> None:
    def crop(strength: str) -> Image.Image:
        shown.get_by_label("Strength").fill(strength)
        shown.get_by_role("button", name="Crop for a screen").click()
        image = saved(shown, "Save as PNG").convert("RGB")
        shown.get_by_role("button", name="Close").click()
        return image

    painting, photo, mixed = crop("100"), crop("0"), crop("40")
    assert difference(painting, photo) > 8
    assert difference(mixed, Image.blend(photo, painting, 0.4)) < 1


def test_axe_finds_nothing_on_the_crop(shown: Page) -> None:
    shown.get_by_role("button", name="Crop for a screen").click()
    assert Axe().run(shown).response["violations"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_chosen_is_seen_in_forced_colours(new_page: NewPage, artwork: str, scheme: str) -> None:
    page = new_page(forced_colors="active", color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page.goto(artwork, wait_until="networkidle")
    paint = "(span) => { const { backgroundColor, color } = getComputedStyle(span); return [backgroundColor, color]; }"
    chosen, other = (
        page.locator("#compare").get_by_text(name, exact=True).evaluate(paint) for name in ("Painting", "Photo")
    )
    assert chosen[0] == other[1] != chosen[1]
    page.goto("/?style=strokes", wait_until="networkidle")
    outlines = page.locator(".card__picture").evaluate_all(
        "(all) => all.map((each) => getComputedStyle(each).outlineWidth)"
    )
    assert sorted(set(outlines), key=outlines.count)[0] == "4px"
    assert outlines.count("4px") == 1


def test_targets_are_large_enough_for_a_finger(new_page: NewPage, artwork: str) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for address in (artwork, "/?style=strokes", "/artworks"):
        page.goto(address, wait_until="networkidle")
        page.evaluate("document.querySelectorAll('.artwork details').forEach((each) => { each.open = true; })")
        assert page.locator("main, .masthead nav").evaluate_all(SMALL_TARGETS) == []


def test_address_to_share_is_copied_and_said_so(new_page: NewPage, artwork: str) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"], timezone_id="Asia/Tokyo", locale="en-GB")
    page.add_init_script("navigator.share = (what) => { window.handed = what; return Promise.resolve(); };")
    page.goto(artwork)
    page.get_by_role("button", name="Make an address to share").click()
    address = page.get_by_label("Address of the shared artwork").input_value()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    expect(page.get_by_text("The address is copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address
    page.get_by_role("button", name="Send it to somebody").click()
    assert page.evaluate("window.handed.url") == address

    page.goto(address)
    time = page.locator("time")
    expect(time).not_to_contain_text("UTC")
    there = datetime.fromisoformat(str(time.get_attribute("datetime"))).astimezone(ZoneInfo("Asia/Tokyo"))
    assert time.inner_text() == f"{there.day} {there:%B %Y} at {there:%H:%M}"


def test_a_painting_is_called_by_title_and_artist_and_described_by_the_rest(page: Page) -> None:
    page.goto("/")
    radio = page.get_by_role("radio", name="The Starry Night, Vincent van Gogh", exact=True)
    expect(radio).to_have_accessible_description(re.compile("^Turns calm areas into swirling ribbons"))
