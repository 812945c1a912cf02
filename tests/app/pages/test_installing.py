"""The site as an app: what browsers are told of it, and the script that they keep."""

from __future__ import annotations

import io
import json
import re
from pathlib import PurePosixPath
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.bench import ROOT

IMPORT = re.compile(r'from "(\./[^"]+|\.\./[^"]+)"')


def manifest_of(client: TestClient, root: str = "") -> dict[str, Any]:
    answer = client.get(f"{root}/manifest.webmanifest")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/manifest+json")
    found: dict[str, Any] = answer.json()
    return found


def site_of(client: TestClient, root: str = "") -> tuple[dict[str, Any], str]:
    """What the service worker knows of the site, and its script."""
    answer = client.get(f"{root}/service-worker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    first, _, script = answer.text.partition("\n")
    return json.loads(first.removeprefix("self.site = ").removesuffix(";")), script


@pytest.fixture(params=["", "/atelier"])
def root(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(settings: Settings, root: str) -> Settings:
    return settings.model_copy(update={"root_path": root})


def test_every_page_names_the_manifest(client: TestClient, root: str) -> None:
    for address in ("/", "/artworks", "/docs", "/nothing"):
        assert f'<link rel="manifest" href="{root}/manifest.webmanifest"' in client.get(root + address).text


def test_icons_are_pictures_of_the_sizes_that_the_manifest_says(client: TestClient, root: str) -> None:
    icons = manifest_of(client, root)["icons"]
    for icon in icons:
        answer = client.get(icon["src"])
        assert answer.headers["content-type"].partition(";")[0] == icon["type"]
        assert "immutable" in answer.headers["cache-control"]
        if icon["type"] == "image/png":
            with Image.open(io.BytesIO(answer.content)) as picture:
                assert "{}x{}".format(*picture.size) == icon["sizes"]
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in icons if icon["purpose"] == "any"}


def test_icon_that_a_phone_cuts_out_fills_its_square_and_keeps_its_picture_in_the_middle(
    client: TestClient, root: str
) -> None:
    """A circle of 40 % of the width is what may be left of it (W3C Web Application Manifest, "safe zone")."""
    (icon,) = [each for each in manifest_of(client, root)["icons"] if each["purpose"] == "maskable"]
    with Image.open(io.BytesIO(client.get(icon["src"]).content)) as picture:
        assert picture.convert("RGBA").getchannel("A").getextrema() == (255, 255)
        flat = picture.convert("RGB")
    width = flat.width
    ground = flat.getpixel((0, 0))
    drawn = [
        (x, y) for x in range(0, width, 4) for y in range(0, width, 4) if flat.getpixel((x, y)) != ground
    ]  # fmt: skip
    assert len(drawn) > 500
    assert max((x - width / 2) ** 2 + (y - width / 2) ** 2 for x, y in drawn) <= (0.4 * width) ** 2


def test_every_address_of_the_manifest_lies_below_the_root_and_answers(client: TestClient, root: str) -> None:
    manifest = manifest_of(client, root)
    assert manifest["start_url"] == manifest["scope"] == manifest["id"] == f"{root}/"
    for address in (manifest["start_url"], *(each["url"] for each in manifest["shortcuts"])):
        assert address.startswith(f"{root}/")
        assert client.get(address).status_code == 200
    assert manifest["share_target"]["action"] == f"{root}/photos/received"


def test_worker_keeps_all_files_of_its_page_and_nothing_else(client: TestClient, root: str) -> None:
    site, script = site_of(client, root)
    assert "caches" in script
    page = client.get(site["offline"]).text
    named = set(re.findall(r'(?:href|src)="([^"]+\.(?:css|js))"', page))
    scripts = {address for address in named if address.endswith(".js")}
    while (
        found := {
            str(PurePosixPath("/", *resolved(PurePosixPath(script).parent / path)))
            for script in scripts
            for path in IMPORT.findall(client.get(script).text)
        }
        - scripts
    ):
        scripts |= found
    icon = {address for address in site["files"] if address.endswith(".svg")}
    assert set(site["files"]) == named | scripts | icon
    for address in site["files"]:
        assert "immutable" in client.get(address).headers["cache-control"]


def resolved(path: PurePosixPath) -> list[str]:
    parts: list[str] = []
    for part in path.parts[1:]:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return parts


def test_caches_of_neighbours_on_one_name_have_other_names(client: TestClient, root: str) -> None:
    site, _ = site_of(client, root)
    assert site["kept"] == f"{root}/kept"
    assert site["cache"].startswith(site["shell"])
    assert site["shell"] == f"{root}/shell-"


def test_worker_is_another_one_when_any_file_is(client: TestClient, root: str) -> None:
    site, _ = site_of(client, root)
    asset = re.search(r"/static/(\w+)/", client.get(f"{root}/offline").text)
    assert asset
    assert site["cache"].endswith(asset[1])


def test_owner_who_wants_none_has_it_undone(settings: Settings, root: str) -> None:
    app = create_app(settings.model_copy(update={"offline": False}))
    with TestClient(app) as client:
        site, script = site_of(client, root)
        assert script == (ROOT / "static" / "js" / "no-worker.js").read_text()
        assert "unregister()" in script
        assert site["kept"] == f"{root}/kept"
        assert "data-no-offline" in client.get(f"{root}/artworks").text
    with TestClient(create_app(settings)) as client:
        assert "data-no-offline" not in client.get(f"{root}/artworks").text


def test_only_what_is_finished_says_until_when_it_may_be_kept(client: TestClient, root: str) -> None:
    assert 'data-until="' not in client.get(f"{root}/artworks").text
