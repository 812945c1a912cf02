"""The web application over a real Redis, with styles made for the tests and without a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.main import create_app
from app.services import Services
from app.settings import Settings
from tests.app import pictures

Paint = Callable[..., str]
LIMIT_MB = 2


@pytest.fixture
def limit_mb() -> int:
    return LIMIT_MB


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def own_styles(tmp_path: Path) -> Path:
    """An owner's folder with two paintings, one of which says who painted it."""
    folder = tmp_path / "own"
    folder.mkdir()
    pictures.quarters(200, 100).save(folder / "checks.png")
    Image.linear_gradient("L").convert("RGB").save(folder / "dusk.jpg")
    (folder / "dusk.toml").write_text(
        'title = "Dusk & <Dawn>"\nartist = "Zoë Müller"\nborn = 1901\ndied = 1980\nyear = "1931"\n'
        'movement = "Testism"\nmuseum = "Town Hall"\ndescription = "Turns everything grey."\nmoods = ["gold"]\n'
    )
    return folder


@pytest.fixture
def settings(data_folder: Path, own_styles: Path, redis_server: str) -> Settings:
    # Tests ask for more than any visitor; those of the limits set their own.
    limits: dict[str, Any] = {"upload_limit_mb": LIMIT_MB, "write_rate": "", "read_rate": "", "client_jobs": 0}
    return Settings(data=data_folder, styles=own_styles, redis_url=redis_server, **limits)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False, follow_redirects=False) as client:
        client.headers["Origin"] = "http://testserver"  # as browsers say with their forms
        yield client


@pytest.fixture
def services(client: TestClient) -> Services:
    """What the app under test works with."""
    found: Services = client.app.state.services  # type: ignore[attr-defined]
    return found


@pytest.fixture
def photo_id(client: TestClient) -> str:
    answer = client.post("/api/v1/photos", files={"photo": ("a.jpg", pictures.landscape())})
    assert answer.status_code == 201
    return str(answer.json()["id"])


@pytest.fixture
def paint(client: TestClient, photo_id: str) -> Paint:
    """Starts a job over the page's form and gives its id."""

    def start(**fields: str | list[str]) -> str:
        answer = client.post("/jobs", data={"photo_id": photo_id, "style": "dusk", **fields})
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"]).removeprefix("/jobs/")

    return start
