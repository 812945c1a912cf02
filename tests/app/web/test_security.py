"""Headers on every answer, writes from other sites, signatures, sizes of bodies, and no script or style in any page."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from app.main import create_app
from app.services import Services
from app.settings import Settings
from app.web.assets import Assets
from app.web.bodies import BodyLimit
from app.web.origin import refused_origin
from app.web.signing import load_secret, sign, unsign
from tests.app import pictures
from tests.app.conftest import Paint
from tests.bench import ROOT

ADDRESSES = [
    "/",
    "/artworks",
    "/docs",
    "/openapi.json",
    "/healthz",
    "/api/v1/styles",
    "/nothing",
    "/api/v1/jobs/nothing",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_carries_the_headers(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=(self)" in headers["permissions-policy"]


class Inline(HTMLParser):
    """Finds what a strict policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]
        # Only links that a person follows may lead elsewhere.
        links = [names.get(name) or "" for name in ("src", "action", "formaction")]
        if tag == "link":
            links.append(names.get("href") or "")
        self.outside += [link for link in links if re.match(r"(https?:)?//", link)]


@pytest.mark.parametrize("address", ["/", "/artworks", "/docs", "/nothing"])
def test_no_page_needs_inline_script_or_another_site(client: TestClient, address: str) -> None:
    page = Inline()
    page.feed(client.get(address).text)
    assert page.found == []
    assert page.outside == []


def test_scripts_and_styles_name_no_other_site() -> None:
    for path in (ROOT / "static").rglob("*"):
        if path.suffix in {".js", ".css"}:
            assert not re.search(r"https?://|//cdn", path.read_text()), path


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


def test_https_alone_is_told_what_browsers_believe_there_only(client: TestClient) -> None:
    plain, secure = client.get("/").headers, client.get("https://testserver/").headers
    assert not {"strict-transport-security", "cross-origin-opener-policy"} & plain.keys()
    assert secure["strict-transport-security"] == "max-age=31536000"
    assert secure["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cookies_are_for_https_alone_where_they_were_given_over_it(client: TestClient, scheme: str) -> None:
    """Over plain http a browser keeps no cookie that says so."""
    client.headers["Origin"] = f"{scheme}://testserver"
    client.base_url = f"{scheme}://testserver"
    form = {"style": "own-painting"}
    files = {"photo": ("a.jpg", pictures.landscape()), "own_painting": ("b.jpg", pictures.landscape())}
    answers = [client.get("/"), client.post("/jobs", data=form, files=files)]
    cookies = [each for answer in answers for each in answer.headers.get_list("set-cookie")]
    prefix = "__Host-" if scheme == "https" else ""
    names = {"atelier_form", "atelier_wall", "atelier_paintings"}
    assert {each.split("=")[0] for each in cookies} == {prefix + name for name in names}
    assert all(("; secure" in each.lower()) is (scheme == "https") for each in cookies)
    assert all("path=/;" in each.lower() and "domain" not in each.lower() for each in cookies)
    assert "Your own painting" in client.get("/artworks").text  # the browser's cookies are read again


def test_cookies_below_a_path_have_the_prefix_that_allows_one(settings: Settings) -> None:
    below = settings.model_copy(update={"root_path": "/atelier"})
    with TestClient(create_app(below), base_url="https://testserver") as client:
        assert client.get("/atelier/").headers["set-cookie"].startswith("__Secure-atelier_form=")


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


def test_declared_size_above_the_limit_is_refused_before_the_body(client: TestClient) -> None:
    def body() -> object:
        raise AssertionError("the body was read")
        yield b""

    headers = {"Content-Length": str(10**10), "Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/v1/photos", content=b"", headers=headers)
    assert answer.status_code == 413
    assert answer.json()["code"] == "photo-too-many-bytes"
    assert "MB" in answer.json()["detail"]


def test_undeclared_body_is_cut_off_at_the_limit(client: TestClient, limit_mb: int) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
        while sent < 3 * limit_mb * 1_000_000:
            sent += 65536
            yield bytes(65536)
        yield b"\r\n--x--\r\n"

    answer = client.post(
        "/api/v1/photos", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(("size", "rounds"), [(64 * 1024, 5), (200, 1)])
def test_large_parts_of_bodies_are_handed_on_one_in_each_round(size: int, rounds: int) -> None:
    now, handed_on = 0, []

    async def receive() -> Message:
        return {"type": "http.request", "body": bytes(size)}

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        handed_on.append(now)

    async def five_uploads() -> None:
        nonlocal now
        limit = BodyLimit(route, 1)
        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        uploads = [asyncio.create_task(limit(scope, receive, receive)) for _ in range(5)]  # type: ignore[arg-type]
        while not all(upload.done() for upload in uploads):
            await asyncio.sleep(0)
            now += 1

    asyncio.run(five_uploads())
    assert len(handed_on) == 5
    assert len(set(handed_on)) == rounds


def test_too_large_form_shows_the_sentence_beside_the_photo(client: TestClient, limit_mb: int) -> None:
    answer = client.post("/jobs", files={"photo": ("a.jpg", bytes(limit_mb * 1_000_000 + 400_000))})
    assert answer.status_code == 413
    assert re.search(r'id="photo-error"[^>]*>This photo is larger than', answer.text)


def test_signature_round_trip_and_forgeries() -> None:
    secret = b"s" * 32
    signed = sign(b"payload", secret, "purpose")
    assert unsign(signed, secret, "purpose") == b"payload"
    assert unsign(signed, secret, "another") is None
    for forged in [
        signed[:-2] + "AA",
        "x" + signed,
        signed.replace(".", ""),
        "",
        ".",
        "ä.ö",
        sign(b"payload", b"t" * 32, "purpose"),
    ]:
        assert unsign(forged, secret, "purpose") is None


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cookie.key"
    secret = load_secret(path)
    assert len(secret) == 32
    assert load_secret(path) == secret
    assert path.stat().st_mode & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]


def test_forged_wall_cookie_shows_an_empty_wall(client: TestClient, paint: Paint) -> None:
    job_id = paint()
    forged = sign(bytes.fromhex(job_id), b"guess" * 8, "atelier_wall")
    client.cookies.clear()
    page = client.get("/artworks", headers={"Cookie": f"atelier_wall={forged}"})
    assert job_id not in page.text


def test_a_cookie_counts_for_nothing_under_the_name_of_another(client: TestClient, paint: Paint) -> None:
    """What somebody's wall holds is no list of paintings, and the other way round."""
    paint()
    wall = client.cookies["atelier_wall"]
    services: Services = client.app.state.services  # type: ignore[attr-defined]
    assert unsign(wall, services.secret, "atelier_wall")
    assert unsign(wall, services.secret, "atelier_paintings") is None


def test_a_cookie_of_an_earlier_version_is_passed_over(client: TestClient, paint: Paint) -> None:
    job_id = paint()
    services: Services = client.app.state.services  # type: ignore[attr-defined]
    payload, tag = bytes.fromhex(job_id), hmac.new(services.secret, bytes.fromhex(job_id), hashlib.sha256).digest()
    old = ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (payload, tag))
    client.cookies.clear()
    page = client.get("/artworks", headers={"Cookie": f"atelier_wall={old}"})
    assert page.status_code == 200
    assert job_id not in page.text


@pytest.mark.parametrize(
    "address",
    [
        "/static/x/../../app/main.py",
        "/static/x/%2e%2e/%2e%2e/pyproject.toml",
        "/static/x/..%2f..%2fMakefile",
        "/photos/..%2f..%2fcookie.key/thumb.webp",
        "/styles/..%2f../swatch.webp",
    ],
)
def test_no_path_leads_out_of_its_folder(client: TestClient, address: str) -> None:
    assert client.get(address).status_code == 404


def test_no_link_leads_out_of_the_static_folder(tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret.txt", tmp_path / "static"
    secret.write_text("secret")
    folder.mkdir()
    (folder / "here.txt").write_text("here")
    (folder / "link.txt").symlink_to(secret)
    (folder / "up").symlink_to(tmp_path)
    assets = Assets(folder)
    client = TestClient(FastAPI(routes=[Mount("/static", assets)]))
    assert client.get(assets.url("here.txt")).text == "here"
    for path in ("link.txt", "up/secret.txt"):
        assert client.get(assets.url(path)).status_code == 404


def test_uploads_name_is_never_kept(client: TestClient, data_folder: Path) -> None:
    name = "very-private-name.jpg"
    answer = client.post("/api/v1/photos", files={"photo": (name, pictures.landscape())})
    assert answer.status_code == 201
    for path in data_folder.rglob("*"):
        assert "very-private" not in path.name
        if path.is_file():
            assert b"very-private" not in path.read_bytes()
