"""The security log: refusals and deletions, by whom, without whole ids and addresses."""

from __future__ import annotations

import logging
import re

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.app import pictures
from tests.app.conftest import Paint

LINE = re.compile(r"(refused \d+ ?[\w-]*|deleted): (\w+) (\S+) by client ([0-9a-f]{8})")


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "atelier.security")
    return caplog


def lines(told: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    """What the log tells: what happened, method and address, as they are written."""
    told.handler.flush()
    written = [line for line in told.text.splitlines() if "atelier.security" in line or "by client" in line]
    found = [LINE.search(line) for line in written]
    assert all(found), written
    return [(each[1], each[2], each[3]) for each in found if each]


def test_refusals_are_told_with_their_reason(client: TestClient, told: pytest.LogCaptureFixture) -> None:
    client.post("/api/v1/jobs", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    client.post("/jobs", headers={"Sec-Fetch-Site": "cross-site"})
    client.post("/api/v1/jobs", json={})
    client.post("/api/v1/photos", files={"photo": ("a.jpg", b"no photo")})
    client.get(f"/api/v1/jobs/{'a' * 32}")
    client.get("/%0arefused%20/etc")
    client.get("/")
    assert lines(told) == [
        ("refused 403 cross-site", "POST", "/api/v1/jobs"),
        ("refused 403 cross-site", "POST", "/jobs"),
        ("refused 422 request-invalid", "POST", "/api/v1/jobs"),
        ("refused 415 photo-not-an-image", "POST", "/api/v1/photos"),
        ("refused 404 job-not-found", "GET", "/api/v1/jobs/aaaaaa…"),
        ("refused 404 not-found", "GET", "/%0Arefused%20/etc"),
    ]


def test_a_name_that_is_not_ours_and_a_limit_are_told(settings: Settings, told: pytest.LogCaptureFixture) -> None:
    changed = settings.model_copy(update={"hosts": "testserver", "write_rate": "1/hour"})
    with TestClient(create_app(changed)) as client:
        client.get("/", headers={"Host": "evil.example"})
        for _ in range(2):
            client.post("/api/v1/jobs", json={})
    assert [what for what, _, _ in lines(told)] == [
        "refused 421 host-unknown", "refused 422 request-invalid", "refused 429 too-many-requests",
    ]  # fmt: skip


def test_deletions_are_told_whoever_asks(
    client: TestClient, photo_id: str, paint: Paint, told: pytest.LogCaptureFixture
) -> None:
    job_id = paint()
    painting = client.post("/api/v1/paintings", files={"painting": ("a.jpg", pictures.landscape())}).json()["id"]
    assert client.delete(f"/api/v1/jobs/{job_id}").status_code == 204
    assert client.post(f"/jobs/{paint()}/delete").status_code == 303
    assert client.delete(f"/api/v1/paintings/{painting}").status_code == 204
    whats = lines(told)
    assert [what for what, _, _ in whats] == ["deleted"] * 3
    assert whats[0] == ("deleted", "DELETE", f"/api/v1/jobs/{job_id[:6]}…")
    assert [each for each in (job_id, photo_id, painting.removeprefix("own_")) if each in told.text] == []


def test_who_is_refused_all_the_time_does_not_fill_the_log(client: TestClient, told: pytest.LogCaptureFixture) -> None:
    for _ in range(70):
        client.get("/nothing")
    assert len(lines(told)) == 60
    client.delete(f"/api/v1/photos/{'0' * 32}")
    assert len(lines(told)) == 60


def test_a_client_keeps_its_name_and_has_no_address(settings: Settings, told: pytest.LogCaptureFixture) -> None:
    app, names = create_app(settings), []
    for address in ("203.0.113.7", "203.0.113.8", "203.0.113.7"):
        with TestClient(app, client=(address, 1)) as client:
            client.get("/nothing")
        found = LINE.search(told.text.splitlines()[-1])
        assert found
        names.append(found[4])
    assert names[0] == names[2] != names[1]
    assert "203.0.113" not in told.text
