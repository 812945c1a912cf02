"""Set-up for tests of `atelier` in a shell: a folder to work in, and what it says where it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.shell.commands import main


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with one for the owner's styles and one for nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATELIER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ATELIER_STYLES", str(tmp_path / "styles"))
    monkeypatch.setenv("ATELIER_DEVICE", "cpu")
    (tmp_path / "styles").mkdir()
    (tmp_path / "empty").mkdir()
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What it says when it refuses these arguments."""
    capsys.readouterr()
    assert main(list(arguments)) == 1
    bar, _, told = capsys.readouterr().err.rpartition("atelier: ")
    assert "Traceback" not in bar + told
    return told
