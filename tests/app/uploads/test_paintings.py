"""People's own paintings: kept, shown to their browser, painted after, deleted."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.darkroom.developed import DecodedPhoto
from app.jobs.housekeeping import retention
from app.jobs.models import JobState
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from app.main import create_app
from app.services import Services
from app.settings import Settings
from app.uploads import paintings
from tests.app import pictures


@pytest.fixture
def painting_id(client: TestClient) -> str:
    return send(client)


def send(client: TestClient) -> str:
    answer = client.post("/api/v1/paintings", files={"painting": ("SecretName.jpg", pictures.landscape(200, 150))})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["width"], answer.json()["height"]) == (200, 150)
    return str(answer.json()["id"])


def job(client: TestClient, photo_id: str, *styles: str) -> Any:
    return client.post("/api/v1/jobs", json={"photo": photo_id, "styles": [{"id": each} for each in styles]})


def test_a_painting_is_kept_and_its_browser_shown_it(client: TestClient, painting_id: str, services: Services) -> None:
    assert re.fullmatch(r"own_[0-9a-f]{32}", painting_id)
    thumb = client.get(f"/paintings/{painting_id}/thumb.webp")
    assert thumb.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(thumb.content)) as image:
        assert image.size == (200, 150)
    newer = send(client)
    assert [each["id"] for each in client.get("/api/v1/paintings").json()] == [newer, painting_id]
    kept = b"".join(services.storage.get(key) for key in services.storage.list("paintings/"))
    assert b"Secret" not in kept


def test_no_other_browser_is_told_of_it(client: TestClient, painting_id: str, settings: Settings) -> None:
    with TestClient(create_app(settings)) as other:
        assert other.get("/api/v1/paintings").json() == []
        other.cookies.set(paintings.COOKIE, client.cookies[paintings.COOKIE][:-2] + "xx")
        assert other.get("/api/v1/paintings").json() == []
    assert painting_id not in client.get("/api/v1/styles").text


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [(b"", 422, "painting-file-empty"), (b"hello", 415, "painting-not-an-image"), (None, 422, "painting-missing")],
)
def test_what_is_no_painting_is_refused(
    client: TestClient, services: Services, data: bytes | None, status: int, code: str
) -> None:
    files = {"photo": ("x.jpg", b"x")} if data is None else {"painting": ("x.jpg", data)}
    answer = client.post("/api/v1/paintings", files=files)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, "painting")
    assert services.storage.list("paintings/") == []
    assert paintings.COOKIE not in client.cookies


def test_a_full_disk_leaves_no_painting(tmp_path: Path) -> None:
    class FullDisk(LocalStorage):
        def put(self, key: str, content: bytes, *, replace: bool = True) -> None:
            if key.endswith(".json"):
                raise OSError(28, "No space left on device")
            super().put(key, content, replace=replace)

    with pytest.raises(OSError, match="No space"):
        paintings.store(DecodedPhoto(b"jpeg", b"webp", 10, 10), FullDisk(tmp_path))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nobody_needs_the_transparency_of_a_painting(client: TestClient, services: Services) -> None:
    data = pictures.encoded(Image.new("RGBA", (64, 64)))
    assert client.post("/api/v1/paintings", files={"painting": ("x.png", data)}).status_code == 201
    assert not [key for key in services.storage.list("paintings/") if "alpha" in key]


def test_it_is_painted_after_and_called_your_own(client: TestClient, photo_id: str, painting_id: str) -> None:
    answer = job(client, photo_id, painting_id, "dusk")
    assert answer.status_code == 202
    page = client.get(f"/jobs/{answer.json()['id']}").text
    assert "your own painting" in page


def test_a_shared_artwork_and_a_download_do_not_tell_its_id(
    client: TestClient, photo_id: str, painting_id: str, services: Services
) -> None:
    job_id = job(client, photo_id, painting_id).json()["id"]
    held = services.records.claim(job_id, 100, "tests", lambda _: True)
    assert held
    services.storage.put(keys.artwork_key(held.id, held.fence), pictures.encoded(pictures.quarters()))
    services.records.end(held, JobState.FINISHED, {"artwork_width": 96, "artwork_height": 64})
    share = client.post(f"/api/v1/jobs/{job_id}/share").json()["share"]
    page = client.get(share).text
    assert "a painting of their own" in page
    assert painting_id not in page
    download = client.get(f"/api/v1/jobs/{job_id}/artwork.png").headers["content-disposition"]
    assert download == f'attachment; filename="atelier-own-{job_id[:6]}.png"'


@pytest.mark.parametrize("style", ["own_" + "0" * 32, "own_xyz"])
def test_one_that_is_not_here_cannot_be_chosen(client: TestClient, photo_id: str, style: str) -> None:
    answer = job(client, photo_id, style)
    assert answer.status_code == 422
    assert answer.json()["field"] == "style"
    assert answer.json()["code"] == ("painting-gone" if len(style) == 36 else "style-unknown")


def test_deleting_it_leaves_nothing_and_twice_is_harmless(
    client: TestClient, photo_id: str, painting_id: str, services: Services
) -> None:
    waiting = job(client, photo_id, painting_id).json()["id"]
    services.storage.put(f"{keys.painting_prefix(painting_id.removeprefix('own_'))}fingerprint.safetensors", b"x")
    for _ in range(2):
        assert client.delete(f"/api/v1/paintings/{painting_id}").status_code == 204
    assert services.storage.list("paintings/") == []
    assert client.get("/api/v1/paintings").json() == []
    assert client.get(f"/paintings/{painting_id}/thumb.webp").status_code == 404
    assert job(client, photo_id, painting_id).json()["code"] == "painting-gone"
    # The worker will tell the one that waits.
    assert client.get(f"/api/v1/jobs/{waiting}").json()["status"] == "queued"


@pytest.mark.parametrize("style", ["own_" + "0" * 32, "dusk", "own_", "..", "x" * 300])
def test_one_that_never_was_cannot_be_deleted(client: TestClient, style: str) -> None:
    answer = client.delete(f"/api/v1/paintings/{style}")
    assert answer.status_code == 404
    assert client.get(f"/paintings/{style}/thumb.webp").status_code == 404


def test_a_job_that_was_started_while_it_was_deleted_is_refused(
    client: TestClient, photo_id: str, painting_id: str, services: Services
) -> None:
    # Its mark is set, its files are not yet deleted.
    services.records.paintings.retire(painting_id.removeprefix("own_"), at_once=True)
    assert job(client, photo_id, painting_id).json()["code"] == "painting-gone"
    assert services.storage.list("jobs/") == []
    retention.sweep(services.records)
    assert services.storage.list("paintings/") == []
