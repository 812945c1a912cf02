"""How often a request asks Redis and waits for the answer, by what a real Redis counts itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
import redis
from starlette.testclient import TestClient

from app.jobs.models import Job, Progress
from app.jobs.records.records import JobRecords
from app.main import create_app
from app.settings import Settings
from tests.app import pictures

Count = Callable[[Callable[[], object]], int]
LEASE_S = 1000.0


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A front end whose limits are those of everyday."""
    usual = {name: Settings.model_fields[name].default for name in ("read_rate", "write_rate", "client_jobs")}
    with TestClient(create_app(settings.model_copy(update=usual))) as client:
        client.headers["Origin"] = "http://testserver"
        yield client


@pytest.fixture
def trips(connection: redis.Redis) -> Count:
    """Counts the reads of Redis's sockets, which is one for whatever was sent together: a command, or a pipeline."""

    def read() -> int:
        return int(connection.info("stats")["total_reads_processed"])

    def count(request: Callable[[], object]) -> int:
        request()  # Connections and scripts are there from now on.
        before = read()
        request()
        return read() - before - 1

    return count


@pytest.fixture
def job(client: TestClient) -> Job:
    """One that is being painted."""
    photo = client.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())}).json()["id"]
    job_id = client.post("/api/v1/jobs", json={"photo": photo, "styles": [{"id": "dusk"}]}).json()["id"]
    records: JobRecords = client.app.state.services.records  # type: ignore[attr-defined]
    records.workers.measured("compact", 0.1)
    claimed = records.claim(job_id, LEASE_S, "here:1", lambda _: True)
    assert claimed
    done = Progress(stage=0, stages=5, scale=128, iteration=9, iterations=110, fraction=0.1)
    return records.heartbeat(claimed, LEASE_S, {"progress": done, "preview": 1})


def test_the_counter_sees_one_for_a_command_and_one_for_a_pipeline(trips: Count, connection: redis.Redis) -> None:
    with connection.pipeline() as pipeline:
        assert trips(lambda: [pipeline.ping(), pipeline.ping(), pipeline.execute()]) == 1
    assert trips(lambda: [connection.ping(), connection.ping()]) == 2


def test_a_poll_of_a_running_job_costs_one_round_trip(client: TestClient, job: Job, trips: Count) -> None:
    address = f"/api/v1/jobs/{job.id}"
    answer = client.get(address)
    assert (answer.status_code, answer.json()["status"], answer.json()["preview"]) == (200, "running", 1)
    assert answer.json()["eta_seconds"]
    assert trips(lambda: client.get(address)) == 1
    unchanged = {"If-None-Match": answer.headers["etag"]}
    assert client.get(address, headers=unchanged).status_code == 304
    assert trips(lambda: client.get(address, headers=unchanged)) == 1
    news = {"If-None-Match": '"1"'}
    assert client.get(address, headers=news).status_code == 200
    assert trips(lambda: client.get(address, headers=news)) == 1


def test_what_needs_nothing_of_redis_does_not_ask_it(client: TestClient, trips: Count) -> None:
    for address in ("/healthz", "/static/0/css/base.css", "/styles/dusk/swatch.webp", "/docs"):
        assert client.get(address).status_code == 200
        assert trips(partial(client.get, address)) == 0


def test_a_further_try_costs_one_round_trip_for_all_jobs_of_a_series(
    client: TestClient, trips: Count, connection: redis.Redis
) -> None:
    """However many of its jobs were tried again, and how often: fifty, stopped and tried again all the time by one
    client, would keep all who poll waiting.
    """
    photos = [
        client.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())}).json()["id"] for _ in range(3)
    ]
    made = client.post("/api/v1/series", json={"photos": photos, "styles": [{"id": "dusk"}]}).json()
    address = f"/api/v1/series/{made['id']}"
    usual = trips(lambda: client.get(address))
    for tries in range(1, 4):
        for job in client.get(address).json()["jobs"]:
            client.post(f"/api/v1/jobs/{job['id']}/cancel")
            assert client.post(f"/api/v1/jobs/{job['id']}/retry").status_code == 202
        assert trips(lambda: client.get(address)) == usual + tries
