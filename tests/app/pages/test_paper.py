"""An artwork on paper: how sharp it is there, and how large it hangs."""

from __future__ import annotations

import html
import re

import pytest
from starlette.testclient import TestClient

from app.pages.paper import CM_PER_INCH, FRAME, HUNG_AT, largest_sharp, sheets
from app.services import Services
from tests.app import pictures
from tests.app.api.test_jobs import finish
from tests.app.conftest import Paint

OFFERED = (2048, 4096, 8192)
SIZES = pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000), (2048, 2048), (8192, 300), (256, 192)])


@SIZES
@pytest.mark.parametrize("in_inches", [True, False])
def test_sharpness_is_that_of_the_pixels_on_the_sheet(size: tuple[int, int], in_inches: bool) -> None:
    for sheet in sheets(*size, OFFERED, in_inches):
        for pixels, side, room in zip(size, sheet.printed, (sheet.width, sheet.height), strict=True):
            assert side <= room + 1e-9
            assert sheet.dpi == int(pixels / side * CM_PER_INCH + 1e-9)
        assert any(
            side == pytest.approx(room) for side, room in zip(sheet.printed, (sheet.width, sheet.height), strict=True)
        ), "as large as the sheet allows"
        assert (sheet.width > sheet.height) == (size[0] > size[1]) or size[0] == size[1]


def test_words_follow_the_pixels_to_the_inch() -> None:
    # A4 is 11.69 inches long and 8.27 wide: 3508 × 2480 pixels at 300 to the inch.
    for longest, words in ((3600, "close up"), (2400, "arm’s length"), (1800, "some steps")):
        (a4,) = (each for each in sheets(longest, round(longest / 1.4143), OFFERED) if each.name == "A4")
        assert words in a4.verdict
        assert a4.is_sharp
    (a4,) = (each for each in sheets(512, 362, OFFERED) if each.name == "A4")
    assert not a4.is_sharp
    assert a4.verdict == "too coarse; good if painted at 2048 px"
    (a4,) = (each for each in sheets(512, 362, ()) if each.name == "A4")
    assert a4.verdict == "too coarse"


def test_it_begins_with_the_largest_that_is_good_or_the_smallest() -> None:
    assert largest_sharp(sheets(2480, 1754, ())).name == "A3"
    assert largest_sharp(sheets(200, 100, ())).name == "10 × 15 cm"


@SIZES
def test_it_hangs_in_its_real_size_around_the_height_of_eyes(size: tuple[int, int]) -> None:
    for sheet in sheets(*size, OFFERED):
        places = [[float(each) for each in place.split()] for place in (sheet.frame, sheet.mat, sheet.picture)]
        for x, y, width, height in places:
            assert (x + width / 2, y + height / 2) == pytest.approx(HUNG_AT, abs=0.02)
            assert y > 0
            assert y + height < 212 - 84, "above the sofa"
        assert places[0][2:] == pytest.approx([side + 2 * FRAME for side in places[1][2:]], abs=0.02)
        assert places[1][2:] == pytest.approx([sheet.width, sheet.height], abs=0.01)


def test_the_page_tells_it_with_and_without_scripts(client: TestClient, services: Services, paint: Paint) -> None:
    job_id = paint()
    finish(services, job_id, pictures.encoded(pictures.quarters(320, 240)))
    page = html.unescape(client.get(f"/jobs/{job_id}", headers={"Accept-Language": "en-GB"}).text)
    rows = re.findall(r'paper__name">([^<]+)</span>\s*<span class="paper__verdict">([^<]+)<', page)
    assert rows[3] == ("A4", "too coarse; good if painted at 2048 px")
    american = client.get(f"/jobs/{job_id}", headers={"Accept-Language": "en-US"}).text
    assert "Letter" in american
    assert "A4" not in re.findall(r'paper__name">([^<]+)<', american)
