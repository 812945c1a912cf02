"""The options in a real browser: sliders by click, key and drag, blend, times, addresses, and all without a script."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.test_home import open_everything
from tests.browser.test_painting import PAINTED_MS, choose_painting


@pytest.fixture
def options(page: Page) -> Page:
    page.goto("/")
    page.locator("#options > summary").click()
    return page


def test_three_sliders_are_there_at_once_and_the_rest_is_folded(options: Page) -> None:
    for name in ("Strength", "Brush size", "Colours"):
        expect(options.get_by_role("group", name=name)).to_be_visible()
    expect(options.get_by_role("group", name="Size", exact=True)).to_be_hidden()
    options.locator("#more > summary").click()
    expect(options.get_by_role("group", name="Size", exact=True)).to_be_visible()
    expect(options.get_by_label("Evaluations in all")).to_be_hidden()


def test_slider_works_by_click_key_and_drag(options: Page) -> None:
    strength = options.get_by_role("group", name="Strength")
    words = strength.locator(":checked + .scale__words")
    expect(words).to_have_text("Balanced")
    strength.get_by_role("radio", name="Gentler", exact=True).click()
    expect(words).to_have_text("Gentler")
    options.keyboard.press("ArrowRight")
    expect(words).to_have_text("A little gentler")
    boxes = [strength.get_by_role("radio").nth(index).bounding_box() for index in (2, 6)]
    (start, end) = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes if box]
    options.mouse.move(*start)
    options.mouse.down()
    options.mouse.move(*end, steps=5)
    options.mouse.up()
    expect(words).to_have_text("Much bolder")
    options.mouse.move(*start)
    expect(words).to_have_text("Much bolder")


def test_every_stop_is_large_enough_to_hit(options: Page) -> None:
    for radio in options.locator("#options .scale input:visible").all():
        box = radio.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24


def test_blend_tells_shares_and_titles(options: Page) -> None:
    choose_painting(options)
    options.locator("#more > summary").click()
    first = options.locator(".card__radio").first.get_attribute("data-title") or "?"
    expect(options.locator("#blend-first")).to_have_text(first)
    expect(options.get_by_label("The third painting", exact=True)).to_be_hidden()
    options.get_by_label("The second painting", exact=True).select_option(index=5)
    expect(options.get_by_label("The third painting", exact=True)).to_be_visible()
    shares = options.locator(".blend__share:visible")
    expect(shares).to_have_text(["50 %", "50 %"])
    options.get_by_label("Share of the second painting").fill("0.25")
    expect(shares).to_have_text(["75 %", "25 %"])
    # Where a slider stands is what its number says, also of a third.
    options.get_by_label("The third painting", exact=True).select_option(index=7)
    expect(shares).to_have_text(["50 %", "17 %", "33 %"])
    values = [float(each.input_value()) for each in options.locator("[data-blend] input[type=range]:visible").all()]
    assert [round(100 * value) for value in values] == [50, 17, 33]
    options.get_by_label("The third painting", exact=True).select_option("")
    expect(shares).to_have_text(["75 %", "25 %"])
    second = options.get_by_label("The second painting", exact=True).locator("option:checked").inner_text()
    expect(options.locator("#choice")).to_have_text(f"After {first} and {second}")


def test_address_that_does_not_fit_opens_the_folds_and_says_it_there(page: Page) -> None:
    page.goto("/?iterations=lots&strength=3.3")
    field = page.get_by_label("Evaluations in all")
    expect(field).to_be_visible()
    expect(field).to_have_value("lots")
    expect(field).to_have_accessible_description("“lots” is not a number that fits here. 1 to 5000.")
    expect(page.get_by_role("group", name="Strength").locator(":checked + .scale__words")).to_have_text("3.3")


def test_everything_is_reached_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    page.locator("#options > summary").focus()
    page.keyboard.press("Enter")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        here = page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()")
        if here in {"More", "For experts"} and here not in seen:
            page.keyboard.press("Enter")
        seen.append(here)
        if here == "Paint it":
            break
    wanted = {"strength", "brush", "keep_colors", "size", "quality", "output_size", "style", "preset", "color_method"}
    wanted |= {"smoothing", "start", "seed", "iterations", "optimizer", "content_layers", "style_loss", "resample"}
    assert wanted <= set(seen)
    assert seen[-1] == "Paint it"


def test_options_work_without_scripts_and_come_back_from_the_artwork(new_page: NewPage, photo: Path) -> None:
    page = new_page(java_script_enabled=False, viewport={"width": 1280, "height": 800})
    page.goto("/")
    page.set_input_files("#photo", photo)
    choose_painting(page)
    open_everything(page)
    page.get_by_role("radio", name="256 px").check()
    page.get_by_role("radio", name="Draft").check()
    page.get_by_role("radio", name="Mostly my photo’s").check()
    page.get_by_label("The second painting", exact=True).select_option("starry_night")
    page.get_by_label("Evaluations in all").fill("8")
    page.get_by_label("Variation").fill("77")
    page.get_by_role("button", name="Paint it").click()
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)

    page.get_by_text("Recipe", exact=True).click()
    expect(page.get_by_text("Mostly my photo’s")).not_to_have_count(0)
    page.get_by_role("link", name="Change something…").click()
    expect(page.get_by_role("radio", name="Mostly my photo’s")).to_be_checked()
    expect(page.get_by_label("The second painting", exact=True)).to_have_value("starry_night")
    expect(page.get_by_label("Evaluations in all")).to_have_value("8")
    expect(page.get_by_label("Variation")).to_have_value("77")
    expect(page.get_by_alt_text("Your photo")).to_be_visible()


def test_times_follow_what_is_chosen(page: Page, photo: Path) -> None:
    # There is a time as soon as something was painted here.
    page.goto("/?style=starry_night&size=256&quality=draft&iterations=8")
    page.set_input_files("#photo", photo)
    page.get_by_role("button", name="Paint it").click()
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
    page.goto("/")
    open_everything(page)
    large = page.locator(".sizes__time").nth(5)  # the very largest is drawn without evaluations
    usual = large.inner_text()
    assert usual.startswith("about")
    page.get_by_role("radio", name="Best").check()
    expect(large).not_to_have_text(usual)
    page.get_by_role("radio", name="Good").check()
    expect(large).to_have_text(usual)
    page.get_by_label("Evaluations in all").fill("1")
    expect(large).not_to_have_text(usual)
    page.get_by_label("Evaluations in all").fill("")
    expect(large).to_have_text(usual)


def test_enter_in_a_field_paints_rather_than_taking_the_sample(options: Page, photo: Path) -> None:
    options.set_input_files("#photo", photo)
    expect(options.locator("#photo-id")).not_to_have_value("")
    options.locator("#more > summary").click()
    options.get_by_label("Variation").press("Enter")
    expect(options.locator("#style-error")).to_be_visible()
    assert options.locator("#photo-view").get_attribute("src").startswith("blob:")  # type: ignore[union-attr]


def test_own_painting_is_hung_and_chosen_at_once(options: Page, photo: Path) -> None:
    options.set_input_files("#own-painting", photo)
    card = options.locator(".card--mine")
    expect(card).to_have_count(1)
    expect(card.get_by_role("radio", name="Your painting 1")).to_be_checked()
    expect(options.locator("#choice")).to_have_text("After Your painting 1")
    card.scroll_into_view_if_needed()
    expect(card.locator("img")).to_have_js_property("complete", value=True)
    options.reload()
    card.locator(".card__label").click()
    expect(card.get_by_role("radio")).to_be_checked()
    options.get_by_role("button", name="Remove Your painting 1").click()
    expect(card).to_have_count(0)
    options.reload()
    expect(card).to_have_count(0)


def test_own_painting_is_called_as_its_file_in_this_browser(options: Page, photo: Path) -> None:
    named = photo.with_name("Grandmother’s_garden.jpg")
    named.write_bytes(photo.read_bytes())
    options.set_input_files("#own-painting", named)
    expect(options.locator("#choice")).to_have_text("After Grandmother’s garden")
    options.reload()
    expect(options.get_by_role("button", name="Remove Grandmother’s garden")).to_have_count(1)
    expect(
        options.locator("[data-blend] select").first.locator("option", has_text="Grandmother’s garden")
    ).to_have_count(1)


def test_bad_painting_is_said_on_its_card(options: Page, tmp_path: Path) -> None:
    bad = tmp_path / "mine.png"
    bad.write_bytes(b"%PDF-1.7 not a picture")
    options.set_input_files("#own-painting", bad)
    expect(options.locator("#own-painting-error")).to_contain_text("This is a PDF")


def test_colours_of_an_artwork_are_changed_without_painting_it_again(page: Page, photo: Path) -> None:
    page.goto("/?style=starry_night&size=256&quality=draft&iterations=8")
    page.set_input_files("#photo", photo)
    page.get_by_role("button", name="Paint it").click()
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
    first = page.url
    page.get_by_text("Colours", exact=True).first.click()
    page.get_by_role("radio", name="My photo’s", exact=True).check()
    page.get_by_label("How colours of the photo are kept").select_option("histogram")
    page.get_by_role("button", name="Change the colours").click()
    page.wait_for_url(lambda address: "/jobs/" in address and address != first)
    expect(page.get_by_role("heading", name="Download")).to_be_visible(timeout=PAINTED_MS)
    page.get_by_text("Recipe", exact=True).click()
    expect(page.get_by_text("As often as in the photo").last).to_be_visible()
