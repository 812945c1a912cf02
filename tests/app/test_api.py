"""The JSON API's contract: paths, names, codes, and what a program may rely on."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.jobs import keys
from app.jobs.models import JobState
from app.studio import Studio
from tests.app import pictures


@pytest.fixture
def studio(client: TestClient) -> Studio:
    found: Studio = client.app.state.studio  # type: ignore[attr-defined]
    return found


def wish(photo_id: str, **members: Any) -> dict[str, Any]:
    return {"photo": photo_id, "styles": [{"id": "dusk"}], **members}


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["detail"].endswith(".")
    return body


def test_photo_is_created(client: TestClient) -> None:
    answer = client.post("/api/v1/photos", files={"photo": ("x.jpg", pictures.landscape(640, 480))})
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "width", "height"}
    assert (answer.json()["width"], answer.json()["height"]) == (640, 480)


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        ({"photo": ("x.jpg", b"")}, 422, "photo-empty"),
        ({"photo": ("x.jpg", b"hello")}, 415, "photo-not-an-image"),
        ({"photo": ("x.jpg", pictures.landscape()[:900])}, 422, "photo-damaged"),
        ({"photo": ("x.gif", pictures.encoded(pictures.quarters(), "GIF"))}, 415, "photo-wrong-type"),
        ({"photo": ("x.png", pictures.png_claiming(60000, 60000))}, 422, "photo-too-many-pixels"),
        ({"picture": ("x.jpg", pictures.landscape())}, 422, "photo-missing"),
    ],
)
def test_bad_photo_is_a_problem_and_leaves_nothing(
    client: TestClient, studio: Studio, files: Any, status: int, code: str
) -> None:
    assert problem(client.post("/api/v1/photos", files=files), status, code)["field"] == "photo"
    assert list(studio.storage.list("photos/")) == []


def test_photo_as_a_text_field_is_a_problem(client: TestClient) -> None:
    problem(client.post("/api/v1/photos", data={"photo": "text"}), 422, "photo-missing")


def test_broken_multipart_is_a_problem(client: TestClient) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    problem(client.post("/api/v1/photos", content=b"nonsense", headers=headers), 400, "form-unreadable")


def test_styles_are_listed_with_their_labels(client: TestClient) -> None:
    answer = client.get("/api/v1/styles")
    assert answer.status_code == 200
    dusk = next(style for style in answer.json() if style["id"] == "dusk")
    assert dusk["title"] == "Dusk & <Dawn>"
    assert dusk["artist"] == "Zoë Müller"
    assert dusk["year"] == "1931"
    assert client.get(dusk["swatch"]).headers["content-type"] == "image/webp"


def test_job_is_accepted_with_a_location(client: TestClient, photo_id: str) -> None:
    answer = client.post("/api/v1/jobs", json=wish(photo_id))
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["location"] == f"/api/v1/jobs/{body['id']}"
    assert body["status"] == "queued"
    assert body["progress"] == 0
    assert body["preview"] == 0
    assert body["error"] is None
    assert body["artwork"] is None
    assert {"stage", "position", "eta_seconds"} <= set(body)
    assert client.get(answer.headers["location"]).json()["id"] == body["id"]


def test_waiting_jobs_know_their_place(client: TestClient, photo_id: str) -> None:
    ids = [client.post("/api/v1/jobs", json=wish(photo_id)).json()["id"] for _ in range(3)]
    assert [client.get(f"/api/v1/jobs/{each}").json()["position"] for each in ids] == [0, 1, 2]


@pytest.mark.parametrize(
    "members",
    [
        {"size": 255},
        {"size": 2049},
        {"size": "large"},
        {"strength": 0},
        {"strength": 11},
        {"brush": 0.2},
        {"smoothing": -1},
        {"seed": -1},
        {"seed": 2**31},
        {"quality": "superb"},
        {"extractor": "resnet"},
        {"styles": []},
        {"styles": [{"id": "dusk"}, {"id": "dusk"}]},
        {"styles": [{"id": "dusk", "weight": 0}]},
        {"styles": [{"id": "dusk"}] * 6},
        {"unheard_of": 1},
        {"photo": None},
    ],
)
def test_option_out_of_range_is_a_problem(client: TestClient, photo_id: str, members: dict[str, Any]) -> None:
    problem(client.post("/api/v1/jobs", json=wish(photo_id) | members), 422, "request-invalid")


def test_unknown_style_and_photo_are_problems(client: TestClient, photo_id: str) -> None:
    body = problem(client.post("/api/v1/jobs", json=wish(photo_id, styles=[{"id": "nobody"}])), 422, "style-unknown")
    assert "nobody" in body["detail"]
    problem(client.post("/api/v1/jobs", json=wish("0" * 32)), 422, "photo-gone")


@pytest.mark.parametrize("job_id", ["0" * 32, "x", "..", "0" * 500])
def test_unknown_and_malformed_ids_look_alike(client: TestClient, job_id: str) -> None:
    for method, path in [("GET", ""), ("GET", "/preview"), ("GET", "/artwork.png"), ("POST", "/cancel")]:
        assert client.request(method, f"/api/v1/jobs/{job_id}{path}").status_code == 404


def test_etag_saves_an_unchanged_answer(client: TestClient, photo_id: str) -> None:
    location = client.post("/api/v1/jobs", json=wish(photo_id)).headers["location"]
    first = client.get(location)
    assert int(first.headers["retry-after"]) >= 1
    again = client.get(location, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    client.post(f"{location}/cancel")
    changed = client.get(location, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_a_waiting_job_is_cancelled_at_once_and_only_once(client: TestClient, photo_id: str) -> None:
    location = client.post("/api/v1/jobs", json=wish(photo_id)).headers["location"]
    first = client.post(f"{location}/cancel")
    assert first.status_code == 202
    assert first.json()["status"] == "cancelled"
    assert client.post(f"{location}/cancel").json() == first.json()
    assert "retry-after" not in client.get(location).headers
    problem(client.get(f"{location}/artwork.png"), 404, "artwork-not-found")
    problem(client.get(f"{location}/preview"), 404, "preview-not-found")


def test_unknown_path_and_method_are_problems(client: TestClient) -> None:
    problem(client.get("/api/v1/nothing"), 404, "not-found")
    problem(client.delete("/api/v1/styles"), 405, "method-not-allowed")


def test_redis_out_of_reach_is_a_problem_not_a_crash(settings: Any) -> None:
    from app.main import create_app

    lost = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    with TestClient(create_app(lost), raise_server_exceptions=False) as client:
        body = client.post("/api/v1/photos", files={"photo": ("x.jpg", pictures.landscape())}).json()
        answer = client.post("/api/v1/jobs", json=wish(body["id"]))
        problem(answer, 503, "queue-unavailable")
        assert "retry-after" in answer.headers
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503


def test_ready_only_with_a_worker(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "redis": True, "worker": False}


def test_openapi_names_every_path_of_the_contract(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    promised = {
        ("/api/v1/photos", "post", "201"),
        ("/api/v1/styles", "get", "200"),
        ("/api/v1/jobs", "post", "202"),
        ("/api/v1/jobs/{job_id}", "get", "200"),
        ("/api/v1/jobs/{job_id}/preview", "get", "200"),
        ("/api/v1/jobs/{job_id}/artwork.{extension}", "get", "200"),
        ("/api/v1/jobs/{job_id}/cancel", "post", "202"),
    }
    for path, method, status in promised:
        assert status in schema["paths"][path][method]["responses"]
    schemas = schema["components"]["schemas"]
    assert all(name in schemas for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(schema)))
    page = client.get("/docs").text
    assert all(path in page for path, _, _ in promised)


class TestFinished:
    """A job that a worker has painted: its records and files as a worker would write them."""

    @pytest.fixture
    def job_id(self, client: TestClient, photo_id: str, studio: Studio) -> str:
        job_id = str(client.post("/api/v1/jobs", json=wish(photo_id)).json()["id"])
        artwork = pictures.encoded(pictures.quarters(320, 240), "PNG")
        finish(studio, job_id, artwork)
        return job_id

    def test_its_answer_leads_to_the_artwork(self, client: TestClient, job_id: str) -> None:
        body = client.get(f"/api/v1/jobs/{job_id}").json()
        assert body["status"] == "finished"
        assert body["progress"] == 1
        assert client.get(body["artwork"]).status_code == 200

    @pytest.mark.parametrize(("extension", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
    def test_its_artwork_comes_in_three_formats_without_metadata(
        self, client: TestClient, job_id: str, extension: str, kind: str
    ) -> None:
        answer = client.get(f"/api/v1/jobs/{job_id}/artwork.{extension}")
        assert answer.headers["content-disposition"] == f'attachment; filename="atelier-dusk-{job_id[:6]}.{extension}"'
        image = Image.open(io.BytesIO(answer.content))
        assert (image.format, image.size) == (kind, (320, 240))
        assert not image.getexif()
        assert "exif" not in image.info
        assert "xmp" not in image.info

    def test_another_extension_does_not_exist(self, client: TestClient, job_id: str) -> None:
        assert client.get(f"/api/v1/jobs/{job_id}/artwork.gif").status_code in {404, 422}

    def test_its_page_shows_the_artwork(self, client: TestClient, job_id: str) -> None:
        page = client.get(f"/jobs/{job_id}")
        assert page.status_code == 200
        assert f"/api/v1/jobs/{job_id}/artwork.jpg" in page.text
        assert "Dusk &amp; &lt;Dawn&gt;" in page.text
        assert 'http-equiv="refresh"' not in page.text

    @pytest.mark.parametrize(("how", "factor"), [("bolder", 2), ("gentler", 0.5), ("same", 1)])
    def test_it_can_be_painted_again(self, client: TestClient, job_id: str, how: str, factor: float) -> None:
        answer = client.post(f"/jobs/{job_id}/again", data={"how": how})
        assert answer.status_code == 303
        new_id = answer.headers["location"].removeprefix("/jobs/")
        assert new_id != job_id
        old, new = (client.get(f"/api/v1/jobs/{each}").json()["request"] for each in (job_id, new_id))
        assert new["strength"] == pytest.approx(old["strength"] * factor)
        assert new["photo"] == old["photo"]


def finish(studio: Studio, job_id: str, artwork: bytes) -> None:
    """What a worker does to a job, in one breath."""
    job = studio.records.claim(job_id, 30, "test", lambda _: True)
    assert job is not None
    studio.storage.put(keys.artwork_key(job_id, job.fence), artwork)
    size = {"artwork_width": 320, "artwork_height": 240, "keeps": True}
    studio.records.end(job, JobState.FINISHED, size)
