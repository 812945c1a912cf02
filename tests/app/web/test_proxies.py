"""What proxies in front say, whom it is believed of, and what is said to whoever runs one that says too little."""

from __future__ import annotations

import re

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from app.web.proxies import forwarded_name
from tests.app import pictures
from tests.app.api.test_jobs import finish
from tests.app.conftest import Paint

LINE = "proxy_set_header Host $http_host;"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"host": "a.example"}, "a.example"),
        ({"host": "127.0.0.1:8000", "x-forwarded-host": "a.example:8080"}, "a.example:8080"),
        ({"host": "127.0.0.1:8000", "x-forwarded-host": "claimed.example, a.example"}, "a.example"),
        ({"host": "a.example", "x-forwarded-port": "8080"}, "a.example:8080"),
        ({"host": "a.example", "x-forwarded-port": "443"}, "a.example"),
        ({"host": "a.example:8080", "x-forwarded-port": "80"}, "a.example:8080"),
        ({"host": "[::1]", "x-forwarded-port": "8080"}, "[::1]:8080"),
        ({"host": "[::1]:8080", "x-forwarded-port": "9090"}, "[::1]:8080"),
        ({"x-forwarded-port": "8080"}, ""),
        ({}, ""),
    ],
)
def test_name_that_the_visitor_asked_for(said: dict[str, str], name: str) -> None:
    assert forwarded_name(Headers(said)) == name


def test_listed_proxy_is_believed_what_it_was_asked_by(settings: Settings) -> None:
    listed = settings.model_copy(update={"trusted_proxies": "127.0.0.1"})
    form = {"Origin": "http://192.168.1.5:8080"}
    forwarded = [
        ({"Host": "127.0.0.1:8000", "X-Forwarded-Host": "192.168.1.5:8080"}, True),
        ({"Host": "192.168.1.5", "X-Forwarded-Port": "8080"}, True),
        ({"Host": "127.0.0.1:8000", "X-Forwarded-Host": "evil.example"}, False),
    ]
    for proxy, address in (("127.0.0.1", True), ("127.0.0.2", False)):
        app = create_app(listed)
        with TestClient(app, client=(proxy, 1), raise_server_exceptions=False) as client:
            for headers, fits in forwarded:
                answer = client.post("/jobs", data={}, headers=form | headers)
                assert (answer.status_code != 403) is (address and fits), (proxy, headers)


@pytest.mark.parametrize("host", ["192.168.1.5", "127.0.0.1:8000", "backend", ""])
@pytest.mark.parametrize("path", ["/jobs", "/api/v1/photos"])
def test_name_that_a_proxy_changed_is_refused_with_the_line_that_mends_it(
    client: TestClient, host: str, path: str
) -> None:
    headers = {"Origin": "http://192.168.1.5:8080", "Host": host}
    answer = client.post(path, data={}, headers=headers)
    assert answer.status_code == 403
    assert LINE in answer.text
    assert "192.168.1.5" not in answer.text


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site", "Origin": "http://e.example"}, {"Origin": "null"}]
)
def test_what_is_another_sites_for_sure_is_not_blamed_on_a_proxy(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/jobs", data={}, headers=headers)
    assert LINE not in answer.text


def test_shared_address_has_the_name_that_a_listed_proxy_was_asked_by(settings: Settings, paint: Paint) -> None:
    listed = settings.model_copy(update={"trusted_proxies": "127.0.0.1"})
    said = {"X-Forwarded-Host": "a.example:8443", "X-Forwarded-Proto": "https"}
    with TestClient(create_app(listed), client=("127.0.0.1", 1), follow_redirects=False) as client:
        job_id = paint()
        finish(client.app.state.services, job_id, pictures.encoded(pictures.quarters()))  # type: ignore[attr-defined]
        client.post(f"/api/v1/jobs/{job_id}/share")
        page = client.get(f"/jobs/{job_id}", headers=said).text
    assert re.search(r'value="https://a\.example:8443/s/[0-9a-f]{32}"', page)
