"""Parts of the photo over the page's form, as a browser without scripts sends them: whose they are, and how they go."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from PIL import Image
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from app.pages.form import HomeForm
from tests.app import pictures
from tests.app.pages.test_pages import beside
from tests.app.pages.test_sending import mask, wish_of

LEFT, RIGHT, NOWHERE = (0, 0, 32, 48), (32, 0, 64, 48), (0, 0, 0, 0)
ROWS = {"style": ["dusk", "checks", "", ""], "weight": ["1", "1", "1", "1"]}


def file(box: tuple[int, int, int, int]) -> tuple[str, bytes]:
    return "m.png", mask(box)


def side(client: TestClient, photo_id: str, mask_id: str) -> tuple[Any, Any]:
    """How white a mask that is kept here is on its left and on its right."""
    with Image.open(io.BytesIO(client.get(f"/photos/{photo_id}/masks/{mask_id}.png").content)) as picture:
        return picture.getpixel((16, 24)), picture.getpixel((48, 24))


def carried(page: str, name: str) -> list[str]:
    """What the form would send again in hidden fields of a name."""
    return re.findall(rf'<input type="hidden" name="{name}" value="(\w*)">', page)


def test_each_painting_is_painted_where_its_mask_is_white(client: TestClient, photo_id: str) -> None:
    files = {"style_0_file": file(LEFT), "style_1_file": file(RIGHT)}
    wish = wish_of(client, client.post("/jobs", data={"photo_id": photo_id, **ROWS}, files=files))
    assert [style["id"] for style in wish["styles"]] == ["dusk", "checks"]
    assert [side(client, photo_id, style["mask"]) for style in wish["styles"]] == [(255, 0), (0, 255)]


def test_a_mask_stays_with_its_row_where_rows_are_left_empty(client: TestClient, photo_id: str) -> None:
    data = {"photo_id": photo_id, "style": ["dusk", "", "checks", ""], "weight": ["1", "0.5", "2", "1"]}
    wish = wish_of(client, client.post("/jobs", data=data, files={"style_2_file": file(RIGHT)}))
    assert [(style["id"], style["weight"]) for style in wish["styles"]] == [("dusk", 1), ("checks", 2)]
    assert wish["styles"][0]["mask"] is None
    assert side(client, photo_id, wish["styles"][1]["mask"]) == (0, 255)


def test_the_only_painting_has_no_part_of_its_own(client: TestClient, photo_id: str) -> None:
    data = {"photo_id": photo_id, "style": ["dusk", ""], "weight": ["1", "1"]}
    files = {"style_0_file": file(LEFT), "style_1_file": file(RIGHT)}
    assert wish_of(client, client.post("/jobs", data=data, files=files))["styles"][0]["mask"] is None


def test_the_photos_colours_are_kept_under_a_mask(client: TestClient, photo_id: str) -> None:
    data = {"photo_id": photo_id, "style": "dusk", "keep_colors": "1"}
    wish = wish_of(client, client.post("/jobs", data=data, files={"color_mask_file": file(LEFT)}))
    assert side(client, photo_id, wish["color_mask"]) == (255, 0)


def test_a_bad_mask_is_said_beside_its_painting_and_costs_no_other(client: TestClient) -> None:
    files = {
        "photo": ("a.jpg", pictures.landscape()),
        "style_0_file": file(LEFT),
        "style_1_file": file(NOWHERE),
        "color_mask_file": ("m.png", b"%PDF-1.7"),
    }
    answer = client.post("/jobs", data=ROWS, files=files)
    assert answer.status_code == 415
    assert "Nothing in this mask is white" in beside(answer.text, "style_1-error")
    assert "This is a PDF" in beside(answer.text, "color_mask-error")
    assert beside(answer.text, "style_0-error") == ""
    kept, *others = carried(answer.text, "style_mask")
    assert re.fullmatch(r"\w{32}", kept)
    assert others == ["", "", ""]
    for fold in ("options", "more"):
        assert re.search(rf'<details[^>]* id="{fold}" open>', answer.text)
    # Sent again as it came back, with another mask for the second painting.
    (photo_id,) = re.findall(r'name="photo_id"[^>]*value="(\w{32})"', answer.text)
    data = {"photo_id": photo_id, "style_mask": [kept, "", "", ""], "style_color": [""] * 4, **ROWS}
    wish = wish_of(client, client.post("/jobs", data=data, files={"style_1_file": file(RIGHT)}))
    assert wish["styles"][0]["mask"] == kept
    assert side(client, photo_id, wish["styles"][1]["mask"]) == (0, 255)


def test_a_mask_and_a_painting_of_too_many_bytes_are_said_beside_them(
    client: TestClient, photo_id: str, limit_mb: int
) -> None:
    large = ("m.png", bytes(limit_mb * 1_000_000 + 300_000))
    files = {"style_1_file": large, "own_painting": large}
    answer = client.post("/jobs", data={"photo_id": photo_id, **ROWS}, files=files)
    assert answer.status_code == 413
    assert beside(answer.text, "style_1-error").startswith(f"This mask is larger than {limit_mb} MB")
    assert beside(answer.text, "own-painting-error").startswith(f"This painting is larger than {limit_mb} MB")


@pytest.fixture
def marked(client: TestClient, photo_id: str) -> dict[str, Any]:
    """The fields of a form in which everything has a mask already."""
    files = {"style_1_file": file(RIGHT), "keep_file": file((0, 0, 8, 48)), "color_mask_file": file(RIGHT)}
    wish = wish_of(client, client.post("/jobs", data={"photo_id": photo_id, **ROWS}, files=files))
    masks = {"keep": wish["keep"], "color_mask": wish["color_mask"]}
    rows = {"style_mask": ["", wish["styles"][1]["mask"], "", ""], "style_color": [""] * 4}
    return {"photo_id": photo_id, **ROWS, **rows, **masks}


@pytest.mark.parametrize("place", ["keep", "color_mask", "style_1"])
def test_a_mask_is_left_out_with_the_photo_and_the_others_kept(
    client: TestClient, marked: dict[str, Any], place: str
) -> None:
    wish = wish_of(client, client.post("/jobs", data={**marked, "drop": place}))
    found = {"keep": wish["keep"], "color_mask": wish["color_mask"], "style_1": wish["styles"][1]["mask"]}
    assert found.pop(place) is None
    assert all(found.values())


def test_a_file_takes_the_place_of_the_mask_before(client: TestClient, marked: dict[str, Any]) -> None:
    answer = client.post("/jobs", data={**marked, "drop": "style_1"}, files={"style_1_file": file(LEFT)})
    assert side(client, marked["photo_id"], wish_of(client, answer)["styles"][1]["mask"]) == (255, 0)


def test_masks_that_are_here_are_shown_and_can_be_left_out(client: TestClient, marked: dict[str, Any]) -> None:
    address = [("photo", marked["photo_id"]), ("style", "dusk"), ("style_mask", ""), ("style", "checks")]
    address += [("style_mask", marked["style_mask"][1]), ("keep", marked["keep"])]
    page = client.get("/", params=address).text
    shown = re.findall(rf'<img src="/photos/{marked["photo_id"]}/masks/(\w{{32}})\.png"', page)
    assert shown == [marked["style_mask"][1], marked["keep"]]
    assert re.findall(r'name="drop" value="(\w+)"', page) == ["style_1", "keep"]


def test_shares_are_told_of_those_that_share_a_place(client: TestClient, marked: dict[str, Any]) -> None:
    address: list[tuple[str, str | int | float | bool | None]] = []
    for style, weight, where in (("dusk", "3", ""), ("checks", "1", marked["keep"]), ("great_wave", "1", "")):
        address += [("style", style), ("weight", weight), ("style_mask", where)]
    page = client.get("/", params=address).text
    assert re.findall(r'class="blend__share">(\d+) %', page)[:3] == ["75", "100", "25"]


def test_a_part_that_is_all_kept_is_said_beside_its_painting(client: TestClient, photo_id: str) -> None:
    files = {"keep_file": file(RIGHT), "style_1_file": file(RIGHT)}
    answer = client.post("/jobs", data={"photo_id": photo_id, **ROWS}, files=files)
    assert answer.status_code == 422
    sentence = beside(answer.text, "style_1-error")
    assert sentence == "All that it covers is kept, so there is nothing to paint there. Choose another mask."


def test_a_mask_that_is_gone_is_said_beside_its_control(client: TestClient, photo_id: str) -> None:
    answer = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk", "keep": "0" * 32})
    assert beside(answer.text, "keep-error") == "This photo has no such mask. Make or send it again."


def test_masks_do_not_go_with_several_photos(client: TestClient) -> None:
    photos = [("photo", (f"{size}.jpg", pictures.landscape(size, 80))) for size in (90, 100)]
    answer = client.post("/jobs", data=ROWS, files=[*photos, ("style_1_file", file(LEFT))])
    assert answer.status_code == 422
    assert beside(answer.text, "style_1-error").startswith("A mask is of one photo")


def test_an_artwork_to_start_from_counts_while_it_is_ticked() -> None:
    job, photo = "1" * 32, "0" * 32
    ticked = HomeForm.of(QueryParams([("style", "dusk"), ("start_job", job), ("start", "noise")]))
    assert (ticked.wish(photo, ["dusk"]).start, ticked.wish(photo, ["dusk"]).start_job) == ("artwork", job)
    unticked = HomeForm.of(QueryParams([("style", "dusk"), ("start", "noise")]))
    assert (unticked.wish(photo, ["dusk"]).start, unticked.wish(photo, ["dusk"]).start_job) == ("noise", None)
