"""The programs that the API's description shows, run as they stand against the whole product."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from tests import patient
from tests.app import pictures
from tests.conftest import Product


@pytest.fixture
def folder(atelier: Product, tmp_path: Path) -> Path:
    """All programs of the page, saved as it says, and a photo."""
    page = patient.get(f"{atelier.url}/docs").text
    found = re.findall(r'<pre [^>]*id="([\w.]+)"><code>(.*?)</code></pre>', page, re.DOTALL)
    assert len(found) >= 5
    for name, text in found:
        (tmp_path / name).write_text(html.unescape(text))
    (tmp_path / "photo.jpg").write_bytes(pictures.landscape(320, 240))
    (tmp_path / "other.jpg").write_bytes(pictures.landscape(240, 320))
    (tmp_path / "no photo.txt").write_text("no photo")
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "ATELIER"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("command", [("sh", "paint.sh"), (sys.executable, "paint.py")], ids=["shell", "python"])
def test_a_photo_becomes_an_artwork(folder: Path, command: tuple[str, ...]) -> None:
    done = run(folder, *command, "photo.jpg", "artwork.jpg")
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(folder / "artwork.jpg") as artwork:
        assert (artwork.format, artwork.size) == ("JPEG", (256, 192))


@pytest.mark.parametrize("command", [("sh", "paint.sh"), (sys.executable, "paint.py")], ids=["shell", "python"])
def test_a_refusal_is_told_with_its_code(folder: Path, command: tuple[str, ...]) -> None:
    done = run(folder, *command, "no photo.txt", "artwork.jpg")
    assert done.returncode
    assert "photo-not-an-image" in done.stderr
    assert "This file is not a photo." in done.stderr
    assert not (folder / "artwork.jpg").exists()


def test_several_photos_become_one_archive(folder: Path) -> None:
    done = run(folder, sys.executable, "series.py", "photo.jpg", "other.jpg", "artworks.zip")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 of 2 were painted.\n"
    with zipfile.ZipFile(folder / "artworks.zip") as archive:
        assert len(archive.namelist()) == 2


def test_a_map_of_colours_becomes_an_artwork(folder: Path) -> None:
    done = run(folder, sys.executable, "doodle.py", "artwork.png")
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(folder / "artwork.png") as artwork:
        assert (artwork.format, artwork.size) == ("PNG", (256, 192))
