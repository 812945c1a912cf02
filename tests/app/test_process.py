"""How a process of the service begins."""

from __future__ import annotations

import gc
import tempfile

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.app import pictures

SPOOLED = 1_000_000  # bytes of an upload above which it lies in a temporary file


def test_a_disk_that_is_full_since_the_start_does_not_hide_the_temporary_folder(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finds_none() -> str:  # as where no file can be written
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "tempdir", None)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        monkeypatch.setattr(tempfile, "_get_default_tempdir", finds_none)
        photo = pictures.encoded(Image.effect_noise((1200, 1200), 64))
        assert len(photo) > SPOOLED
        assert client.post("/api/v1/photos", files={"photo": ("a.png", photo)}).status_code == 201


def test_what_a_process_begins_with_is_not_looked_through_for_garbage(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        gc.collect()
        begun_with, since = gc.get_freeze_count(), len(gc.get_objects())
        assert begun_with > 10 * since
        assert client.get("/healthz").status_code == 200
    assert gc.get_freeze_count() == 0, "what has ended may be thrown away"
