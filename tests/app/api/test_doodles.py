"""Doodles over the API: maps in, a job for the parts that their colours mean."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.jobs.ids import OWN_PREFIX
from app.jobs.storage import keys
from app.services import Services
from tests.app import pictures

SKY, STARS, MAGENTA = "#2a4fb0", "#ffd83d", "#ff00ff"


def drawn(*colors: str, size: tuple[int, int] = (160, 120)) -> bytes:
    """Stripes of these colours."""
    picture = Image.new("RGB", size, colors[0])
    for index, color in enumerate(colors):
        picture.paste(color, (index * size[0] // len(colors), 0, size[0], size[1]))
    return encoded(picture)


def encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def kept(client: TestClient, content: bytes, photo: bytes | None = None) -> dict[str, str]:
    """A target map, kept as a photo and as that photo's mask; or as the mask of another one."""
    photo_id = client.post("/api/v1/photos", files={"photo": ("a.png", photo or content)}).json()["id"]
    mask = client.post(f"/api/v1/photos/{photo_id}/masks", files={"mask": ("a.png", content)})
    assert mask.status_code == 201, mask.text
    return {"photo": photo_id, "target_map": mask.json()["id"]}


def doodle(client: TestClient, content: bytes, of: bytes | None = None, /, **more: Any) -> Any:
    wish = {"style": "starry_night", "size": 512, **kept(client, content, of), **more}
    return client.post("/api/v1/doodles", json=wish)


def own_painting(client: TestClient, style_map: bytes | None) -> dict[str, Any]:
    files = {"painting": ("a.jpg", pictures.landscape(200, 150))}
    files |= {"style_map": ("a_sem.png", style_map)} if style_map else {}
    answer = client.post("/api/v1/paintings", files=files)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_paintings_tell_their_parts(client: TestClient) -> None:
    styles = {each["id"]: each for each in client.get("/api/v1/styles").json()}
    assert {"name": "sky", "color": SKY} in styles["starry_night"]["parts"]
    assert styles["dusk"]["parts"] == []


def test_a_doodle_becomes_a_job_for_the_parts_that_its_colours_mean(client: TestClient) -> None:
    answer = doodle(client, drawn(SKY, STARS), seed=3)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert told["parts"] == {SKY: "sky", STARS: "stars and moon"}
    assert told["notes"] == []
    request = told["job"]["request"]
    assert (request["preset"], request["seed"]) == ("doodle", 3)
    assert {(each["part"], each["color"]) for each in request["styles"]} == {("sky", SKY), ("stars and moon", STARS)}
    assert client.get(answer.headers["location"]).json()["status"] == "queued"


def test_a_photo_may_keep_its_shapes(client: TestClient) -> None:
    answer = doodle(client, drawn(SKY, STARS), pictures.landscape(), preset="studio")
    assert answer.json()["job"]["request"]["preset"] == "studio"


def test_a_colour_that_means_no_part_is_the_nearest_and_is_told(client: TestClient) -> None:
    told = doodle(client, drawn(SKY, MAGENTA)).json()
    assert told["notes"] == [
        f"{MAGENTA} means no part of “The Starry Night”, and is painted as {told['parts'][MAGENTA]}."
    ]


def test_an_own_painting_comes_with_a_map_of_its_parts_that_goes_with_it(
    client: TestClient, services: Services
) -> None:
    painting = own_painting(client, drawn("#000000", "#ffffff"))
    assert sorted(painting["parts"]) == ["#000000", "#ffffff"]
    answer = doodle(client, drawn("#111111", "#ffffff"), style=painting["id"], style_map=painting["part_map"])
    assert answer.json()["parts"] == {"#111111": "#000000", "#ffffff": "#ffffff"}
    prefix = keys.painting_prefix(painting["id"].removeprefix(OWN_PREFIX))
    assert any("/parts-" in key for key in services.storage.list(prefix))
    assert client.delete(f"/api/v1/paintings/{painting['id']}").status_code == 204
    assert services.storage.list(prefix) == []


def test_a_painting_gets_its_map_afterwards_and_the_same_map_once(client: TestClient, services: Services) -> None:
    painting = own_painting(client, None)
    assert painting["part_map"] is None
    address = f"/api/v1/paintings/{painting['id']}/maps"
    answers = [client.post(address, files={"style_map": ("a.png", drawn("#000000", "#ffffff"))}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    first, again = (answer.json() for answer in answers)
    assert first == again
    assert (sorted(first["colors"]), first["width"]) == (["#000000", "#ffffff"], 160)
    prefix = keys.painting_prefix(painting["id"].removeprefix(OWN_PREFIX))
    assert sum(key.endswith(".png") and "/parts-" in key for key in services.storage.list(prefix)) == 1
    wish = {"style": painting["id"], "style_map": first["id"]}
    assert doodle(client, drawn("#000000", "#ffffff"), **wish).status_code == 202
    # A map is of the painting that it was sent for.
    other = own_painting(client, None)
    answer = doodle(client, drawn("#000000", "#ffffff"), **wish | {"style": other["id"]})
    assert answer.json()["code"] == "part-map-gone"


def test_what_is_no_map_of_a_painting_is_refused_when_it_comes(client: TestClient, services: Services) -> None:
    painting = own_painting(client, None)
    for content, words in [
        (encoded(Image.fromarray(NOISE)), "The map of your painting has too many colours"),
        (drawn("#ff0000"), "The map of your painting has one colour only"),
        (drawn("#ff0000", "#00ff00", size=(400, 100)), "Your painting and its map differ too much in shape"),
    ]:
        answer = client.post(f"/api/v1/paintings/{painting['id']}/maps", files={"style_map": ("a.png", content)})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
            422,
            "part-map-unfit",
            "style_map",
        )
        assert words in answer.json()["detail"]
        files = {"painting": ("a.jpg", pictures.landscape(200, 150)), "style_map": ("a.png", content)}
        answer = client.post("/api/v1/paintings", files=files)
        assert (answer.status_code, answer.json()["code"]) == (422, "part-map-unfit")
    assert not any("/parts-" in key for key in services.storage.list("paintings/"))
    assert client.post("/api/v1/paintings/own_1/maps", files={"style_map": ("a.png", drawn(SKY))}).status_code == 404
    answer = client.post(f"/api/v1/paintings/{painting['id']}/maps", files={"other": ("a.png", drawn(SKY))})
    assert (answer.status_code, answer.json()["code"]) == (422, "part-map-missing")


def test_a_painting_has_so_many_maps(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.uploads.paintings.MOST_MAPS", 1)
    painting = own_painting(client, drawn(SKY, STARS))
    address = f"/api/v1/paintings/{painting['id']}/maps"
    assert client.post(address, files={"style_map": ("a.png", drawn(SKY, STARS))}).status_code == 201
    answer = client.post(address, files={"style_map": ("a.png", drawn(SKY, MAGENTA))})
    assert (answer.status_code, answer.json()["code"]) == (422, "part-maps-too-many")
    assert "1 maps" in answer.json()["detail"]


def test_the_same_key_is_the_same_job(client: TestClient) -> None:
    wish = {"style": "starry_night", **kept(client, drawn(SKY, STARS))}
    first, again = (client.post("/api/v1/doodles", json=wish, headers={"Idempotency-Key": "a"}) for _ in range(2))
    assert first.json()["job"]["id"] == again.json()["job"]["id"]
    other = client.post("/api/v1/doodles", json=wish | {"seed": 9}, headers={"Idempotency-Key": "a"})
    assert other.json()["code"] == "idempotency-key-reused"


NOISE = np.random.default_rng(1).integers(0, 256, (240, 250, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("content", "more", "code", "words"),
    [
        (drawn("#00ff00", MAGENTA), {}, "doodle-unfit", "perhaps it is a map for another painting"),
        (encoded(Image.fromarray(NOISE)), {}, "doodle-unfit", "too many colours"),
        (drawn(SKY), {"style": "dusk"}, "parts-missing", "no named parts"),
        (drawn(SKY), {"style": "nobody"}, "style-unknown", "does not hang here"),
        (drawn(SKY), {"style_map": "1" * 32}, "parts-fixed", "has its own parts"),
        (drawn(SKY), {"target_map": "1" * 32}, "mask-gone", "target_map"),
        (drawn(SKY), {"photo": "1" * 32}, "photo-gone", "no longer kept"),
        (drawn(SKY), {"preset": "gatys-2016"}, "", "a part can be painted from by the presets"),
    ],
)
def test_faults_are_a_sentence_each(
    client: TestClient, content: bytes, more: dict[str, Any], code: str, words: str
) -> None:
    answer = doodle(client, content, **more)
    assert answer.status_code == 422
    assert answer.json()["code"] == code or not code
    assert words in answer.json()["detail"]


def test_maps_of_another_shape_or_without_their_counterpart_are_refused(client: TestClient) -> None:
    answer = doodle(client, drawn(SKY, size=(400, 100)), pictures.landscape(), preset="studio")
    assert "differ too much in shape" in answer.json()["detail"]
    painting = own_painting(client, None)
    answer = doodle(client, drawn(SKY), style=painting["id"])
    assert answer.json()["code"] == "part-map-gone"


def test_an_empty_doodle_is_refused(client: TestClient) -> None:
    clear = encoded(Image.new("RGBA", (160, 120), (0, 0, 0, 0)))
    photo_id = client.post("/api/v1/photos", files={"photo": ("a.png", clear)}).json()["id"]
    answer = client.post(f"/api/v1/photos/{photo_id}/masks", files={"mask": ("a.png", clear)})
    assert (answer.status_code, answer.json()["code"]) == (422, "mask-empty")


def test_a_job_may_name_parts_itself_and_those_that_are_not_there_are_named(client: TestClient, photo_id: str) -> None:
    wish = {"photo": photo_id, "styles": [{"id": "starry_night", "part": "sky"}]}
    assert client.post("/api/v1/jobs", json=wish).status_code == 202
    wish["styles"] = [{"id": "starry_night", "part": "sea"}]
    answer = client.post("/api/v1/jobs", json=wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "part-absent")
    assert "“The Starry Night” has no part “sea”. Its parts are sky, swirls" in answer.json()["detail"]
