"""Addresses as people, browsers and robots write them: asked for by HEAD, with a slash too many, at the site's root."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.services import Services
from tests.app import pictures
from tests.app.api.test_jobs import finish
from tests.app.conftest import Paint

PAPER, INK = (0xF5, 0xEF, 0xE4), (0x23, 0x1F, 0x1A)  # of static/pictures/icon.svg


@pytest.fixture
def artwork(services: Services, paint: Paint) -> str:
    """The id of a finished job."""
    job_id = paint()
    finish(services, job_id, pictures.encoded(pictures.quarters(512, 384)))
    return job_id


def test_head_answers_as_get_does_but_for_the_body(client: TestClient, artwork: str, photo_id: str) -> None:
    addresses = [
        "/", "/artworks", "/docs", "/openapi.json", "/healthz", "/readyz", "/nothing", "/favicon.ico", "/robots.txt",
        "/manifest.webmanifest", "/service-worker.js", "/offline",
        "/apple-touch-icon.png", "/api/v1/styles", "/api/v1/paintings", "/styles/starry_night/swatch.avif",
        f"/photos/{photo_id}/thumb.webp", f"/jobs/{artwork}", f"/api/v1/jobs/{artwork}", "/api/v1/jobs/nothing",
        *(f"/api/v1/jobs/{artwork}/artwork.{extension}" for extension in ("png", "jpg", "webp", "tif")),
    ]  # fmt: skip
    browser = {"Sec-Fetch-Site": "none"}  # which gets no token, so that a page is twice the same
    for address in addresses:
        head, get = client.head(address, headers=browser), client.get(address, headers=browser)
        assert head.status_code == get.status_code, address
        assert head.content == b"", address
        assert get.content, address
        assert head.headers == get.headers, address


def test_head_of_what_is_only_written_to_is_refused_as_get_is(client: TestClient) -> None:
    assert client.head("/api/v1/photos").status_code == client.get("/api/v1/photos").status_code == 405


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("/artworks/", "/artworks"),
        ("/docs/", "/docs"),
        ("/docs///", "/docs"),
        ("/api/v1/styles/", "/api/v1/styles"),
        ("/artworks/?a=1&b=%2F", "/artworks?a=1&b=%2F"),
        ("/jobs/not%20one%3F/", "/jobs/not%20one%3F"),
        ("/jobs/%5C%5Cevil.example/", "/jobs/%5C%5Cevil.example"),
        ("/jobs/a%0D%0ASet-Cookie:%20x/", "/jobs/a%0D%0ASet-Cookie%3A%20x"),
        ("/favicon.ico/", "/favicon.ico"),
    ],
)
def test_slash_too_many_leads_to_the_address_without_it(
    client: TestClient, method: str, address: str, right: str
) -> None:
    answer = client.request(method, address)
    assert answer.status_code == 308
    assert answer.headers["location"] == right
    assert answer.headers.get_list("set-cookie") == []


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example/", "///evil.example/", "/%5Cevil.example/", "/%2Fevil.example/", "//", "/nothing/", "//docs/",
        "/static/", "/jobs//evil.example/", "/%09/evil.example/", "/http://evil.example/",
    ],
)  # fmt: skip
def test_slash_too_many_never_leads_away(client: TestClient, address: str) -> None:
    answer = client.get(f"http://testserver{address}")
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_what_is_written_is_not_redirected(client: TestClient) -> None:
    answer = client.post("/jobs/", data={"style": "dusk"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_browsers_find_their_icons(client: TestClient) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/x-icon")
    with Image.open(io.BytesIO(answer.content)) as icon:
        assert icon.info["sizes"] == {(16, 16), (32, 32), (48, 48)}
    answer = client.get("/apple-touch-icon.png")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(answer.content)) as icon:
        assert icon.size == (180, 180)
        assert icon.mode == "RGB"  # what is transparent becomes black on a phone
        assert icon.getpixel((0, 0)) == PAPER
        assert INK in {color for _, color in icon.getcolors(1 << 16) or []}
    assert 'rel="apple-touch-icon"' in client.get("/").text


def test_robots_may_read_that_nothing_is_to_be_listed(client: TestClient) -> None:
    answer = client.get("/robots.txt")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    rules = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    assert rules == ["User-agent: *", "Disallow:"]
    assert "noindex" in client.get("/").headers["x-robots-tag"]
