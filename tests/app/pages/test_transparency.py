"""Where the page offers to keep a photo's transparency, and what it makes of what is sent."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.services import Services
from tests.app import pictures
from tests.app.api.test_jobs import finish
from tests.app.conftest import Paint
from tests.app.pages.test_pages import beside

OFFER = re.compile(r'<div id="transparency"([^>]*)>')


def send(client: TestClient, photo: bytes) -> dict[str, object]:
    answer: dict[str, object] = client.post("/api/v1/photos", files={"photo": ("a", photo)}).json()
    return answer


def test_it_is_offered_where_the_photo_is_transparent_or_nobody_knows_yet(client: TestClient) -> None:
    clear = send(client, pictures.encoded(Image.new("RGBA", (64, 64), (9, 9, 9, 200))))
    opaque = send(client, pictures.encoded(pictures.quarters()))
    assert (clear["transparent"], opaque["transparent"]) == (True, False)
    found = [
        OFFER.findall(client.get(path).text) for path in ("/", f"/?photo={clear['id']}", f"/?photo={opaque['id']}")
    ]
    # Without a script another photo can still be chosen, so there it is offered always.
    assert found == [[""], [""], [' class="without-script"']]


@pytest.mark.parametrize(("sent", "asked"), [("true", True), ("1", True), ("", False), ("false", False), ("0", False)])
def test_yes_and_no_are_understood_in_several_ways(services: Services, paint: Paint, sent: str, asked: bool) -> None:
    assert services.records.get(paint(keep_transparency=sent)).request.keep_transparency is asked


def test_what_is_neither_yes_nor_no_is_said_beside_it(client: TestClient, photo_id: str) -> None:
    answer = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk", "keep_transparency": "perhaps"})
    assert answer.status_code == 422
    assert beside(answer.text, "keep_transparency-error") == "“perhaps” is neither true nor false."


def test_all_photos_of_a_series_are_asked_for_theirs(client: TestClient, photo_id: str) -> None:
    other = str(send(client, pictures.encoded(Image.new("RGBA", (64, 64))))["id"])
    wish = {"photos": [photo_id, other], "styles": [{"id": "dusk"}], "keep_transparency": True}
    answer = client.post("/api/v1/series", json=wish).json()
    jobs = [client.get(f"/api/v1/jobs/{job['id']}").json() for job in answer["jobs"]]
    assert [job["request"]["keep_transparency"] for job in jobs] == [True, True]


def test_it_is_in_what_is_shared_and_in_the_zip_of_a_series(
    client: TestClient, services: Services, photo_id: str
) -> None:
    wish = {"photos": [photo_id], "styles": [{"id": "dusk"}], "keep_transparency": True}
    series = client.post("/api/v1/series", json=wish).json()
    half = Image.new("RGBA", (320, 240), (9, 9, 9, 128))
    (job,) = series["jobs"]
    finish(services, job["id"], pictures.encoded(half))
    archive = client.get(f"/api/v1/series/{series['id']}/artworks.zip?format=png").content
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        (name,) = files.namelist()
        found = [files.read(name)]
    share = client.post(f"/api/v1/jobs/{job['id']}/share").json()["share"]
    found += [client.get(f"{share}/artwork.{extension}").content for extension in ("png", "webp")]
    for content in found:
        assert Image.open(io.BytesIO(content)).getchannel("A").getextrema() == (128, 128)
