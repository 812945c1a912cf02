"""Writes from other sites are refused, and those of our own pages are not, whatever a browser tells."""

from __future__ import annotations

import re

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from app.web.origin import refused_origin
from tests.app import pictures

HOST = {"host": "atelier.example:8000"}
OURS = "http://atelier.example:8000"


@pytest.mark.parametrize(
    ("headers", "form", "script"),
    [
        ({"sec-fetch-site": "cross-site"}, "cross-site", "cross-site"),
        ({"sec-fetch-site": "same-site"}, "cross-site", "cross-site"),
        ({"sec-fetch-site": "same-origin"}, None, None),
        ({"sec-fetch-site": "none"}, None, None),
        # What a browser says of the site goes before what it says of the origin.
        ({"sec-fetch-site": "same-origin", "origin": "null"}, None, None),
        ({"sec-fetch-site": "cross-site", "origin": OURS}, "cross-site", "cross-site"),
        ({"origin": OURS}, None, None),
        ({"origin": "https://atelier.example:8000"}, None, None),  # a proxy speaks https for us
        ({"origin": "https://elsewhere.example"}, "host-differs", "host-differs"),
        ({"origin": "http://atelier.example:5000"}, "host-differs", "host-differs"),
        ({"origin": "http://atelier.example"}, "host-differs", "host-differs"),
        ({"origin": "http://sub.atelier.example:8000"}, "host-differs", "host-differs"),
        ({"origin": "http://["}, "host-differs", "host-differs"),
        ({"origin": "http://atelier.example:x"}, "host-differs", "host-differs"),
        ({"origin": ""}, "host-differs", "host-differs"),
        ({"origin": "http://Atelier.example:8000"}, None, None),
        ({"origin": "http://nas", "host": "nas:80"}, None, None),
        ({"origin": "https://nas", "host": "nas:443"}, None, None),
        ({"origin": "https://nas", "host": "nas"}, None, None),
        ({"origin": "http://[fd00::2]:8000", "host": "[fd00::2]:8000"}, None, None),
        ({"origin": "http://", "host": ""}, "host-differs", "host-differs"),
        # These say nothing: the form's token decides, and only programs have none and no origin.
        ({"origin": "null"}, "origin-unknown", "cross-site"),
        ({}, "origin-unknown", None),
    ],
)
def test_what_counts_as_another_site(headers: dict[str, str], form: str | None, script: str | None) -> None:
    for path, refused in (("/jobs", form), ("/api/v1/photos", script)):
        raw = [(name.encode(), text.encode()) for name, text in (HOST | headers).items()]
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": raw}
        kind = refused_origin(Request(scope))
        assert (kind.code if kind else None) == refused, path


@pytest.fixture
def quiet(client: TestClient) -> TestClient:
    """A browser that never says where a request comes from."""
    del client.headers["Origin"]
    return client


def action(page: str, path: str) -> str:
    """The address that the page's form or button for `path` is sent to."""
    found = re.search(rf'action="({re.escape(path)}[^"]*)"', page)
    assert found, page
    return found[1]


def test_browser_that_says_nothing_needs_the_token_of_a_page_of_ours(quiet: TestClient, photo_id: str) -> None:
    form = {"photo_id": photo_id, "style": "dusk"}
    assert quiet.post("/jobs", data=form).status_code == 403
    quiet.cookies.clear()
    page = quiet.get("/")
    assert "httponly" in page.headers["set-cookie"].lower()
    assert "samesite=strict" in page.headers["set-cookie"].lower()
    started = quiet.post(action(page.text, "/jobs"), data=form)
    assert started.status_code == 303
    easel = quiet.get(started.headers["location"])
    assert "set-cookie" not in easel.headers
    assert quiet.post(action(easel.text, f"{started.headers['location']}/cancel")).status_code == 303


@pytest.mark.parametrize("origin", [{}, {"Origin": "null"}])
def test_second_tab_has_the_token_of_the_first(quiet: TestClient, photo_id: str, origin: dict[str, str]) -> None:
    pages = [quiet.get("/").text, quiet.get("/artworks").text, quiet.get("/").text]
    for page in (pages[0], pages[2]):
        form = {"photo_id": photo_id, "style": "dusk"}
        assert quiet.post(action(page, "/jobs"), data=form, headers=origin).status_code == 303


@pytest.mark.parametrize(
    ("kept", "leads_to"),
    [
        ("/jobs?token=1", "/"),
        ("/photos/sample?token=1", "/"),
        ("/paintings/remove?token=1", "/"),
        (f"/jobs/{'0' * 32}/share?token=1", f"/jobs/{'0' * 32}"),
        (f"/series/{'0' * 32}/delete?token=1", f"/series/{'0' * 32}"),
    ],
)
def test_kept_address_of_a_form_leads_to_its_page(client: TestClient, kept: str, leads_to: str) -> None:
    answer = client.get(kept)
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


def test_token_is_worth_nothing_without_its_cookie(quiet: TestClient, photo_id: str) -> None:
    form = {"photo_id": photo_id, "style": "dusk"}
    theirs = action(quiet.get("/").text, "/jobs")  # Another site can get a token for itself, and no cookie to us.
    quiet.cookies.clear()
    assert quiet.post(theirs, data=form).status_code == 403
    quiet.get("/")
    assert quiet.post(theirs, data=form).status_code == 403


def test_token_is_worth_nothing_from_another_address(settings: Settings, photo_id: str) -> None:
    """Another port's server can set our cookie in a browser: with one for which it has asked for the token itself."""
    app, form = create_app(settings), {"photo_id": photo_id, "style": "dusk"}
    with TestClient(app, client=("203.0.113.7", 1), follow_redirects=False) as theirs:
        token = action(theirs.get("/").text, "/jobs")
        assert theirs.post(token, data=form, headers={"Origin": "null"}).status_code == 303
        victim = TestClient(app, client=("203.0.113.8", 1), cookies=theirs.cookies)
        assert victim.post(token, data=form, headers={"Origin": "null"}).status_code == 403


def test_token_does_not_help_a_page_of_another_site(client: TestClient, photo_id: str) -> None:
    ours = action(client.get("/").text, "/jobs")
    form = {"photo_id": photo_id, "style": "dusk"}
    assert client.post(ours, data=form, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert client.post(ours, data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_browser_that_says_where_from_gets_no_cookie_and_no_token(client: TestClient) -> None:
    page = client.get("/", headers={"Sec-Fetch-Site": "none"})
    assert action(page.text, "/jobs") == "/jobs"
    assert "set-cookie" not in page.headers


def test_program_needs_no_token(quiet: TestClient) -> None:
    assert quiet.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())}).status_code == 201


@pytest.mark.parametrize(
    "address", ["/jobs", "/api/v1/jobs", "/api/v1/photos", "/photos/sample", f"/jobs/{'0' * 32}/cancel"]
)
def test_writes_from_another_site_are_refused(client: TestClient, address: str) -> None:
    answer = client.post(address, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "another site" in answer.text


def test_reading_from_another_site_is_a_plain_link(client: TestClient) -> None:
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
