"""A person's hand on a page of the product: strokes by mouse over a stage, and buttons."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

Place = tuple[float, float]


def place_on(stage: Locator, x: float, y: float) -> Place:
    """Where a place of what is drawn on, in shares of its width and height, is on the screen."""
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def stroke_on(page: Page, stage: Locator, *places: Place) -> None:
    """Draws from place to place, in shares as in `place_on`."""
    page.mouse.move(*place_on(stage, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place_on(stage, *place), steps=4)
    page.mouse.up()


def press_in(root: Page | Locator, name: str) -> None:
    """Presses the button of exactly this name, also one said to be disabled, for which Playwright would wait."""
    button = root.get_by_role("button", name=name, exact=True)
    button.click(force=button.get_attribute("aria-disabled") == "true")
