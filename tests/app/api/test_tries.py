"""A photo's tries over the API, with a real Redis and without a worker."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.jobs.queue import QUEUE, TRIES_QUEUE
from app.jobs.records import redis_keys
from app.jobs.storage import keys
from app.jobs.tries import MOST_KEPT, Try
from app.main import create_app
from app.orders.tries import MOST_JOBS_BEFORE
from app.services import Services
from app.settings import Settings
from tests.app import pictures


@pytest.fixture(autouse=True)
def a_worker(services: Services) -> None:
    services.records.workers.saw("tests", 64_000_000_000)


@pytest.fixture
def address(photo_id: str) -> str:
    return f"/api/v1/photos/{photo_id}/tries"


def painted(services: Services, photo_id: str, each: Try) -> None:
    """What a worker does with a try."""
    services.storage.put(keys.try_key(photo_id, each.name), pictures.encoded(pictures.quarters(), "WEBP"))
    services.records.tries.take(photo_id)
    services.records.tries.over(photo_id, each.name)


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.json()["detail"].endswith(".")
    return answer.status_code, answer.json()["code"]


def metric(client: TestClient, name: str) -> int:
    (value,) = [line.split()[1] for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return int(value)


def test_tries_are_wanted_and_told_to_a_worker(
    client: TestClient, services: Services, photo_id: str, address: str
) -> None:
    answer = client.post(address, json={"styles": ["dusk", "checks"]})
    assert answer.status_code == 202
    assert answer.json() == {"status": "running", "left": 2, "suits": [], "tries": []}
    assert services.records.redis.llen(TRIES_QUEUE) == 1
    assert services.records.redis.llen(QUEUE) == 0, "no job waits for them"
    assert services.records.tries.take(photo_id) == "dusk-1-1"
    assert metric(client, "atelier_tries_asked_total") == 2
    assert metric(client, "atelier_tries_waiting") == 1


def test_what_is_there_is_told_and_shown_and_not_painted_again(
    client: TestClient, services: Services, photo_id: str, address: str
) -> None:
    client.post(address, json={"styles": ["dusk"], "strengths": [0.5, 1]})
    painted(services, photo_id, Try("dusk", 0.5))
    services.storage.put(keys.suits_key(photo_id), json.dumps(["dusk", "gone", "checks"]).encode())
    told = client.get(address)
    assert told.headers["Retry-After"] == "1"
    assert told.json()["suits"] == ["dusk", "checks"], "what hangs here no more suits nobody"
    (there,) = told.json()["tries"]
    assert (there["style"], there["strength"], there["brush"]) == ("dusk", 0.5, 1)
    picture = client.get(there["picture"])
    assert picture.headers["Cache-Control"].startswith("private")
    assert Image.open(io.BytesIO(picture.content)).format == "WEBP"
    again = client.post(address, json={"styles": ["dusk"], "strengths": [0.5]}).json()
    assert (again["status"], again["left"]) == ("finished", 0)


def test_a_poll_without_news_is_short_and_ends_with_the_last_try(
    client: TestClient, services: Services, photo_id: str, address: str
) -> None:
    client.post(address, json={"styles": ["dusk"]})
    etag = client.get(address).headers["ETag"]
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
    painted(services, photo_id, Try("dusk"))
    ended = client.get(address, headers={"If-None-Match": etag})
    assert ended.status_code == 200
    assert ended.json()["status"] == "finished"
    assert "Retry-After" not in ended.headers


def test_a_poll_sends_the_word_that_a_worker_has_lost(client: TestClient, services: Services, address: str) -> None:
    client.post(address, json={"styles": ["dusk"]})
    services.records.redis.delete(TRIES_QUEUE)
    for _ in range(2):
        assert client.get(address).json()["status"] == "running"
        assert services.records.redis.llen(TRIES_QUEUE) == 1


def test_who_goes_on_wants_no_more(client: TestClient, services: Services, photo_id: str, address: str) -> None:
    client.post(address, json={"styles": ["dusk", "checks"]})
    painted(services, photo_id, Try("dusk"))
    assert client.delete(address).status_code == 204
    told = client.get(address).json()
    assert told["left"] == 0
    assert len(told["tries"]) == 1, "what is there stays"
    assert client.delete(address).status_code == 204


def test_tries_go_with_their_photo_and_count_as_its_owners(
    client: TestClient, services: Services, photo_id: str, address: str
) -> None:
    client.post(address, json={"styles": ["dusk", "checks"]})
    painted(services, photo_id, Try("dusk"))
    before = services.records.tally.usage("").all
    services.records.tally.recount()
    size = len(services.storage.get(keys.try_key(photo_id, "dusk-1-1")))
    assert services.records.tally.usage("").all == before + size
    assert client.delete(f"/api/v1/photos/{photo_id}").status_code == 204
    assert services.storage.list(keys.photo_prefix(photo_id)) == []
    assert services.records.tally.usage("").all == 0
    for answer in (client.get(address), client.post(address, json={"styles": ["dusk"]}), client.delete(address)):
        assert refusal(answer) == (404, "photo-not-found")
    assert refusal(client.get(f"{address}/dusk-1-1.webp")) == (404, "try-not-found")


@pytest.mark.parametrize("name", ["dusk-1-1", "suits.json", "..%2Fphoto", "x" * 300])
def test_what_is_no_try_has_no_picture(client: TestClient, address: str, name: str) -> None:
    assert client.get(f"{address}/{name}.webp").status_code == 404


def test_bad_wishes_are_refused_in_sentences(client: TestClient, services: Services, address: str) -> None:
    many = {"styles": [f"s{index}" for index in range(30)], "strengths": [1, 2, 3], "brushes": [1, 2, 3]}
    assert refusal(client.post(address, json={"styles": ["nowhere"]})) == (422, "style-unknown")
    assert refusal(client.post(address, json={"styles": [f"own_{'0' * 32}"]})) == (422, "painting-gone")
    assert refusal(client.post(address, json=many)) == (422, "tries-too-many")
    assert refusal(client.post(address, json={"styles": []})) == (422, "request-invalid")
    assert metric(client, "atelier_tries_refused_total") == 3
    assert services.records.redis.llen(TRIES_QUEUE) == 0


def test_nobody_fills_a_photo_with_tries(client: TestClient, services: Services, photo_id: str, address: str) -> None:
    each = [Try("dusk", strength / 100, brush / 100) for strength in range(100, 130) for brush in range(100, 120)]
    for one in each[: MOST_KEPT - 1]:
        services.storage.put(keys.try_key(photo_id, one.name), b"a")
    assert len(client.get(address).json()["tries"]) == MOST_KEPT - 1
    answer = client.post(address, json={"styles": ["dusk", "checks"], "strengths": [9]})
    assert refusal(answer) == (422, "tries-enough")
    assert client.post(address, json={"styles": ["dusk"], "strengths": [1], "brushes": [3]}).status_code == 202


def test_jobs_that_wait_and_a_missing_worker_pause_tries(client: TestClient, services: Services, address: str) -> None:
    services.records.redis.zadd(redis_keys.QUEUED, {f"{each:032x}": each for each in range(MOST_JOBS_BEFORE + 1)})
    answer = client.post(address, json={"styles": ["dusk"]})
    assert refusal(answer) == (503, "tries-paused")
    assert answer.headers["Retry-After"] == "60"
    services.records.redis.delete(redis_keys.QUEUED)
    services.records.workers.left("tests")
    assert refusal(client.post(address, json={"styles": ["dusk"]})) == (503, "tries-paused")


def test_a_full_quota_keeps_no_tries(settings: Settings) -> None:
    small = settings.model_copy(update={"quota_mb": 1})
    with TestClient(create_app(small)) as client:
        client.headers["Origin"] = "http://testserver"
        photo = client.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())}).json()["id"]
        services: Services = client.app.state.services  # type: ignore[attr-defined]
        services.records.workers.saw("tests", 64_000_000_000)
        services.records.redis.hset(redis_keys.USED, "all", 2_000_000)
        assert client.post(f"/api/v1/photos/{photo}/tries", json={"styles": ["dusk"]}).status_code == 507


def test_an_owner_may_switch_tries_off(settings: Settings) -> None:
    with TestClient(create_app(settings.model_copy(update={"try_on": False}))) as client:
        client.headers["Origin"] = "http://testserver"
        photo = client.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())}).json()["id"]
        assert refusal(client.post(f"/api/v1/photos/{photo}/tries", json={"styles": ["dusk"]})) == (403, "tries-off")
        assert "data-tries" not in client.get("/").text
