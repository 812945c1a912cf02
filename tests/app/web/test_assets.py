"""What browsers keep and what travels compressed: static files, pictures, pages."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from tests.app import pictures
from tests.app.api.test_jobs import finish
from tests.app.conftest import Paint

CSS = Path("static/css")
FOR_ALL = "public, max-age=31536000, immutable"
KEEPSAKES = ("/timelapse.webp", "/postcard.jpg", "/postcard.png", "/beside-photo.jpg")  # made of the artwork
BRIEFLY, EACH_TIME = "private, max-age=300", "private, no-cache"
ADDRESS = (
    r'(?:src|srcset|href|data-sample)="([^"]+\.(?:webp|avif|jpg|png|svg|css|js|zip)(?:\?[^"]*)?|[^"]+/preview\?v=\d+)"'
)


def addresses(page: str) -> set[str]:
    """All files that a page names, but for downloads."""
    return {html.unescape(each) for each in re.findall(ADDRESS, page)}


@pytest.fixture
def sheet(client: TestClient) -> str:
    """The address of the style sheets that all pages share."""
    return re.search(r"/static/\w+/css/[a-z+]+\.css", client.get("/docs").text)[0]  # type: ignore[index]


def test_every_file_that_a_page_names_is_kept_for_good_unless_it_may_be_deleted(
    client: TestClient, paint: Paint
) -> None:
    records: JobRecords = client.app.state.services.records  # type: ignore[attr-defined]
    client.post("/api/v1/paintings", files={"painting": ("a.jpg", pictures.landscape())})
    finished, running = paint(), paint()
    finish(client.app.state.services, finished, pictures.encoded(pictures.quarters(512, 384)))  # type: ignore[attr-defined]
    claimed = records.claim(running, 1000, "here:1", lambda _: True)
    assert claimed
    records.storage.put(keys.preview_key(running, claimed.fence, 1), pictures.encoded(pictures.quarters(), "WEBP"))
    records.heartbeat(claimed, 1000, {"preview": 1, "preview_fence": claimed.fence})
    photo = claimed.request.photo
    pages = ["/", f"/?photo={photo}", "/artworks", f"/jobs/{finished}", f"/jobs/{running}", "/docs"]
    named = set().union(*(addresses(client.get(page).text) for page in pages))
    assert {each.partition("/")[2].partition("/")[0] for each in named} == {
        "static",
        "styles",
        "photos",
        "paintings",
        "api",
    }
    for address in named:
        answer = client.get(address)
        assert answer.status_code == 200, address
        shared, is_artwork = (
            address.startswith(("/static/", "/styles/")),
            "/artwork." in address or address.endswith(KEEPSAKES),
        )
        kept = FOR_ALL if shared else EACH_TIME if is_artwork else BRIEFLY
        assert answer.headers["cache-control"] == kept, address


def test_what_says_nothing_else_is_not_kept(client: TestClient, photo_id: str) -> None:
    """Among it what tells that something is not there: it may be tomorrow."""
    for address in ("/nothing", "/api/v1/jobs/nothing", f"/jobs/{'0' * 32}", "/docs", "/openapi.json", "/healthz"):
        assert client.get(address).headers["cache-control"] == "private, no-store", address
    kept = client.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())})
    assert (kept.status_code, kept.headers["cache-control"]) == (201, "private, no-store")


@pytest.mark.parametrize("query", ["", "?v=", "?v=000000000000"])
def test_picture_by_another_address_is_asked_for_anew(client: TestClient, query: str) -> None:
    card = client.app.state.services.gallery.by_id["starry_night"]  # type: ignore[attr-defined]
    for address in (card.swatch_url, card.example_url, card.small_url):
        assert client.get(address).headers["cache-control"] == FOR_ALL
        plain = client.get(address.partition("?")[0] + query)
        assert (plain.status_code, plain.headers["cache-control"]) == (200, "no-cache")


def test_static_files_are_kept_for_good_under_their_hash_only(client: TestClient, sheet: str) -> None:
    assert client.get(sheet).headers["cache-control"] == FOR_ALL
    old = re.sub(r"/static/\w+/", "/static/000000000000/", sheet)
    assert client.get(old).headers["cache-control"] == "no-cache"
    assert client.get("/static/css/base.css").status_code == 404


def test_several_style_sheets_come_in_one(client: TestClient, sheet: str) -> None:
    folder, _, names = sheet.rpartition("/")
    answer = client.get(sheet)
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.content == b"".join((CSS / f"{name}.css").read_bytes() for name in names[:-4].split("+"))
    for other in ("base+base", "base+nothing", "base+", "base+..%2f..%2fREADME", "base+../js/home"):
        assert client.get(f"{folder}/{other}.css").status_code == 404
    assert client.post(sheet).status_code == 405


def test_texts_travel_compressed_and_pictures_as_they_are(client: TestClient, sheet: str) -> None:
    for address in ("/", sheet, "/openapi.json"):
        client.cookies.clear()
        answer = client.get(address)
        assert answer.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in answer.headers["vary"].lower()
        client.cookies.clear()
        plain = client.get(address, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
    card = client.app.state.services.gallery.by_id["starry_night"]  # type: ignore[attr-defined]
    for address in (card.swatch_url, card.small_url):
        assert "content-encoding" not in client.get(address).headers


def test_page_for_a_browser_that_is_known_is_not_compressed(client: TestClient, sheet: str) -> None:
    cookie = {"Cookie": "atelier_form=0"}
    assert "content-encoding" not in client.get("/?q=guess", headers=cookie).headers
    assert client.get(sheet, headers=cookie).headers["content-encoding"] == "gzip"
