"""`atelier fetch paintings` as somebody types it, with a Commons on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from app.jobs.styles import find_styles
from tests.app.pictures import encoded, landscape
from tests.bench import ROOT
from tests.commons import Commons, answer, serving, stall
from tests.waiting import until
from worker.engine.networks.download import MOST_PAUSE_S
from worker.shell import fetching
from worker.shell.commands import main

# As wide and as high as the gallery says, nearly: 1364 × 1080, 1400 × 941.
NIGHT, WAVE = "starry_night", "great_wave"
PICTURES = {NIGHT: landscape(640, 506), WAVE: landscape(640, 430)}
PAGES = {style.id: style.commons for style in find_styles()}


def name_of(style_id: str) -> str:
    return unquote(PAGES[style_id].partition("File:")[2])


@pytest.fixture
def commons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commons]:
    monkeypatch.setenv("ATELIER_DATA", str(tmp_path))
    monkeypatch.setattr(fetching, "PAUSE_S", 0.0)
    with serving() as commons:
        commons.files = {name_of(style_id): content for style_id, content in PICTURES.items()}
        yield commons


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "originals"


def fetch(commons: Commons, *arguments: str) -> int:
    return main(["fetch", "paintings", *arguments, "--site", commons.site])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_named_paintings_are_fetched_once(commons: Commons, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch(commons, NIGHT, WAVE, NIGHT) == 0
    assert names(folder) == [f"{WAVE}.jpg", f"{NIGHT}.jpg"]
    out, err = capsys.readouterr()
    assert out == f"{folder}: 2 fetched, 0 there already\n"
    assert f"1/2 {NIGHT}" in err
    assert len(commons.asked) == 4
    assert fetch(commons, NIGHT, WAVE) == 0
    assert "0 fetched, 2 there already (--again" in capsys.readouterr().out
    assert len(commons.asked) == 4


def test_again_and_another_size_are_what_is_asked_for(commons: Commons, folder: Path) -> None:
    assert fetch(commons, NIGHT) == 0
    commons.files[name_of(NIGHT)] = landscape(900, 712)
    assert fetch(commons, NIGHT, "--again", "--size", "3840") == 0
    assert urlsplit(commons.asked[-2].path).query == "width=3840"
    assert (folder / f"{NIGHT}.jpg").read_bytes() == commons.files[name_of(NIGHT)]


def test_one_that_is_damaged_is_fetched_again(commons: Commons, folder: Path) -> None:
    assert fetch(commons, NIGHT) == 0
    (folder / f"{NIGHT}.jpg").write_bytes(PICTURES[NIGHT][:3000])
    assert fetch(commons, NIGHT) == 0
    assert (folder / f"{NIGHT}.jpg").read_bytes() == PICTURES[NIGHT]


def test_all_that_commons_has_are_asked_for_one_after_the_other_past_what_fails(
    commons: Commons, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at_commons = sum(bool(page) for page in PAGES.values())
    assert fetch(commons) == 1
    out, err = capsys.readouterr()
    without = len(PAGES) - at_commons
    assert f"2 fetched, 0 there already, {at_commons - 2} failed, {without} without a file" in out
    told = err.rpartition("atelier: ")[2]
    assert told.startswith(f"{at_commons - 2} of {at_commons} originals were not fetched:\n")
    assert "  mona_lisa: " in told
    assert told.count("answers 404") == at_commons - 2
    assert names(folder) == [f"{WAVE}.jpg", f"{NIGHT}.jpg"]


def test_who_is_busy_is_not_asked_for_the_next_one(commons: Commons, capsys: pytest.CaptureFixture[str]) -> None:
    commons.fates.append(answer(429, Retry_After=f"{MOST_PAUSE_S + 1:.0f}"))
    assert fetch(commons, NIGHT, WAVE) == 1
    out, err = capsys.readouterr()
    assert "0 fetched, 0 there already, 1 failed, 1 left" in out
    assert "2 of 2 originals were not fetched" in err
    assert "--contact" in err
    assert len(commons.for_bytes) == 1


def test_without_a_connection_the_address_and_what_to_do_are_told(
    commons: Commons, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(commons, WAVE) == 0
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        site = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        assert main(["fetch", "paintings", WAVE, NIGHT, "--site", site]) == 1
    told = capsys.readouterr().err.rpartition("atelier: ")[2]
    assert site in told
    assert "Check the connection" in told
    assert names(folder) == [f"{WAVE}.jpg"]


def test_ctrl_c_keeps_what_has_come_for_the_next_time(commons: Commons, folder: Path, tmp_path: Path) -> None:
    content = encoded(Image.effect_noise((640, 506), 64).convert("RGB"), "JPEG", quality=95)
    commons.files[name_of(NIGHT)] = content
    commons.fates.append(stall(len(content) - 1000))
    command = [sys.executable, "-m", "worker.shell.commands", "fetch", "paintings", NIGHT, WAVE, "--site", commons.site]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"ATELIER_DATA": str(tmp_path)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        partial = folder / f"{NIGHT}.1920.partial"
        until(lambda: partial.exists() and partial.stat().st_size, "some bytes")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("atelier: stopped.\n")
    assert "Traceback" not in err
    assert "0 fetched, 0 there already, 2 left" in out
    have = partial.stat().st_size
    assert 0 < have < len(content)
    assert fetch(commons, NIGHT) == 0
    assert commons.for_bytes[-1].headers["Range"] == f"bytes={have}-"
    assert (folder / f"{NIGHT}.jpg").read_bytes() == content
    assert not partial.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["paintings", "stary_night"], "Did you mean starry_night?"),
        (["paintings", "zzz"], "`atelier styles` lists them"),
        (["paintings", "supremus_58"], "supremus_58: its label names no file at Wikimedia Commons"),
        (["vgg19", "starry_night"], "`atelier fetch vgg19` takes no ids"),
    ],
)
def test_what_cannot_be_fetched_is_said_in_a_sentence(
    commons: Commons, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["fetch", *arguments]) == 1
    assert told in capsys.readouterr().err
    assert commons.asked == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["paintings", "--size", "2048"], "1920"),
        (["vgg99"], "vgg19"),
        (["paintings", "--contact", "me\nX-Other: 1"], "no mail or web address"),
        (["paintings", "--contact", "(me)"], "no mail or web address"),
    ],
)
def test_what_is_mistyped_is_refused(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    with pytest.raises(SystemExit):
        main(["fetch", *arguments])
    assert told in capsys.readouterr().err
