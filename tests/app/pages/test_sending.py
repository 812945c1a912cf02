"""People's own paintings and masks over the page's form, as a browser without scripts sends them."""

from __future__ import annotations

import io
import re

from PIL import Image
from starlette.testclient import TestClient

from tests.app import pictures
from tests.app.pages.test_pages import beside

MINE = r'data-mine="(own_[0-9a-f]{32})"'
PAINTING = ("mine.jpg", pictures.landscape(300, 200))


def wish_of(client: TestClient, answer) -> dict:  # type: ignore[no-untyped-def, type-arg]
    assert answer.status_code == 303, answer.text
    found: dict = client.get(f"/api/v1{answer.headers['location']}").json()["request"]  # type: ignore[type-arg]
    return found


def mask(box: tuple[int, int, int, int]) -> bytes:
    """A PNG that is white in a box of its 64 × 48 pixels."""
    picture = Image.new("L", (64, 48))
    picture.paste(255, box)
    return pictures.encoded(picture, "PNG")


def test_own_painting_is_sent_with_the_form_and_hangs_as_a_card_from_then_on(client: TestClient, photo_id: str) -> None:
    answer = client.post("/jobs", data={"photo_id": photo_id}, files={"own_painting": PAINTING})
    (style,) = wish_of(client, answer)["styles"]
    page = client.get("/").text
    assert re.findall(MINE, page) == [style["id"]]
    assert client.get(f"/paintings/{style['id']}/thumb.webp").headers["content-type"] == "image/webp"
    again = client.post("/jobs", data={"photo_id": photo_id, "style": style["id"]})
    assert wish_of(client, again)["styles"][0]["id"] == style["id"]
    client.cookies.clear()
    assert re.findall(MINE, client.get("/").text) == []


def test_chosen_card_wins_over_an_own_painting_that_is_kept_all_the_same(client: TestClient, photo_id: str) -> None:
    answer = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk"}, files={"own_painting": PAINTING})
    assert wish_of(client, answer)["styles"][0]["id"] == "dusk"
    assert len(re.findall(MINE, client.get("/").text)) == 1


def test_own_painting_is_kept_where_the_rest_is_refused(client: TestClient) -> None:
    answer = client.post("/jobs", data={"style": "own-painting", "seed": "x"}, files={"own_painting": PAINTING})
    assert answer.status_code == 422
    assert "no photo yet" in beside(answer.text, "photo-error")
    (own,) = re.findall(MINE, answer.text)
    assert re.search(rf'name="style" value="{own}"[^>]*checked', answer.text)
    assert re.findall(MINE, client.get("/").text) == [own]


def test_every_refused_file_is_said_beside_its_control(client: TestClient) -> None:
    files = {"photo": ("a.jpg", b"no photo"), "own_painting": ("b.jpg", b"no painting")}
    answer = client.post("/jobs", data={"style": "own-painting"}, files=files)
    assert "not a photo" in beside(answer.text, "photo-error")
    assert "not a picture" in beside(answer.text, "own-painting-error")
    missing = client.post("/jobs", data={"style": "own-painting"}, files={"photo": ("a.jpg", pictures.landscape())})
    assert "Choose a picture" in beside(missing.text, "own-painting-error")


def test_own_painting_is_removed_with_the_form_kept(client: TestClient, photo_id: str) -> None:
    answer = client.post("/jobs", data={"photo_id": photo_id}, files={"own_painting": PAINTING})
    own = wish_of(client, answer)["styles"][0]["id"]
    form = {"photo_id": photo_id, "style": own, "strength": "2", "remove": own}
    page = client.post("/paintings/remove", data=form)
    assert page.status_code == 200
    assert re.findall(MINE, page.text) == []
    assert re.search(r'name="strength" value="2" checked', page.text)
    assert f'value="{photo_id}"' in page.text
    assert own not in client.get("/").text
    gone = client.get("/", params={"style": own})
    assert "no longer kept here" in beside(gone.text, "style-error")


def test_others_paintings_are_not_on_the_page_but_can_be_used_by_who_knows_them(client: TestClient) -> None:
    own = client.post("/api/v1/paintings", files={"painting": PAINTING}).json()["id"]
    client.cookies.clear()
    assert own not in client.get("/").text
    assert re.search(rf'value="{own}"[^>]*checked', client.get("/", params={"style": own}).text)


def test_mask_of_what_is_kept_goes_with_the_form(client: TestClient, photo_id: str) -> None:
    files = {"keep_file": ("m.png", mask((0, 0, 16, 48)))}
    kept = wish_of(client, client.post("/jobs", data={"photo_id": photo_id, "style": "dusk"}, files=files))["keep"]
    left = Image.open(io.BytesIO(client.get(f"/photos/{photo_id}/masks/{kept}.png").content))
    assert (left.getpixel((2, 24)), left.getpixel((60, 24))) == (255, 0)


def test_mask_of_what_is_painted_keeps_the_rest(client: TestClient, photo_id: str) -> None:
    files = {"keep_file": ("m.png", mask((0, 0, 16, 48)))}
    data = {"photo_id": photo_id, "style": "dusk", "keep_how": "paint"}
    kept = wish_of(client, client.post("/jobs", data=data, files=files))["keep"]
    rest = Image.open(io.BytesIO(client.get(f"/photos/{photo_id}/masks/{kept}.png").content))
    assert (rest.getpixel((2, 24)), rest.getpixel((60, 24))) == (0, 255)


def test_bad_mask_is_said_beside_it_with_the_photo_kept(client: TestClient) -> None:
    files = {"photo": ("a.jpg", pictures.landscape()), "keep_file": ("m.png", mask((0, 0, 0, 0)))}
    answer = client.post("/jobs", data={"style": "dusk"}, files=files)
    assert answer.status_code == 422
    assert "white" in beside(answer.text, "keep-error")
    assert re.search(r'name="photo_id"[^>]*value="\w{32}"', answer.text)


def test_masks_go_with_their_photo(client: TestClient, photo_id: str) -> None:
    data = {"style": "dusk", "keep": "0" * 32}
    answer = client.post("/jobs", data=data, files={"photo": ("a.jpg", pictures.landscape())})
    assert wish_of(client, answer)["keep"] is None
    gone = client.post("/jobs", data={"photo_id": photo_id, **data})
    assert gone.status_code == 422
