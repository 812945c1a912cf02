"""The JSON API's contract: paths, names, codes, and what a program may rely on."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.jobs.models import Cut, Job, JobState, Progress
from app.jobs.records import redis_keys
from app.jobs.records.workers import STILL_S
from app.jobs.storage import keys
from app.services import Services
from tests.app import pictures
from tests.app.conftest import Paint


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
    assert set(answer.json()) == {"id", "width", "height", "transparent"}
    assert (answer.json()["width"], answer.json()["height"]) == (640, 480)


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        ({"photo": ("x.jpg", b"")}, 422, "photo-empty"),
        ({"photo": ("x.jpg", b"hello")}, 415, "photo-not-an-image"),
        ({"photo": ("x.jpg", pictures.landscape()[:900])}, 422, "photo-damaged"),
        ({"photo": ("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")}, 415, "photo-wrong-type"),
        ({"photo": ("x.png", pictures.png_claiming(60000, 60000))}, 422, "photo-too-many-pixels"),
        ({"picture": ("x.jpg", pictures.landscape())}, 422, "photo-missing"),
    ],
)
def test_bad_photo_is_a_problem_and_leaves_nothing(
    client: TestClient, services: Services, files: Any, status: int, code: str
) -> None:
    assert problem(client.post("/api/v1/photos", files=files), status, code)["field"] == "photo"
    assert list(services.storage.list("photos/")) == []


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
        {"size": 8193},
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
    assert answer.json() == {
        "status": "not ready",
        "redis": True,
        "takes": True,
        "worker": False,
        "moving": True,
        "housekeeping": True,
        "room": True,
    }


def test_not_ready_while_what_waits_waits_in_vain(client: TestClient, services: Services, paint: Paint) -> None:
    services.records.workers.saw("tests", 10**12)
    job_id = paint()
    assert client.get("/readyz").json()["status"] == "ready"
    services.records.redis.set(redis_keys.MOVED, services.records.now() - STILL_S - 1)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready", "redis": True, "takes": True, "worker": True, "moving": False, "housekeeping": True,
        "room": True,
    }  # fmt: skip
    assert "atelier_moving 0\n" in client.get("/metrics").text
    client.post(f"/api/v1/jobs/{job_id}/cancel")
    assert client.get("/readyz").status_code == 200


def test_a_job_tells_of_attempts_that_were_cut_off(client: TestClient, services: Services, paint: Paint) -> None:
    job_id = paint()
    assert client.get(f"/api/v1/jobs/{job_id}").json()["attempts"] == []
    held = services.records.claim(job_id, 60, "a:1", lambda _: True)
    assert held
    progress = Progress(stage=0, stages=1, scale=128, iteration=1, iterations=9, fraction=0.25)
    services.records.heartbeat(held, 60, {"progress": progress})
    again = services.records.claim(job_id, 60, "b:1", lambda _: False, lambda _: Cut.MEMORY)
    assert again
    (attempt,) = client.get(f"/api/v1/jobs/{job_id}").json()["attempts"]
    assert (attempt["reached"], attempt["cut"]) == (0.25, "memory")
    began, ended = (datetime.fromisoformat(attempt[name]).timestamp() for name in ("began_at", "ended_at"))
    assert began == pytest.approx(held.started_at, abs=0.001)
    assert ended == pytest.approx(again.started_at, abs=0.5)


def test_openapi_names_every_path_of_the_contract(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    promised = {
        ("/api/v1/photos", "post", "201"),
        ("/api/v1/photos/{photo_id}/masks", "post", "201"),
        ("/api/v1/paintings", "post", "201"),
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
    def job_id(self, client: TestClient, photo_id: str, services: Services) -> str:
        job_id = str(client.post("/api/v1/jobs", json=wish(photo_id)).json()["id"])
        artwork = pictures.encoded(pictures.quarters(320, 240), "PNG")
        finish(services, job_id, artwork)
        return job_id

    def test_its_answer_leads_to_the_artwork(self, client: TestClient, job_id: str) -> None:
        body = client.get(f"/api/v1/jobs/{job_id}").json()
        assert body["status"] == "finished"
        assert body["progress"] == 1
        assert client.get(body["artwork"]).status_code == 200

    def test_its_artwork_is_called_after_its_styles(self, client: TestClient, job_id: str) -> None:
        answer = client.get(f"/api/v1/jobs/{job_id}/artwork.jpg")
        assert answer.headers["content-disposition"] == f'attachment; filename="atelier-dusk-{job_id[:6]}.jpg"'

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


def finish(services: Services, job_id: str, artwork: bytes) -> None:
    """What a worker does to a job, in one breath."""
    job = services.records.claim(job_id, 30, "test", lambda _: True)
    assert job is not None
    services.storage.put(keys.artwork_key(job_id, job.fence), artwork)
    size = {"artwork_width": 320, "artwork_height": 240, "keeps": True}
    services.records.end(job, JobState.FINISHED, size)


def test_a_finished_job_says_when_it_goes_and_a_waiting_one_does_not_know(
    client: TestClient, services: Services, paint: Paint
) -> None:
    job_id = paint()
    assert client.get(f"/api/v1/jobs/{job_id}").json()["expires_at"] is None
    finish(services, job_id, pictures.encoded(pictures.quarters(320, 240), "PNG"))
    answer = client.get(f"/api/v1/jobs/{job_id}")
    goes = datetime.fromisoformat(answer.json()["expires_at"])
    assert goes - datetime.now(UTC) == pytest.approx(timedelta(hours=24), abs=timedelta(minutes=1))
    assert f"{goes:%B %Y, %H:%M} UTC" in client.get(f"/jobs/{job_id}").text
    # A further job from the same photo puts it off, and whoever holds the old ETag is told.
    paint()
    again = client.get(f"/api/v1/jobs/{job_id}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code in {200, 304}
    assert datetime.fromisoformat(client.get(f"/api/v1/jobs/{job_id}").json()["expires_at"]) >= goes


class TestIdempotencyKey:
    def test_the_same_request_twice_is_one_job(self, client: TestClient, photo_id: str) -> None:
        first, second = (
            client.post("/api/v1/jobs", json=wish(photo_id), headers={"Idempotency-Key": "a b"}) for _ in range(2)
        )
        assert (first.status_code, second.status_code) == (202, 202)
        assert first.json()["id"] == second.json()["id"]
        other = client.post("/api/v1/jobs", json=wish(photo_id), headers={"Idempotency-Key": "c"})
        assert other.json()["id"] != first.json()["id"]

    def test_at_the_same_time_too(self, client: TestClient, services: Services, photo_id: str) -> None:
        def send(_: int) -> str:
            answer = client.post("/api/v1/jobs", json=wish(photo_id), headers={"Idempotency-Key": "a"})
            return str(answer.json()["id"])

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(send, range(8)))) == 1
        assert services.records.redis.zcard(redis_keys.QUEUED) == 1

    def test_another_request_is_refused(self, client: TestClient, photo_id: str) -> None:
        client.post("/api/v1/jobs", json=wish(photo_id), headers={"Idempotency-Key": "a"})
        answer = client.post("/api/v1/jobs", json=wish(photo_id, size=256), headers={"Idempotency-Key": "a"})
        problem(answer, 422, "idempotency-key-reused")

    @pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
    def test_what_is_no_key_is_refused(self, client: TestClient, photo_id: str, key: str) -> None:
        answer = client.post("/api/v1/jobs", json=wish(photo_id), headers={"Idempotency-Key": key})
        problem(answer, 422, "idempotency-key-invalid")

    def test_one_of_another_photo_is_another_one(self, client: TestClient, photo_id: str) -> None:
        other = client.post("/api/v1/photos", files={"photo": ("b.jpg", pictures.landscape(640, 480))}).json()["id"]
        ids = {
            client.post("/api/v1/jobs", json=wish(each), headers={"Idempotency-Key": "a"}).json()["id"]
            for each in (photo_id, other)
        }
        assert len(ids) == 2


class TestRetry:
    def test_a_stopped_job_is_tried_again_once(self, client: TestClient, paint: Paint) -> None:
        job_id = paint()
        client.post(f"/api/v1/jobs/{job_id}/cancel")
        first, second = (client.post(f"/api/v1/jobs/{job_id}/retry") for _ in range(2))
        assert first.status_code == 202
        assert first.headers["location"] == f"/api/v1/jobs/{first.json()['id']}"
        assert first.json()["id"] == second.json()["id"] != job_id
        assert first.json()["retry_of"] == job_id
        old = client.get(f"/api/v1/jobs/{job_id}").json()
        assert (old["status"], old["retried_by"]) == ("cancelled", first.json()["id"])

    def test_what_goes_well_is_not_tried_again(self, client: TestClient, services: Services, paint: Paint) -> None:
        job_id = paint()
        problem(client.post(f"/api/v1/jobs/{job_id}/retry"), 409, "not-retryable")
        finish(services, job_id, b"")
        problem(client.post(f"/api/v1/jobs/{job_id}/retry"), 409, "not-retryable")


def written(services: Services, job_id: str) -> Job:
    return Job.model_validate_json(services.storage.get(keys.manifest_key(job_id)))


class TestSharing:
    @pytest.fixture
    def job_id(self, services: Services, paint: Paint) -> str:
        job_id = paint()
        finish(services, job_id, pictures.encoded(pictures.quarters(320, 240), "PNG"))
        return job_id

    def test_the_shared_page_shows_the_artwork_and_nothing_else(
        self, client: TestClient, job_id: str, photo_id: str
    ) -> None:
        path = client.post(f"/api/v1/jobs/{job_id}/share").json()["share"]
        page = client.get(path)
        assert page.status_code == 200
        assert f"{path}/artwork.jpg" in page.text
        assert job_id not in page.text
        assert photo_id not in page.text
        for extension in ("png", "jpg", "webp"):
            assert client.get(f"{path}/artwork.{extension}").status_code == 200
        assert path.removeprefix("/s/") not in {job_id, photo_id}
        assert 'href="/?style=dusk">Paint a photo of your own like this' in page.text
        # What may be seen with one kind of id may not be done or seen with the other.
        share_id = path.removeprefix("/s/")
        problem(client.delete(f"/api/v1/jobs/{share_id}"), 404, "job-not-found")
        assert client.get(f"/s/{job_id}").status_code == 404

    def test_clicked_at_the_same_time_it_is_one_address(
        self, client: TestClient, services: Services, paint: Paint
    ) -> None:
        for job_id in [paint() for _ in range(10)]:
            finish(services, job_id, b"")
            address = f"/api/v1/jobs/{job_id}"
            with ThreadPoolExecutor(8) as pool:
                answers = pool.map(client.post, [f"{address}/share"] * 8)
            told = {answer.json()["share"] for answer in answers}
            assert told == {client.get(address).json()["share"]}
            assert told == {f"/s/{written(services, job_id).share}"}
        assert len(services.storage.list("shares/")) == 10

    def test_it_can_be_taken_back_for_good(self, client: TestClient, job_id: str) -> None:
        first = client.post(f"/api/v1/jobs/{job_id}/share").json()["share"]
        assert client.post(f"/api/v1/jobs/{job_id}/share").json()["share"] == first
        assert client.delete(f"/api/v1/jobs/{job_id}/share").json()["share"] is None
        assert client.delete(f"/api/v1/jobs/{job_id}/share").status_code == 200
        assert client.get(first).status_code == client.get(f"{first}/artwork.png").status_code == 404
        second = client.post(f"/api/v1/jobs/{job_id}/share").json()["share"]
        assert second != first
        assert client.get(first).status_code == 404
        assert client.get(second).status_code == 200

    def test_the_page_does_both_without_a_script(self, client: TestClient, job_id: str) -> None:
        client.post(f"/jobs/{job_id}/share")
        path = client.get(f"/api/v1/jobs/{job_id}").json()["share"]
        assert f"{client.base_url}{path}" in client.get(f"/jobs/{job_id}").text
        client.post(f"/jobs/{job_id}/share", data={"how": "stop"})
        assert client.get(path).status_code == 404

    def test_what_is_not_painted_is_not_shared(self, client: TestClient, paint: Paint) -> None:
        problem(client.post(f"/api/v1/jobs/{paint()}/share"), 404, "artwork-not-found")


class TestDeletion:
    def test_a_deleted_job_is_gone_for_good_and_its_photo_stays(
        self, client: TestClient, services: Services, paint: Paint, photo_id: str
    ) -> None:
        job_id, other = paint(), paint()
        finish(services, job_id, pictures.encoded(pictures.quarters(320, 240), "PNG"))
        path = client.post(f"/api/v1/jobs/{job_id}/share").json()["share"]
        assert [client.delete(f"/api/v1/jobs/{job_id}").status_code for _ in range(2)] == [204, 204]
        for address in ("", "/artwork.png", "/preview"):
            problem(client.get(f"/api/v1/jobs/{job_id}{address}"), 410, "job-expired")
        assert client.get(f"/jobs/{job_id}").status_code == 410
        assert client.get(path).status_code == 404
        assert client.get(f"/photos/{photo_id}/thumb.webp").status_code == 200
        assert client.get(f"/api/v1/jobs/{other}").json()["status"] == "queued"

    def test_a_deleted_photo_takes_everything_with_it(
        self, client: TestClient, services: Services, paint: Paint, photo_id: str
    ) -> None:
        services.storage.put(keys.photo_alpha_key(photo_id), b"its transparency")
        finished, waiting = paint(), paint()
        finish(services, finished, pictures.encoded(pictures.quarters(320, 240), "PNG"))
        assert client.post(f"/jobs/{finished}/delete").headers["location"] == "/artworks"
        for job_id in (finished, waiting):
            problem(client.get(f"/api/v1/jobs/{job_id}"), 410, "job-expired")
        assert client.get(f"/photos/{photo_id}/thumb.webp").status_code == 404
        problem(client.post("/api/v1/jobs", json=wish(photo_id)), 422, "photo-gone")
        left = [key for key in services.storage.list("jobs/") if not key.endswith("/job.json")]
        assert left + services.storage.list("photos/") == []
        assert client.delete(f"/api/v1/photos/{photo_id}").status_code == 204
        assert client.get("/artworks").status_code == 200

    @pytest.mark.parametrize("identifier", ["0" * 32, "..%2f..%2fetc", "x"])
    def test_what_never_was_is_not_found(self, client: TestClient, identifier: str) -> None:
        assert client.delete(f"/api/v1/photos/{identifier}").status_code == 404
        assert client.delete(f"/api/v1/jobs/{identifier}").status_code == 404


def test_a_job_that_no_worker_can_hold_is_refused_with_the_size_that_fits(
    client: TestClient, services: Services, photo_id: str
) -> None:
    services.records.workers.saw("small", int(1.2e9))
    body = problem(client.post("/api/v1/jobs", json=wish(photo_id, size=4096)), 422, "too-large")
    fits = int(re.search(r"Choose (\d+) pixels", body["detail"])[1])  # type: ignore[index]
    assert client.post("/api/v1/jobs", json=wish(photo_id, size=fits)).status_code == 202
    assert client.post("/api/v1/jobs", json=wish(photo_id, size=fits + 128)).status_code == 422
    services.records.workers.saw("large", int(64e9))
    assert client.post("/api/v1/jobs", json=wish(photo_id, size=4096)).status_code == 202


class TestOtherColors:
    """An artwork that gets other colours, or that another painting starts from."""

    @pytest.fixture
    def job_id(self, client: TestClient, photo_id: str, services: Services) -> str:
        job_id = str(client.post("/api/v1/jobs", json=wish(photo_id, seed=7)).json()["id"])
        finish(services, job_id, pictures.encoded(pictures.quarters(320, 240), "PNG"))
        return job_id

    def test_a_linked_job_takes_the_strokes_and_the_new_colors(
        self, client: TestClient, services: Services, job_id: str
    ) -> None:
        colors = {"keep_colors": 0.5, "color_method": "linear"}
        answer = client.post(f"/api/v1/jobs/{job_id}/recolor", json=colors)
        assert answer.status_code == 202
        body = answer.json()
        assert answer.headers["location"] == f"/api/v1/jobs/{body['id']}"
        assert body["recolor_of"] == job_id
        assert body["request"] == client.get(f"/api/v1/jobs/{job_id}").json()["request"] | colors
        job = services.records.get(body["id"])
        assert (job.recolor_of, job.planned_work) == (job_id, 0)
        services.records.request_cancel(job.id)
        again = client.post(f"/api/v1/jobs/{job.id}/retry").json()
        assert (again["retry_of"], again["recolor_of"]) == (job.id, job_id)

    def test_all_of_the_photos_colors_are_kept_unless_said_otherwise(self, client: TestClient, job_id: str) -> None:
        body = client.post(f"/api/v1/jobs/{job_id}/recolor", json={}).json()
        assert (body["request"]["keep_colors"], body["request"]["color_when"]) == (1, "after")

    def test_without_its_canvas_there_is_nothing_to_color(
        self, client: TestClient, photo_id: str, services: Services
    ) -> None:
        job_id = client.post("/api/v1/jobs", json=wish(photo_id, keep_colors=1)).json()["id"]
        path = f"/api/v1/jobs/{job_id}/recolor"
        problem(client.post(path, json={}), 404, "artwork-not-found")
        finish(services, job_id, pictures.encoded(pictures.quarters(320, 240), "PNG"))
        problem(client.post(path, json={}), 409, "canvas-missing")
        services.storage.put(keys.canvas_key(job_id, services.records.get(job_id).fence), b"canvas")
        assert client.post(path, json={}).status_code == 202

    @pytest.mark.parametrize(
        ("colors", "field"),
        [({"keep_colors": 2}, "keep_colors"), ({"color_method": "lab"}, "color_method"), ({"size": 512}, "size")],
    )
    def test_colors_out_of_range_are_a_problem(
        self, client: TestClient, job_id: str, colors: dict[str, Any], field: str
    ) -> None:
        answer = client.post(f"/api/v1/jobs/{job_id}/recolor", json=colors)
        assert field in problem(answer, 422, "request-invalid")["detail"]

    def test_a_mask_of_another_photo_is_a_problem(self, client: TestClient, job_id: str) -> None:
        answer = client.post(f"/api/v1/jobs/{job_id}/recolor", json={"color_mask": "1" * 32})
        assert problem(answer, 422, "mask-gone")["detail"].startswith("color_mask")

    def test_a_linked_job_takes_the_strokes_at_a_larger_size(
        self, client: TestClient, services: Services, job_id: str
    ) -> None:
        answer = client.post(f"/api/v1/jobs/{job_id}/enlarge", json={"factor": 4})
        assert answer.status_code == 202
        body = answer.json()
        assert body["recolor_of"] == job_id
        size = {"output_size": 4 * 320, "resample": "network"}
        assert body["request"] == client.get(f"/api/v1/jobs/{job_id}").json()["request"] | size
        assert services.records.get(body["id"]).planned_work == 0
        plain = client.post(f"/api/v1/jobs/{job_id}/enlarge", json={"resample": "lanczos"}).json()["request"]
        assert (plain["output_size"], plain["resample"]) == (640, "lanczos")

    def test_what_cannot_be_enlarged_is_a_problem(
        self, client: TestClient, photo_id: str, services: Services, job_id: str
    ) -> None:
        path = f"/api/v1/jobs/{job_id}/enlarge"
        assert "factor" in problem(client.post(path, json={"factor": 3}), 422, "request-invalid")["detail"]
        job = services.records.get(job_id)
        services.records.note(job, {"artwork_width": 3072})
        assert "24576" in problem(client.post(path, json={"factor": 8}), 422, "too-large-to-print")["detail"]
        services.storage.delete(keys.artwork_key(job_id, job.fence))
        problem(client.post(path, json={}), 409, "canvas-missing")
        waiting = client.post("/api/v1/jobs", json=wish(photo_id)).json()["id"]
        problem(client.post(f"/api/v1/jobs/{waiting}/enlarge", json={}), 404, "artwork-not-found")

    def test_a_stopped_one_of_a_few_pixels_is_enlarged_to_the_least_size(
        self, client: TestClient, services: Services, job_id: str
    ) -> None:
        services.records.note(services.records.get(job_id), {"artwork_width": 64, "artwork_height": 48})
        body = client.post(f"/api/v1/jobs/{job_id}/enlarge", json={}).json()
        assert body["request"]["output_size"] == 256

    def test_a_painting_may_start_from_an_artwork_that_is_there(
        self, client: TestClient, photo_id: str, job_id: str
    ) -> None:
        waiting = client.post("/api/v1/jobs", json=wish(photo_id)).json()["id"]
        for start, status in ((job_id, 202), (waiting, 422), ("0" * 32, 422)):
            answer = client.post("/api/v1/jobs", json=wish(photo_id, start="artwork", start_job=start))
            assert answer.status_code == status
            if status == 422:
                assert problem(answer, 422, "start-gone")["detail"].startswith("start_job")
        assert client.delete(f"/api/v1/jobs/{job_id}").status_code == 204
        answer = client.post("/api/v1/jobs", json=wish(photo_id, start="artwork", start_job=job_id))
        problem(answer, 422, "start-gone")
