"""Drawings over the page's form, as a browser without scripts sends them: how they go, are refused, and kept."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.services import Services
from tests.app import pictures
from tests.app.api.test_jobs import finish
from tests.app.pages.test_pages import beside
from tests.app.pages.test_sending import wish_of

SKY, STARS, VILLAGE = "#2a4fb0", "#ffd83d", "#c8643c"  # of The Starry Night
FOREIGN = ("#ff00ff", "#00ff00")
NOISE = ("photo.png", pictures.encoded(Image.effect_noise((96, 72), 90).convert("RGB")))
RIBBON = ("ribbon.jpg", pictures.landscape(480, 120))


def drawing(*colors: str, size: tuple[int, int] = (96, 72)) -> bytes:
    """A picture of as many stripes."""
    image = Image.new("RGB", size)
    for index, color in enumerate(colors):
        image.paste(color, (index * size[0] // len(colors), 0, (index + 1) * size[0] // len(colors), size[1]))
    return pictures.encoded(image)


def map_of(*colors: str) -> dict[str, Any]:
    return {"map": ("drawing.png", drawing(*colors))}


def hidden(page: str, name: str) -> str:
    """What the form would send again in a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}"[^>]* value="(\w*)"', page)
    return found[1] if found else ""


def checked(page: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="(\w+)"[^>]* checked', page)


def test_page_has_all_paintings_with_parts_and_begins_with_the_first(client: TestClient, services: Services) -> None:
    answer = client.get("/draw")
    assert answer.status_code == 200
    named = re.findall(r'name="painting" value="(\w+)"', answer.text)
    assert named == [card.id for card in services.gallery.cards if card.parts]
    assert len(named) >= 8
    assert checked(answer.text, "painting") == ["starry_night"]
    assert checked(client.get("/draw?painting=great_wave").text, "painting") == ["great_wave"]
    for part in services.gallery.by_id["the_kiss"].parts:
        assert f'data-color="{part.color}" data-name="{part.name}"' in answer.text


def test_example_is_a_picture_in_the_parts_colours_that_may_be_kept_for_good(
    client: TestClient, services: Services
) -> None:
    card = services.gallery.by_id["starry_night"]
    answer = client.get(card.doodle_url)
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    with Image.open(io.BytesIO(answer.content)) as image:
        colors = {"#{:02x}{:02x}{:02x}".format(*color) for _, color in image.convert("RGB").getcolors() or []}  # type: ignore[misc]
    assert colors == {part.color for part in card.parts}


def test_drawing_becomes_a_job_with_a_style_for_each_part_that_occurs(client: TestClient) -> None:
    data = {"painting": "starry_night", "size": "512"}
    wish = wish_of(client, client.post("/draw", data=data, files=map_of(SKY, STARS)))
    assert (wish["preset"], wish["size"]) == ("doodle", 512)
    assert {(style["id"], style["part"], style["color"]) for style in wish["styles"]} == {
        ("starry_night", "sky", SKY),
        ("starry_night", "stars and moon", STARS),
    }
    assert len({style["mask"] for style in wish["styles"]}) == 1


def test_a_colour_that_is_nearly_a_parts_means_it(client: TestClient) -> None:
    wish = wish_of(client, client.post("/draw", data={"painting": "starry_night"}, files=map_of("#3050a8", "#fbd030")))
    assert {style["part"] for style in wish["styles"]} == {"sky", "stars and moon"}


def test_with_a_photo_the_photo_is_painted(client: TestClient) -> None:
    files = map_of(SKY, VILLAGE) | {"photo": ("a.jpg", pictures.landscape(320, 240))}
    wish = wish_of(client, client.post("/draw", data={"painting": "starry_night"}, files=files))
    assert wish["preset"] == "studio"
    with Image.open(io.BytesIO(client.get(f"/photos/{wish['photo']}/thumb.webp").content)) as thumb:
        assert thumb.size == (320, 240)


@pytest.mark.parametrize(
    ("data", "files", "status", "place", "sentence"),
    [
        ({"painting": "starry_night"}, {}, 422, "map", "There is no drawing yet."),
        ({"painting": "starry_night"}, {"map": ("a.png", b"%PDF-1.7")}, 415, "map", "This is a PDF"),
        ({"painting": "starry_night"}, map_of(*FOREIGN), 422, "map", "No colour of the drawing means a part of"),
        ({"painting": "starry_night"}, {"map": NOISE}, 422, "map", "The drawing has too many colours"),
        ({"painting": "starry_night"}, map_of(SKY, STARS) | {"photo": RIBBON}, 422, "map", "differ too much in shape"),
        ({"painting": ""}, map_of(SKY, STARS), 422, "painting", "Choose a painting"),
        ({"painting": "nobody"}, map_of(SKY, STARS), 422, "painting", "“nobody” does not hang here"),
        ({"painting": "dusk"}, map_of(SKY, STARS), 422, "painting", "This painting has no named parts."),
        ({"painting": "starry_night", "size": "9"}, map_of(SKY, STARS), 422, "size", "Choose at least 256."),
        ({"painting": "starry_night", "variety": "9"}, map_of(SKY, STARS), 422, "variety", "Choose at most 4."),
        ({"painting": "starry_night", "fidelity": "-1"}, map_of(SKY, STARS), 422, "fidelity", "Choose at least 0."),
        ({"painting": "starry_night", "photo_id": "0" * 32}, map_of(SKY, STARS), 422, "photo", "no longer kept"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_control(
    client: TestClient, data: dict[str, str], files: dict[str, Any], status: int, place: str, sentence: str
) -> None:
    answer = client.post("/draw", data=data, files=files or {"none": ("", b"")})
    assert answer.status_code == status
    assert sentence in beside(answer.text, f"{place}-error")


def test_how_it_is_put_together_is_sent_kept_and_told(client: TestClient, services: Services) -> None:
    chosen = {"painting": "starry_night", "variety": "4", "fidelity": "0.4"}
    again = client.post("/draw", data=chosen | {"size": "9"}, files=map_of(SKY, STARS)).text
    assert '<option value="4" selected>' in again
    assert '<option value="0.4" selected>' in again
    answer = client.post("/draw", data=chosen, files=map_of(SKY, STARS))
    wish = wish_of(client, answer)
    assert (wish["variety"], wish["fidelity"]) == (4, 0.4)
    usual = wish_of(client, client.post("/draw", data={"painting": "starry_night"}, files=map_of(SKY, STARS)))
    assert (usual["variety"], usual["fidelity"]) == (1, 1)
    finish(services, answer.headers["location"].rpartition("/")[2], pictures.encoded(pictures.quarters(512, 384)))
    page = client.get(answer.headers["location"]).text
    assert "Varied as much as can be" in page
    assert "Mixed with the others" in page


def test_a_refusal_costs_neither_drawing_nor_photo_nor_choices(client: TestClient) -> None:
    files = map_of(SKY, VILLAGE) | {"photo": ("a.jpg", pictures.landscape(320, 240))}
    page = client.post("/draw", data={"painting": "nobody", "size": "2048"}, files=files).text
    assert checked(page, "size") == ["2048"]
    kept = {name: hidden(page, name) for name in ("photo_id", "sheet_id", "map_id")}
    assert all(re.fullmatch(r"\w{32}", each) for each in kept.values())
    assert client.get(f"/photos/{kept['sheet_id']}/masks/{kept['map_id']}.png").status_code == 200
    wish = wish_of(client, client.post("/draw", data={"painting": "starry_night", "size": "2048", **kept}))
    assert (wish["photo"], wish["styles"][0]["mask"]) == (kept["photo_id"], kept["map_id"])


def test_a_kept_drawing_goes_on_without_its_photo_or_with_another(client: TestClient) -> None:
    files = map_of(SKY, VILLAGE) | {"photo": ("a.jpg", pictures.landscape(320, 240))}
    page = client.post("/draw", data={"painting": "nobody"}, files=files).text
    kept = {name: hidden(page, name) for name in ("photo_id", "sheet_id", "map_id")} | {"painting": "starry_night"}
    alone = wish_of(client, client.post("/draw", data={**kept, "drop_photo": "true"}))
    assert (alone["preset"], len(alone["styles"])) == ("doodle", 2)
    other = {"photo": ("b.jpg", pictures.landscape(400, 300))}
    along = wish_of(client, client.post("/draw", data=kept, files=other))
    assert along["preset"] == "studio"
    assert len({alone["photo"], along["photo"], kept["photo_id"]}) == 3


OWN_SKY, OWN_LAND = "#111111", "#ff0000"
PICTURE = ("mine.jpg", pictures.landscape(200, 150))


def own_map(*colors: str, size: tuple[int, int] = (96, 72)) -> dict[str, Any]:
    return {"style_map": ("map.png", drawing(*colors, size=size))}


def test_without_scripts_a_painting_comes_with_its_map_and_the_drawing(client: TestClient) -> None:
    files = map_of(OWN_LAND, OWN_SKY) | own_map(OWN_SKY, OWN_LAND) | {"own_painting": PICTURE}
    answer = client.post("/draw", data={"painting": "starry_night"}, files=files)
    wish = wish_of(client, answer)
    (painting,) = {style["id"] for style in wish["styles"]}
    assert re.fullmatch(r"own_\w{32}", painting)
    assert {(style["part"], style["color"]) for style in wish["styles"]} == {
        (OWN_SKY, OWN_SKY),
        (OWN_LAND, OWN_LAND),
    }
    # It hangs on the page from now on, as on the home page.
    page = client.get("/draw").text
    assert f'value="{painting}"' in page
    assert f'value="{painting}"' in client.get("/").text
    assert checked(page, "painting") == ["starry_night"]
    assert checked(client.get(f"/draw?painting={painting}").text, "painting") == [painting]


@pytest.mark.parametrize(
    ("files", "place", "sentence"),
    [
        ({}, "style_map", "There is no map of your painting’s parts yet."),
        (own_map(OWN_SKY), "style_map", "has one colour only"),
        ({"style_map": NOISE}, "style_map", "The map of your painting has too many colours"),
        (own_map(OWN_SKY, OWN_LAND, size=(96, 24)), "style_map", "Your painting and its map differ too much in shape"),
        (own_map("#00ff00", "#0000ff"), "map", "No colour of the drawing means a part of “your own painting”"),
    ],
)
def test_what_is_wrong_with_a_map_is_said_beside_it_and_the_painting_is_kept(
    client: TestClient, files: dict[str, Any], place: str, sentence: str
) -> None:
    answer = client.post("/draw", files=map_of("#ff0000", "#ffd000") | files | {"own_painting": PICTURE})
    assert answer.status_code == 422
    assert sentence in beside(answer.text, f"{place}-error")
    (painting,) = checked(answer.text, "painting")
    kept = {name: hidden(answer.text, name) for name in ("sheet_id", "map_id")} | {"painting": painting}
    wish = wish_of(client, client.post("/draw", data=kept, files=own_map("#ff0000", "#ffd000")))
    assert {style["id"] for style in wish["styles"]} == {painting}


def test_a_kept_map_goes_on_with_its_painting(client: TestClient) -> None:
    files = own_map(OWN_SKY, OWN_LAND) | {"own_painting": PICTURE}
    page = client.post("/draw", files=files).text
    assert "There is no drawing yet." in beside(page, "map-error")
    (painting,) = checked(page, "painting")
    assert {OWN_SKY, OWN_LAND} <= set(re.findall(r"<code>(#\w{6})</code>", page))  # what to draw in
    kept = {"painting": painting, "style_map_id": hidden(page, "style_map_id")}
    assert wish_of(client, client.post("/draw", data=kept, files=map_of(OWN_SKY, OWN_LAND)))["styles"]


def test_a_painting_that_is_gone_is_said_beside_the_paintings(client: TestClient) -> None:
    files = map_of(OWN_SKY, OWN_LAND) | own_map(OWN_SKY, OWN_LAND)
    answer = client.post("/draw", data={"painting": f"own_{'0' * 32}"}, files=files)
    assert "no longer kept here" in beside(answer.text, "painting-error")


def test_nothing_drawn_is_said_so(client: TestClient) -> None:
    answer = client.post("/draw", data={"painting": "starry_night"}, files=map_of("#000000"))
    assert answer.status_code == 422
    assert "Nothing is drawn here" in beside(answer.text, "map-error")


def test_a_form_from_a_browser_that_says_nothing_is_shown_once_more_with_its_drawing(client: TestClient) -> None:
    del client.headers["Origin"]
    files = map_of(OWN_SKY, OWN_LAND) | own_map(OWN_SKY, OWN_LAND) | {"own_painting": PICTURE}
    answer = client.post("/draw", data={"painting": "starry_night"}, files=files)
    assert answer.status_code == 403
    assert "Paint the drawing" in answer.text
    assert "<cite>The Starry Night</cite>" in answer.text
    assert '<a class="button" href="/draw">Leave it</a>' in answer.text
    assert set(re.findall(r'name="enclosed-\d-(\w+)"', answer.text)) == {"map", "style_map", "own_painting"}
    token = html.unescape(re.findall(r'<form action="([^"]+)"', answer.text)[0])
    data = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.text))
    none = {"none": ("", b"")}  # a form as browsers send it
    wish = wish_of(client, client.post(token, data=data, files=none))
    assert {style["part"] for style in wish["styles"]} == {OWN_SKY, OWN_LAND}


def test_its_artwork_names_the_painting_once_with_the_parts_and_leads_back_to_the_drawing(
    client: TestClient, services: Services
) -> None:
    answer = client.post("/draw", data={"painting": "starry_night"}, files=map_of(SKY, STARS, VILLAGE))
    job_id = answer.headers["location"].rpartition("/")[2]
    finish(services, job_id, pictures.encoded(pictures.quarters(512, 384)))
    page = client.get(answer.headers["location"]).text
    assert page.count('<p class="label__artist">') == 1
    (told,) = re.findall(r"The Starry Night \(([^)]*)\)", page)
    assert set(told.split(", ")) == {"sky", "stars and moon", "village"}
    assert f'href="/draw?again={job_id}"' in page
    (drawn,) = re.findall(r'href="(/photos/\w+/masks/\w+\.png)" download="[^"]*-drawing\.png"', page)
    with Image.open(io.BytesIO(client.get(drawn).content)) as image:
        assert len(image.getcolors() or []) == 3
    assert "Then the drawing and all its artworks are deleted." in page
    assert "gentler" not in page  # than what? There is no photo
    assert "Paint over this one" not in page
    assert "<span>Drawing</span>" in page
    assert "Change something" not in page


def test_an_artwork_is_painted_by_another_hand(client: TestClient) -> None:
    answer = client.post("/draw", data={"painting": "starry_night"}, files=map_of(SKY, STARS))
    first = wish_of(client, answer)
    again = wish_of(client, client.post(f"{answer.headers['location']}/again", data={"how": "anew"}))
    assert again == first | {"seed": first["seed"] + 1}


def test_an_artwork_is_drawn_on_with_its_drawing_painting_and_photo(client: TestClient) -> None:
    data = {"painting": "great_wave", "size": "512", "variety": "4", "fidelity": "0.75"}
    files = {"map": ("a.png", drawing("#173f7c", "#fffdf2")), "photo": ("a.jpg", pictures.landscape(320, 240))}
    answer = client.post("/draw", data=data, files=files)
    page = client.get(f"/draw?again={answer.headers['location'].rpartition('/')[2]}").text
    assert (checked(page, "painting"), checked(page, "size")) == (["great_wave"], ["512"])
    assert re.search(r'name="variety".*?value="4" selected.*?name="fidelity".*?value="0.75" selected', page, re.DOTALL)
    kept = {name: hidden(page, name) for name in ("photo_id", "sheet_id", "map_id")}
    assert wish_of(client, client.post("/draw", data={**data, **kept})) == wish_of(client, answer)


def test_an_artwork_after_an_own_painting_is_drawn_on_with_its_map(client: TestClient) -> None:
    files = map_of(OWN_LAND, OWN_SKY) | own_map(OWN_SKY, OWN_LAND) | {"own_painting": PICTURE}
    answer = client.post("/draw", files=files)
    page = client.get(f"/draw?again={answer.headers['location'].rpartition('/')[2]}").text
    (painting,) = checked(page, "painting")
    (picture, colors) = re.findall(r'data-picture="([^"]+)" data-colors="([^"]+)"', page)[0]
    assert set(colors.split()) == {OWN_SKY, OWN_LAND}
    assert client.get(picture).content[1:4] == b"PNG"
    kept = {name: hidden(page, name) for name in ("sheet_id", "map_id", "style_map_id")} | {"painting": painting}
    assert wish_of(client, client.post("/draw", data=kept))["styles"] == wish_of(client, answer)["styles"]


def test_what_cannot_be_drawn_on_is_said_so(client: TestClient, photo_id: str) -> None:
    assert client.get(f"/draw?again={'0' * 32}").status_code == 404
    wish = {"photo": photo_id, "styles": [{"id": "starry_night"}]}
    job_id = client.post("/api/v1/jobs", json=wish).json()["id"]
    assert client.get(f"/draw?again={job_id}").status_code == 422
    assert client.get(f"/paintings/own_{'0' * 32}/maps/{'0' * 32}.png").status_code == 404
    assert client.get("/paintings/x/maps/y.png").status_code == 404
