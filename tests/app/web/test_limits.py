"""Limits on a real Redis: how much one address may ask for, and how many jobs may be under way."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.testclient import TestClient

from app.jobs.records import redis_keys
from app.main import create_app
from app.settings import Settings, SettingsError
from app.web.limits import CountsHere, address_of
from tests.app import pictures

Open = Callable[..., TestClient]


@pytest.fixture
def opened(settings: Settings) -> Iterator[Open]:
    """Opens a front end with other settings; `address` is where its requests come from."""
    with ExitStack() as stack:

        def open_with(address: str = "203.0.113.7", **changes: Any) -> TestClient:
            app = create_app(settings.model_copy(update=changes))
            client = TestClient(app, client=(address, 50000), raise_server_exceptions=False)
            client.headers["Origin"] = "http://testserver"
            return stack.enter_context(client)

        yield open_with


def upload(client: TestClient) -> str:
    return str(client.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())}).json()["id"])


def start(client: TestClient, photo_id: str, **headers: str) -> Any:
    body = {"photo": photo_id, "styles": [{"id": "dusk"}]}
    return client.post("/api/v1/jobs", json=body, headers=headers)


def refused(answer: Any, status: int, code: str) -> int:
    """The seconds that a refusal says to wait."""
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"].endswith(".")
    assert "content-security-policy" in answer.headers
    return int(answer.headers["retry-after"])


def test_writes_of_one_address_are_counted_by_all_front_ends_together(opened: Open) -> None:
    first, second = (opened(write_rate="3/day") for _ in range(2))
    answers = [client.post("/api/v1/jobs/x/cancel") for client in (first, second, first, second)]
    assert [answer.status_code for answer in answers[:3]] == [404] * 3
    assert 0 < refused(answers[3], 429, "too-many-requests") <= 86_400
    assert opened("198.51.100.1", write_rate="3/day").post("/api/v1/jobs/x/cancel").status_code == 404
    assert first.get("/").status_code == 200


def test_a_person_gets_the_refusal_as_a_page(opened: Open) -> None:
    client = opened(write_rate="1/day")
    answers = [client.post("/jobs/x/cancel") for _ in range(2)]
    assert answers[1].status_code == 429
    assert answers[1].headers["content-type"].startswith("text/html")
    assert "Too much at once" in answers[1].text


def test_reads_are_counted_but_not_pictures_of_the_gallery_or_probes(opened: Open) -> None:
    client = opened(read_rate="2/day")
    for path in ("/healthz", "/styles/dusk/swatch.webp", "/static/pictures/icon.svg"):
        assert [client.get(path).status_code for _ in range(4)].count(429) == 0
    assert [client.get("/").status_code for _ in range(3)] == [200, 200, 429]


def test_reads_above_a_quarter_are_counted_by_all_front_ends_together(opened: Open) -> None:
    first, second = (opened(read_rate="8/day") for _ in range(2))
    answers = [client.get("/artworks") for _ in range(10) for client in (first, second)]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200] * 10 + [429] * 10, "two for each front end, six for both"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 86_400


def test_reads_are_counted_as_the_library_counts_and_forgotten_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1e9
    monkeypatch.setattr("time.time", lambda: now)
    chance = random.Random(7)
    ours, theirs = CountsHere(), MemoryStorage()
    limit = parse("5/minute")
    for _ in range(3000):
        now += chance.expovariate(1 / 3)
        who = str(chance.randrange(4))
        with monkeypatch.context() as ours_alone:
            ours_alone.setattr(threading, "Timer", None)
            hit = SlidingWindowCounterRateLimiter(ours).hit(limit, who)
        assert hit == SlidingWindowCounterRateLimiter(theirs).hit(limit, who)
    for address in range(1000):
        SlidingWindowCounterRateLimiter(ours).hit(limit, f"once {address}")
    assert len(ours.storage) > 1000
    now += 121
    SlidingWindowCounterRateLimiter(ours).hit(limit, "later")
    assert len(ours.storage) == len(ours.expirations) == 1


def test_forwarded_addresses_are_believed_of_listed_proxies_only(opened: Open) -> None:
    def statuses(client: TestClient) -> list[int]:
        addresses = ("192.0.2.1", "192.0.2.2", "192.0.2.1")
        return [client.post("/jobs/x/cancel", headers={"X-Forwarded-For": each}).status_code for each in addresses]

    assert statuses(opened(write_rate="1/day")) == [404, 429, 429]
    assert statuses(opened(write_rate="1/day", trusted_proxies="203.0.113.0/24")) == [404, 404, 429]


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "local"),
    ],
)
def test_what_counts_as_one_client(host: str, counted: str) -> None:
    assert address_of({"client": (host, 1)}) == counted


def test_one_client_has_so_many_jobs_under_way_and_others_are_not_in_its_way(opened: Open) -> None:
    client, other = opened(client_jobs=2), opened("198.51.100.1", client_jobs=2)
    photo_id = upload(client)
    jobs = [start(client, photo_id).json()["id"] for _ in range(2)]
    assert refused(start(client, photo_id), 429, "client-busy") > 0
    assert start(other, photo_id).status_code == 202
    client.post(f"/api/v1/jobs/{jobs[0]}/cancel")
    assert start(client, photo_id).status_code == 202
    assert start(client, photo_id).status_code == 429


def test_a_full_queue_refuses_and_leaves_nothing(opened: Open, settings: Settings) -> None:
    client = opened(queue_limit=2)
    photo_id = upload(client)
    key = {"Idempotency-Key": "a"}
    assert [start(client, photo_id, **key).status_code, start(client, photo_id).status_code] == [202, 202]
    assert refused(start(client, photo_id), 503, "queue-full") > 0
    assert start(client, photo_id, **key).status_code == 202, "it was accepted before"
    manifests = list((settings.data / "jobs").glob("*/job.json"))
    assert len(manifests) == 2
    page = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk"})
    assert page.status_code == 503
    assert "Too many paintings are waiting" in page.text


@pytest.mark.parametrize("room", [0, 1])
def test_one_key_sent_many_times_at_a_limit_is_one_answer(opened: Open, settings: Settings, room: int) -> None:
    client = opened(queue_limit=2 + room)
    photo_id = upload(client)
    for _ in range(2):
        start(client, photo_id)

    def send(_: int) -> tuple[int, str]:
        answer = start(client, photo_id, **{"Idempotency-Key": "a"})
        return answer.status_code, answer.json()["id" if answer.status_code == 202 else "code"]

    with ThreadPoolExecutor(12) as pool:
        told = set(pool.map(send, range(120)))
    assert len(told) == 1
    assert {status for status, _ in told} == {202 if room else 503}
    assert room or {code for _, code in told} == {"queue-full"}
    assert len(list((settings.data / "jobs").glob("*/job.json"))) == 2 + room
    assert client.app.state.redis.zcard(redis_keys.QUEUED) == 2 + room  # type: ignore[attr-defined]


def test_trying_again_has_the_limits_of_what_is_new(opened: Open) -> None:
    client = opened(client_jobs=1)
    photo_id = upload(client)
    stopped = start(client, photo_id).json()["id"]
    client.post(f"/api/v1/jobs/{stopped}/cancel")
    other = start(client, photo_id).json()["id"]

    def retry(_: int) -> tuple[int, str]:
        answer = client.post(f"/api/v1/jobs/{stopped}/retry")
        return answer.status_code, answer.json()["id" if answer.status_code == 202 else "code"]

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(retry, range(24))) == {(429, "client-busy")}
        client.post(f"/api/v1/jobs/{other}/cancel")
        assert {status for status, _ in pool.map(retry, range(24))} == {202}
    assert client.app.state.redis.zcard(redis_keys.QUEUED) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("folder", ["photos", "jobs"])
def test_a_disk_that_fails_otherwise_is_not_called_full(opened: Open, settings: Settings, folder: str) -> None:
    client = opened()
    photo_id = upload(client) if folder == "jobs" else ""
    (settings.data / folder).write_text("no folder")
    photo = {"photo": ("a.jpg", pictures.landscape())}
    answer = start(client, photo_id) if photo_id else client.post("/api/v1/photos", files=photo)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert client.app.state.redis.zcard(redis_keys.QUEUED) == 0  # type: ignore[attr-defined]


def test_no_record_holds_an_address(opened: Open) -> None:
    client = opened()
    job = start(client, upload(client)).json()
    record = client.app.state.redis.hgetall(redis_keys.record(job["id"]))  # type: ignore[attr-defined]
    assert record[b"client"]
    assert b"203.0.113" not in b"".join(record.values())


def test_a_rate_that_cannot_be_read_is_reported_at_start(settings: Settings) -> None:
    with (
        pytest.raises(SettingsError, match="ATELIER_WRITE_RATE"),
        TestClient(create_app(settings.model_copy(update={"write_rate": "many"}))) as client,
    ):
        client.get("/")
