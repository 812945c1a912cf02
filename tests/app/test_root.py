"""The whole site below a path: every address that a page, an answer, a cookie or a script names lies there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.jobs.storage import keys
from app.main import create_app
from app.services import Services
from app.settings import Settings, SettingsError, load_settings
from tests.app import pictures
from tests.app.api.test_jobs import finish
from tests.bench import ROOT as PROJECT

ROOT = "/atelier"
WISH = {"styles": [{"id": "dusk"}], "size": 256}
LINKS = ("href", "src", "srcset", "data-sample", "data-doodle")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"root_path": ROOT})


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A browser in front of a proxy that passes paths on as they are."""
    with TestClient(create_app(settings), raise_server_exceptions=False, follow_redirects=False) as client:
        client.headers["Origin"] = "http://testserver"
        yield client


class Named(HTMLParser):
    """Collects every address within a site that a page names, whatever the attribute, and those that a browser gets."""

    def __init__(self) -> None:
        super().__init__()
        self.all: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            address = re.sub(r"^https?://testserver", "", value or "")
            if re.match(r"/[^\s/]*", address):
                self.all.add(address)
                self.links |= {re.split("[# ]", address)[0]} if name in LINKS else set()


def named(page: str) -> Named:
    found = Named()
    found.feed(page)
    return found


def strings(value: Any) -> Iterator[str]:
    """All texts of a JSON answer."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings(each)


def outside(addresses: set[str]) -> set[str]:
    return {each for each in addresses if not re.match(rf"{ROOT}(/|$)", each)}


@pytest.fixture
def states(client: TestClient, services: Services) -> dict[str, str]:
    """Jobs in every state that has a page of its own, a series, a share, a photo with its mask: their ids."""

    def upload() -> str:
        files = {"photo": ("a.jpg", pictures.landscape())}
        return str(client.post(f"{ROOT}/api/v1/photos", files=files).json()["id"])

    photo = upload()
    mask = {"mask": ("a.png", pictures.encoded(pictures.quarters(), "PNG"))}
    mask_id = client.post(f"{ROOT}/api/v1/photos/{photo}/masks", files=mask).json()["id"]
    client.post(f"{ROOT}/api/v1/paintings", files={"painting": ("a.jpg", pictures.landscape())})

    def job() -> str:
        return str(client.post(f"{ROOT}/api/v1/jobs", json={"photo": photo, **WISH}).json()["id"])

    found = {"photo": photo, "mask": mask_id, "finished": job(), "stopped": job(), "waiting": job(), "running": job()}
    finish(services, found["finished"], pictures.encoded(pictures.quarters(512, 384)))
    client.post(f"{ROOT}/api/v1/jobs/{found['stopped']}/cancel")
    shared = client.post(f"{ROOT}/api/v1/jobs/{found['finished']}/share").json()["share"]
    claimed = services.records.claim(found["running"], 1000, "here:1", lambda _: True)
    assert claimed
    key = keys.preview_key(claimed.id, claimed.fence, 1)
    services.storage.put(key, pictures.encoded(pictures.quarters(), "WEBP"))
    services.records.heartbeat(claimed, 1000, {"preview": 1, "preview_fence": claimed.fence})
    series = client.post(f"{ROOT}/jobs", data={"photos": [upload(), upload()], "style": "dusk"}).headers["location"]
    return found | {"share": shared.rpartition("/")[2], "series": series.rpartition("/")[2]}


def pages(states: dict[str, str]) -> list[str]:
    photo, finished = states["photo"], states["finished"]
    blend = f"style=starry_night&weight=1&style_mask={states['mask']}&style=dusk&weight=1&style_mask="
    return [
        "/", f"/?photo={photo}&{blend}", f"/?again={finished}", f"/?photo={photo}&start_job={finished}", "/?q=nothing",
        "/draw", "/artworks", "/docs", "/nothing", "/offline", f"/s/{states['share']}", f"/series/{states['series']}",
        *(f"/jobs/{states[state]}" for state in ("finished", "stopped", "waiting", "running")),
    ]  # fmt: skip


def test_every_address_that_a_page_names_lies_below_the_root_and_answers(
    client: TestClient, states: dict[str, str]
) -> None:
    links: set[str] = set()
    # The wall and an own painting are this browser's; the form's answers are pages too.
    client.post(f"{ROOT}/jobs", data={"photo_id": states["photo"], "style": "dusk"})
    sent_back = client.post(
        f"{ROOT}/jobs", data={"photo_id": states["photo"], "style": "nobody", "keep": states["mask"]}
    )
    answers = [sent_back, *(client.get(ROOT + page) for page in pages(states))]
    for answer in answers:
        found = named(answer.text)
        assert found.all, answer.url
        assert outside(found.all) == set(), answer.url
        links |= found.links
    assert {"static", "styles", "photos", "paintings", "api", "jobs", "series"} <= {
        each.split("/")[2] for each in links
    }
    for link in links:
        answer = client.get(link)  # of what is not painted yet, pages have the link and do not show it
        assert answer.status_code == 200 or answer.json()["code"] == "artwork-not-found", link


def test_every_address_that_the_api_names_lies_below_the_root_and_answers(
    client: TestClient, states: dict[str, str], services: Services
) -> None:
    for job in client.get(f"{ROOT}/api/v1/series/{states['series']}").json()["jobs"]:
        finish(services, job["id"], pictures.encoded(pictures.quarters(512, 384)))
    addresses: set[str] = set()
    for asked in ("styles", f"jobs/{states['finished']}", f"series/{states['series']}", "paintings"):
        addresses |= {each for each in strings(client.get(f"{ROOT}/api/v1/{asked}").json()) if each.startswith("/")}
    assert {each.split("/")[2] for each in addresses} == {"api", "styles", "s"}
    for wish in ({"photo": states["photo"], **WISH}, {"photos": [states["photo"]], **WISH}):
        kind = "series" if "photos" in wish else "jobs"
        addresses.add(client.post(f"{ROOT}/api/v1/{kind}", json=wish).headers["location"])
    assert outside(addresses) == set()
    for address in addresses:
        assert client.get(address).status_code == 200, address
    description = client.get(f"{ROOT}/openapi.json").json()
    assert description["servers"] == [{"url": ROOT}]


def test_every_redirect_leads_below_the_root(client: TestClient, states: dict[str, str]) -> None:
    finished, waiting = states["finished"], states["waiting"]
    forms = [
        "/jobs", f"/jobs/{finished}/again", f"/jobs/{finished}/share", f"/jobs/{states['stopped']}/retry",
        f"/jobs/{waiting}/cancel", f"/series/{states['series']}/cancel", f"/series/{states['series']}/delete",
        f"/jobs/{finished}/delete",
    ]  # fmt: skip
    for form in forms:
        answer = client.post(ROOT + form, data={"photo_id": states["photo"], "style": "dusk"})
        assert answer.status_code == 303, form
        assert outside({answer.headers["location"]}) == set(), form
        assert client.get(answer.headers["location"]).status_code in {200, 410}
    assert client.get(f"{ROOT}/artworks/").headers["location"] == f"{ROOT}/artworks"


def test_cookies_are_for_the_site_alone_and_not_for_its_neighbours(client: TestClient, states: dict[str, str]) -> None:
    started = client.post(f"{ROOT}/jobs", data={"photo_id": states["photo"], "style": "dusk"})
    set_by = [client.get(f"{ROOT}/"), started]
    cookies = [each for answer in set_by for each in answer.headers.get_list("set-cookie")]
    assert {each.partition("=")[0] for each in cookies} == {"atelier_form", "atelier_wall"}
    for cookie in cookies:
        assert f"path={ROOT};" in cookie.lower() + ";"


def test_proxy_may_take_the_root_off_or_leave_it(client: TestClient) -> None:
    for path in ("/artworks", "/api/v1/styles", "/healthz", "/robots.txt"):
        assert client.get(path).status_code == client.get(ROOT + path).status_code == 200
        assert client.get(path).text == client.get(ROOT + path).text
    assert client.get(ROOT).status_code == client.get(f"{ROOT}/").status_code == 200
    assert client.get(f"{ROOT}ier/artworks").status_code == 404
    assert client.get("/api/v1/nothing").headers["content-type"] == "application/problem+json"
    assert client.get(f"{ROOT}/api/v1/nothing").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("folder", ["templates", "static/js", "static/css"])
def test_no_template_script_or_style_names_an_address_without_the_root(folder: str) -> None:
    """Also what no page of these tests shows. Imports are relative."""
    strays = {
        "templates": r"""(?:href|src|srcset|action|content|data-\w+)="/|\{% set \w+ = "/""",
        "static/js": r"""(?<!at\()["'`]/[a-z$]""",
        "static/css": r"""url\(["']?/""",
    }
    files = [path for path in (PROJECT / folder).rglob("*") if path.suffix in {".html", ".js", ".css"}]
    assert len(files) > 10
    for path in files:
        assert re.findall(strays[folder], path.read_text()) == [], path


@pytest.mark.parametrize(
    ("given", "used"),
    [("", ""), ("/", ""), ("/atelier", "/atelier"), ("/atelier/", "/atelier"), ("/a/b-c.d/", "/a/b-c.d")],
)
def test_root_path_is_read_with_or_without_its_last_slash(
    monkeypatch: pytest.MonkeyPatch, given: str, used: str
) -> None:
    monkeypatch.setenv("ATELIER_ROOT_PATH", given)
    assert load_settings().root_path == used


@pytest.mark.parametrize(
    "given", ["atelier", "https://a.example/atelier", "/a b", "//a", "/a?b", "/a/../b", "/é", "/a%2F"]
)
def test_root_path_that_is_none_is_one_sentence(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("ATELIER_ROOT_PATH", given)
    with pytest.raises(SettingsError, match=r"^ATELIER_ROOT_PATH does not fit: write it like /atelier\.$"):
        load_settings()
