"""Photos from a share menu: kept like any other, chosen on the home page; of another site, not without a click."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.app import pictures
from tests.app.pages.test_resend import Form, sent_again, stored

FROM_THE_MENU = {"Sec-Fetch-Site": "none", "Origin": "null"}
ADDRESS = "/photos/received"


@pytest.fixture
def client(client: TestClient) -> TestClient:
    del client.headers["Origin"]
    return client


def files(*photos: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("photo", (f"{number}.jpg", photo)) for number, photo in enumerate(photos)]


def test_photo_is_chosen_on_the_home_page(client: TestClient) -> None:
    answer = client.post(ADDRESS, files=files(pictures.landscape(320, 240)), headers=FROM_THE_MENU)
    assert answer.status_code == 303
    (photo,) = re.findall(r"^/\?photo=([0-9a-f]{32})$", answer.headers["location"])
    page = client.get(answer.headers["location"]).text
    assert f'name="photo_id" id="photo-id" value="{photo}"' in page
    assert client.get(f"/photos/{photo}/thumb.webp").status_code == 200


def test_nothing_is_painted_yet(client: TestClient) -> None:
    sent = {"style": "dusk", "seed": "1"}
    answer = client.post(ADDRESS, data=sent, files=files(pictures.landscape()), headers=FROM_THE_MENU)
    assert answer.headers["location"].startswith("/?photo=")
    assert "dusk" not in answer.headers["location"]
    assert client.get("/artworks").text.count('class="piece"') == 0


def test_several_photos_are_prints_on_the_home_page(client: TestClient) -> None:
    both = files(pictures.landscape(320, 240), pictures.landscape(240, 320))
    page = client.post(ADDRESS, files=both, headers=FROM_THE_MENU)
    assert page.status_code == 200
    assert len(set(re.findall(r'name="photos" aria-label="Paint this photo" value="([0-9a-f]{32})"', page.text))) == 2


@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [
        (files(b"no picture"), 415, "This file is not a photo."),
        ([("other", ("a.jpg", b"x"))], 422, "There is no photo yet."),
    ],
)
def test_what_is_no_photo_is_refused_beside_the_frame(
    client: TestClient, data_folder: Path, sent: list[tuple[str, tuple[str, bytes]]], status: int, sentence: str
) -> None:
    answer = client.post(ADDRESS, files=sent, headers=FROM_THE_MENU)
    assert answer.status_code == status
    assert sentence in answer.text
    assert stored(data_folder) == []


def test_photo_that_is_too_large_is_refused(client: TestClient, data_folder: Path) -> None:
    answer = client.post(ADDRESS, files=files(b"x" * 3_000_000), headers=FROM_THE_MENU)
    assert answer.status_code == 413
    assert "larger than 2 MB" in answer.text
    assert stored(data_folder) == []


@pytest.mark.parametrize("origin", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {}])
def test_another_sites_form_does_nothing_without_a_click(
    client: TestClient, data_folder: Path, origin: dict[str, str]
) -> None:
    refused = client.post(ADDRESS, files=files(pictures.landscape()), headers=origin)
    assert refused.status_code == 403
    assert stored(data_folder) == []
    form = Form(refused.text)
    assert form.button == "Take these photos"
    answer = sent_again(client, refused, {"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/?photo=")


def test_address_alone_leads_to_the_home_page(client: TestClient) -> None:
    answer = client.get(ADDRESS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_menu_counts_as_any_write_does(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"write_rate": "2/minute"}))
    with TestClient(app, follow_redirects=False) as client:
        codes = [
            client.post(ADDRESS, files=files(pictures.landscape()), headers=FROM_THE_MENU).status_code for _ in range(4)
        ]
    assert codes == [303, 303, 429, 429]
