"""A form that was refused for where it may come from: nothing is done, nothing is lost, and one click sends it."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.main import create_app
from app.services import Services
from app.settings import Settings
from tests.app import pictures
from tests.app.conftest import Paint
from tests.app.pages.test_sending import mask

FOREIGN = {"Origin": "http://elsewhere.example"}
UNKNOWN = {"Origin": "null"}


class Form(HTMLParser):
    """The form of the page: where it is sent, what it holds, what its button says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = self.button = ""
        self.fields: dict[str, list[str]] = {}
        self.files: list[str] = []
        self.is_button = False
        self.feed(page.partition("<footer")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found["action"]
        elif tag == "input" and found["type"] == "hidden":
            self.fields.setdefault(found["name"], []).append(found["value"])
        elif tag == "input":
            self.files.append(found["name"])
        self.is_button = tag == "button"

    def handle_data(self, data: str) -> None:
        self.button += data if self.is_button else ""

    def handle_endtag(self, tag: str) -> None:
        self.is_button = self.is_button and tag != "button"


def sent_again(client: TestClient, answer: Any, origin: dict[str, str]) -> Any:
    """What the click brings, sent as the browser sends forms of this page: as multipart."""
    form = Form(answer.text)
    parts = [(name, (None, value)) for name, values in form.fields.items() for value in values]
    return client.post(form.action, files=parts, headers=origin)


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "cookie.key"]


@pytest.mark.parametrize(("refusing", "sending"), [(FOREIGN, {}), (UNKNOWN, UNKNOWN)])
def test_photo_painting_masks_and_options_are_sent_by_one_click(
    client: TestClient, services: Services, data_folder: Path, refusing: dict[str, str], sending: dict[str, str]
) -> None:
    photo = pictures.encoded(Image.effect_noise((1500, 1000), 64), "PNG")
    assert len(photo) > 750_000, "more than one field takes"
    files = {
        "photo": ("holi<b>day.png", photo),
        "own_painting": ("mine.jpg", pictures.landscape(300, 200)),
        "keep_file": ("keep.png", mask((0, 0, 32, 48))),
    }
    data = {"style": ["own-painting", "dusk"], "weight": ["1", "0.5"], "seed": "77", "strength": "2", "photo_id": ""}
    refused = client.post("/jobs", data=data, files=files, headers=refusing)
    assert refused.status_code == 403
    assert stored(data_folder) == []
    assert Form(refused.text).button == "Paint it"
    assert "holi&lt;b&gt;day.png" in refused.text

    started = sent_again(client, refused, sending)
    assert started.status_code == 303, started.text
    wish = client.get(f"/api/v1{started.headers['location']}").json()["request"]
    assert (wish["seed"], wish["strength"]) == (77, 2)
    assert [each["weight"] for each in wish["styles"]] == [1, 0.5]
    assert wish["styles"][0]["id"].startswith("own_")
    with Image.open(io.BytesIO(client.get(f"/photos/{wish['photo']}/masks/{wish['keep']}.png").content)) as kept:
        assert kept.convert("L").getpixel((0, 0)) == 255
    with Image.open(io.BytesIO(services.storage.get(f"photos/{wish['photo']}/photo.jpg"))) as image:
        assert image.size == (1500, 1000)


def test_photo_that_was_sent_before_stays(client: TestClient, photo_id: str) -> None:
    refused = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk"}, headers=FOREIGN)
    assert f'src="/photos/{photo_id}/thumb.webp"' in refused.text
    assert "Dusk &amp; &lt;Dawn&gt;" in refused.text
    assert sent_again(client, refused, {}).status_code == 303


def test_several_photos_become_a_series(client: TestClient) -> None:
    files = [("photo", (f"{number}.jpg", pictures.landscape(320 + number, 240))) for number in range(3)]
    refused = client.post("/jobs", data={"style": "dusk"}, files=files, headers=FOREIGN)
    answer = sent_again(client, refused, {})
    assert answer.headers["location"].startswith("/series/")
    series = client.get(f"/api/v1{answer.headers['location']}").json()
    assert len(series["jobs"]) == 3


def test_what_the_page_cannot_hold_is_chosen_again_and_the_rest_kept(settings: Settings) -> None:
    files = {"keep_file": ("keep.png", mask((0, 0, 9, 9))), "photo": ("a.png", bytes(3_500_000))}
    with TestClient(create_app(settings.model_copy(update={"form_limit_mb": 4}))) as client:
        refused = client.post("/jobs", data={"style": "dusk", "seed": "5"}, files=files, headers=FOREIGN)
    form = Form(refused.text)
    assert form.files == ["photo"]
    assert form.fields["seed"] == ["5"]
    assert "enclosed-0-keep_file" in form.fields


DEEDS = [
    ("cancel", {}, "Stop painting"),
    ("again", {"how": "bolder"}, "Paint it again"),
    ("recolor", {"keep_colors": "0.5", "color_method": "histogram"}, "Change the colours"),
    ("enlarge", {}, "Enlarge it for print"),
    ("larger", {"size": "2048"}, "Paint it large"),
    ("share", {"how": "share"}, "Make an address to share"),
    ("share", {"how": "stop"}, "Stop sharing"),
    ("delete", {"how": "stop"}, "Delete photos and artworks"),
]


@pytest.mark.parametrize(("deed", "fields", "words"), DEEDS)
def test_button_says_what_it_does_and_nothing_is_done_before(
    client: TestClient, paint: Paint, deed: str, fields: dict[str, str], words: str
) -> None:
    job = f"/jobs/{paint()}"
    before = client.get(f"/api/v1{job}").json()
    refused = client.post(f"{job}/{deed}", data=fields, headers=FOREIGN)
    assert refused.status_code == 403
    form = Form(refused.text)
    assert form.button == words
    assert form.action.split("?")[0] == f"{job}/{deed}"
    assert form.fields == {name: [value] for name, value in fields.items()}
    assert client.get(f"/api/v1{job}").json() == before


def test_deletion_is_done_once_the_button_is_pressed(client: TestClient, paint: Paint) -> None:
    job = f"/jobs/{paint()}"
    refused = client.post(f"{job}/delete", headers=FOREIGN)
    assert client.get(job).status_code == 200
    assert sent_again(client, refused, {}).headers["location"] == "/artworks"
    assert client.get(job).status_code == 410


def test_stale_page_gets_a_token_and_the_cookie_that_it_belongs_to(client: TestClient, photo_id: str) -> None:
    form = {"photo_id": photo_id, "style": "dusk"}
    page = client.get("/").text
    old = re.findall(r'action="(/jobs[^"]+)"', page)[0]
    client.cookies.clear()  # The browser was closed since.
    refused = client.post(old, data=form, headers=UNKNOWN)
    assert refused.status_code == 403
    assert "allow this site its cookie" in refused.text
    assert sent_again(client, refused, UNKNOWN).status_code == 303


def test_browser_that_keeps_no_cookie_loses_nothing_however_often_it_tries(client: TestClient, photo_id: str) -> None:
    answer = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk"}, headers=UNKNOWN)
    for _ in range(3):
        client.cookies.clear()
        answer = sent_again(client, answer, UNKNOWN)
        assert answer.status_code == 403
    assert Form(answer.text).fields == {"photo_id": [photo_id], "style": ["dusk"]}


def test_text_that_is_no_file_is_refused(client: TestClient) -> None:
    answer = client.post("/jobs", data={"style": "dusk", "enclosed-0-photo": "not base64!"})
    assert answer.status_code == 400
    assert "did not arrive in one piece" in answer.text


@pytest.mark.parametrize("body", [b"--x\r\nbroken", b""])
def test_form_that_cannot_be_read_is_refused_as_one(client: TestClient, body: bytes) -> None:
    headers = FOREIGN | {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/jobs", content=body, headers=headers).status_code in {400, 403}


def test_painting_that_does_not_hang_here_is_not_named(client: TestClient) -> None:
    refused = client.post("/jobs", data={"style": "Call us now"}, headers=FOREIGN)
    visible = re.sub(r"<input[^>]*>", "", refused.text)
    assert "555" not in visible
