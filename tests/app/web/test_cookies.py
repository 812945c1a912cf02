"""Cookies: whom they are for, and what a forged or an old one counts for."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.services import Services
from app.settings import Settings
from app.web.signing import sign, unsign
from tests.app import pictures
from tests.app.conftest import Paint


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
    assert "your own painting" in client.get("/artworks").text  # the browser's cookies are read again


def test_cookies_below_a_path_have_the_prefix_that_allows_one(settings: Settings) -> None:
    below = settings.model_copy(update={"root_path": "/atelier"})
    with TestClient(create_app(below), base_url="https://testserver") as client:
        assert client.get("/atelier/").headers["set-cookie"].startswith("__Secure-atelier_form=")


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
