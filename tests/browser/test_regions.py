"""A part of the photo for each painting, for the colours, and an artwork as the first canvas, in a real browser.

What a browser sends is read from the job that comes of it; its masks are decoded by Pillow, which did not make them.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.app import pictures
from tests.browser.conftest import NewPage
from tests.browser.test_brush import at, press, status, stroke, violations
from tests.browser.test_home import sent
from tests.browser.test_painting import PAINTED_MS

# As little to paint as can be.
QUICK = "size=256&quality=draft&iterations=1"
TWO = f"/?{QUICK}&style=starry_night&style=great_wave"
FILES = """() => Object.fromEntries([...document.querySelectorAll("[name$=_file]")].map(
  (input) => [input.name, input.files.length]))"""


def hang(page: Page, photo: Path, address: str = TWO) -> None:
    """Opens the page with two paintings, unfolded as it is then, and a photo that the server has."""
    page.goto(address)
    page.set_input_files("#photo", photo)
    sent(page)


def row(page: Page, number: int) -> Locator:
    """A painting of the blend, the first of which is 0."""
    return page.locator("[data-blend]").nth(number)


def said(part: Locator) -> Locator:
    """The sentence about a part's marks."""
    return part.locator("p[role=status]")


def mark(page: Page, part: Locator, *names: str) -> None:
    """Marks a part by the dialog's buttons of these names."""
    part.locator("[data-open]").click()
    for name in (*names, "Done"):
        press(page, name)


def wish(page: Page) -> dict[str, Any]:
    """What was asked for, once it is sent. The job is stopped, for nobody waits for it."""
    page.get_by_role("button", name="Paint it").click()
    page.wait_for_url("**/jobs/*")
    job_id = page.url.rsplit("/", 1)[1]
    found: dict[str, Any] = page.request.get(f"/api/v1/jobs/{job_id}").json()["request"]
    page.request.post(f"/api/v1/jobs/{job_id}/cancel")
    return found


def levels(page: Page, photo_id: str, mask_id: str, *places: tuple[float, float]) -> list[Any]:
    """How white a mask is, 0 to 255, at places that are shares of its width and height."""
    with Image.open(io.BytesIO(page.request.get(f"/photos/{photo_id}/masks/{mask_id}.png").body())) as picture:
        assert picture.mode == "L"
        return [picture.getpixel((int(x * picture.width), int(y * picture.height))) for x, y in places]


def half_mask(folder: Path, side: str) -> Path:
    """A mask whose left or right half is white."""
    picture = Image.new("L", (200, 150))
    picture.paste(255, (0, 0, 100, 150) if side == "left" else (100, 0, 200, 150))
    path = folder / f"{side}.png"
    picture.save(path)
    return path


def test_a_part_is_brushed_for_the_second_painting_alone(page: Page, photo: Path) -> None:
    hang(page, photo)
    row(page, 1).get_by_role("button", name="Only in a part… for the second painting").click()
    expect(page.get_by_role("heading", name="Mark what is painted after The Great Wave")).to_be_visible()
    stroke(page, (0.2, 0.3), (0.8, 0.3))
    press(page, "Done")
    # A capsule: 60 % of the width and one disc, a tenth of the longer side across.
    expect(said(row(page, 1))).to_have_text("9 % of the photo is painted after it.")
    expect(said(row(page, 0))).to_have_text("Painted where no other painting has its part.")
    asked = wish(page)
    assert [style["id"] for style in asked["styles"]] == ["starry_night", "great_wave"]
    assert (asked["styles"][0]["mask"], asked["keep"], asked["color_mask"]) == (None, None, None)
    places = [(0.1, 0.3), (0.2, 0.3), (0.5, 0.3), (0.8, 0.3), (0.9, 0.3), (0.5, 0.6)]
    assert levels(page, asked["photo"], asked["styles"][1]["mask"], *places) == [0, 255, 255, 255, 0, 0]


def test_every_part_has_marks_of_its_own(page: Page, photo: Path) -> None:
    hang(page, photo, f"{TWO}&keep_colors=1")
    mark(page, row(page, 0), "Left half")
    mark(page, row(page, 1), "Right half")
    keep, colors = page.locator("[data-marks=keep]"), page.locator("[data-marks=colors]")
    mark(page, keep, "Upper half")
    mark(page, colors, "Lower half")
    # A brush that is opened again shows what was marked there.
    row(page, 0).get_by_role("button", name="Change it").click()
    expect(status(page)).to_have_text("50 % of the photo is marked.")
    press(page, "Invert")
    press(page, "Undo")
    press(page, "Done")
    # Turning round what is kept prints the marks of that, not those that the brush was opened for last.
    page.get_by_label("Paint this").check()
    asked = wish(page)
    masks = [asked["styles"][0]["mask"], asked["styles"][1]["mask"], asked["keep"], asked["color_mask"]]
    corners = [(0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8)]
    assert [levels(page, asked["photo"], mask, *corners) for mask in masks] == [
        [255, 0, 255, 0],
        [0, 255, 0, 255],
        [0, 0, 255, 255],
        [0, 0, 255, 255],
    ]


def test_shares_are_of_those_that_share_a_place(page: Page, photo: Path) -> None:
    hang(page, photo, f"{TWO}&style=the_scream")
    shares = page.locator(".blend__share:visible")
    expect(shares).to_have_text(["33 %", "33 %", "33 %"])
    mark(page, row(page, 2), "Centre")
    expect(shares).to_have_text(["50 %", "50 %"])
    expect(row(page, 2).get_by_role("slider")).to_be_hidden()
    mark(page, row(page, 1), "Edges")
    expect(shares).to_have_count(0)
    row(page, 1).get_by_role("button", name="Drop the marks for the second painting").click()
    expect(shares).to_have_text(["50 %", "50 %"])
    assert page.evaluate(FILES)["style_1_file"] == 0


def test_a_mask_from_before_is_changed_replaced_and_dropped_with_the_photo_kept(
    page: Page, photo: Path, tmp_path: Path
) -> None:
    hang(page, photo)
    mark(page, row(page, 1), "Left half")
    mark(page, page.locator("[data-marks=keep]"), "Upper half")
    first = wish(page)
    page.goto(f"/?photo={first['photo']}&keep={first['keep']}&style=starry_night&style_mask=&style=great_wave"
              f"&style_mask={first['styles'][1]['mask']}&{QUICK}")  # fmt: skip
    keep = page.locator("[data-marks=keep]")
    expect(keep.get_by_role("img")).to_be_visible()
    expect(said(keep)).to_have_text("What was marked before stays as it is.")
    expect(said(row(page, 1))).to_have_text("Painted in the part that was marked before.")

    keep.get_by_role("button", name="Change the marks").click()
    expect(status(page)).to_have_text("50 % of the photo is marked.")
    page.mouse.click(*at(page, 0.5, 0.75))
    press(page, "Done")
    row(page, 1).locator("[type=file]").set_input_files(half_mask(tmp_path, "right"))
    expect(said(row(page, 1))).to_have_text("What is white in right.png is marked.")
    changed = wish(page)
    assert changed["photo"] == first["photo"]
    assert levels(page, changed["photo"], changed["keep"], (0.5, 0.25), (0.5, 0.75), (0.1, 0.75)) == [255, 255, 0]
    assert levels(page, changed["photo"], changed["styles"][1]["mask"], (0.25, 0.5), (0.75, 0.5)) == [0, 255]

    page.go_back()
    page.reload()
    keep.get_by_role("button", name="Drop the marks").click()
    row(page, 1).get_by_role("button", name="Drop the marks").click()
    expect(keep.get_by_role("img")).to_be_hidden()
    dropped = wish(page)
    assert (dropped["photo"], dropped["keep"], dropped["styles"][1]["mask"]) == (first["photo"], None, None)


def test_marked_colours_say_when_the_slider_keeps_none(page: Page, photo: Path) -> None:
    hang(page, photo)
    colors = page.locator("[data-marks=colors]")
    mark(page, colors, "Centre")
    expect(said(colors)).to_contain_text("move it towards your photo’s")
    page.get_by_role("radio", name="My photo’s", exact=True).check()
    expect(said(colors)).to_contain_text("% of the photo, as much as the slider Colours says")


def test_masks_go_without_scripts(new_page: NewPage, photo: Path, tmp_path: Path) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(TWO)
    page.set_input_files("#photo", photo)
    page.get_by_label("A mask from a file for the second painting").set_input_files(half_mask(tmp_path, "left"))
    page.get_by_label("A mask from a file for the colours").set_input_files(half_mask(tmp_path, "right"))
    asked = wish(page)
    sides = (0.25, 0.5), (0.75, 0.5)
    assert levels(page, asked["photo"], asked["styles"][1]["mask"], *sides) == [255, 0]
    assert levels(page, asked["photo"], asked["color_mask"], *sides) == [0, 255]


def test_cards_add_to_the_blend_by_key_and_take_out_again(page: Page) -> None:
    page.goto("/")
    expect(page.locator(".card__add:visible")).to_have_count(0)
    page.locator(".card__label").nth(0).click()
    card = page.locator(".card").nth(2)
    title = card.locator(".card__radio").get_attribute("data-title")
    button = card.get_by_role("button", name=f"Blend {title} in")
    button.focus()
    expect(button).to_have_css("opacity", "1")
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#choice")).to_have_text(
        f"After {page.locator('.card__radio').first.get_attribute('data-title')} and {title}"
    )
    page.keyboard.press("Space")
    expect(button).to_have_attribute("aria-pressed", "false")
    # The blend is full with four.
    for number in (2, 3, 4):
        page.locator(".card").nth(number).locator(".card__add").press("Enter")
    expect(page.locator(".card__add:visible")).to_have_count(3)
    # What is chosen by its card is not blended with itself.
    page.locator(".card__label").nth(2).click()
    expect(page.locator("[data-blend] select").first).to_have_value("")
    expect(page.locator(".card__add[aria-pressed=true]")).to_have_count(2)


def test_the_paintings_can_be_skipped_by_key(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Skip the paintings").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#options > summary")).to_be_focused()


def test_an_artwork_is_painted_over_until_it_is_unticked(page: Page, photo: Path) -> None:
    hang(page, photo, f"/?{QUICK}&style=starry_night")
    page.get_by_role("button", name="Paint it").click()
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
    job_id = page.url.rsplit("/", 1)[1]
    page.get_by_role("link", name="Paint over this one").click()
    expect(page.get_by_alt_text("The artwork after The Starry Night")).to_have_js_property("complete", value=True)
    tick = page.get_by_role("checkbox", name="Start from this artwork")
    expect(tick).to_be_checked()
    page.locator("#options > summary").click()
    page.locator("#more > summary").click()
    first_canvas = page.get_by_label("Begin from")
    expect(first_canvas).to_be_hidden()
    tick.press("Space")
    expect(first_canvas).to_be_visible()
    tick.press("Space")
    page.get_by_role("radio", name="256 px").check()
    page.get_by_label("The second painting", exact=True).select_option("great_wave")
    asked = wish(page)
    assert (asked["start"], asked["start_job"]) == ("artwork", job_id)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_regions_break_no_accessibility_rule_and_fit(new_page: NewPage, photo: Path, scheme: str) -> None:
    page = new_page(
        color_scheme=scheme, reduced_motion="reduce", viewport={"width": 320, "height": 640}, has_touch=True
    )
    hang(page, photo)
    mark(page, row(page, 1), "Left half")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    controls = page.locator(".marks__part button:visible, .marks__part label:visible, .card__add:visible")
    for control in controls.all():
        box = control.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24


def test_a_mask_of_another_photo_goes_with_it(page: Page, photo: Path, tmp_path: Path) -> None:
    hang(page, photo)
    mark(page, row(page, 1), "Left half")
    other = tmp_path / "other.jpg"
    other.write_bytes(pictures.landscape(200, 300))
    page.set_input_files("#photo", other)
    expect(said(row(page, 1))).to_have_text("This is another photo: the marks are dropped.")
    assert set(page.evaluate(FILES).values()) == {0}
