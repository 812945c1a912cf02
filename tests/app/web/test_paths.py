"""No address leads to a file that is not ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.routing import Mount
from starlette.testclient import TestClient

from app.web.assets import Assets
from tests.app import pictures


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
