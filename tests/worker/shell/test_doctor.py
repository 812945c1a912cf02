"""`atelier doctor` on this machine, which has all, and with one thing wrong at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from launcher.redis_server import about_age
from worker.shell.commands import main

Asked = Callable[..., tuple[int, str, str]]
LINES = ["Python", "Redis", "Data folder", "Disk", "Memory", "Device", "Networks", "Pictures", "Uploads", "Files"]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Asked:
    """Asks with these settings: the exit status, what was printed, and what went wrong."""
    monkeypatch.setenv("ATELIER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ATELIER_DEVICE", "cpu")
    monkeypatch.setenv("ATELIER_LEAST_FREE_MB", "1")

    def ask(**settings: str) -> tuple[int, str, str]:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        status = main(["doctor"])
        told = capsys.readouterr()
        return status, told.out, told.err

    return ask


@pytest.fixture
def dropping(redis_server: str) -> Iterator[str]:
    """URL of a Redis that drops what it holds when it is full."""
    with redis.Redis.from_url(redis_server) as connection:
        connection.config_set("maxmemory-policy", "allkeys-lru")
        yield redis_server
        connection.config_set("maxmemory-policy", "noeviction")


def faults(printed: str) -> list[str]:
    return [line.removeprefix("fault").strip() for line in printed.splitlines() if line.startswith("fault")]


def test_a_machine_that_has_all_is_told_so_and_left_as_it_was(asked: Asked, tmp_path: Path) -> None:
    status, printed, wrong = asked()
    assert (status, wrong, faults(printed)) == (0, "", [])
    assert list(dict.fromkeys(line[6:].split(":")[0].strip() for line in printed.splitlines()[:-1])) == LINES
    assert "which Atelier starts by itself" in printed
    assert list(tmp_path.iterdir()) == []


def test_the_redis_that_runs_is_asked(asked: Asked, redis_server: str) -> None:
    status, printed, _ = asked(ATELIER_REDIS_URL=redis_server)
    assert status == 0
    assert "which runs" in printed


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"ATELIER_REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis: it does not answer"),
        ({"ATELIER_DATA": str(Path(__file__) / "data")}, "Data folder: "),
        ({"ATELIER_LEAST_FREE_MB": "1000000000"}, "Disk: "),
        ({"ATELIER_WORKER_MEMORY_GB": "0.1"}, "Memory: "),
        ({"ATELIER_DEVICE": "cuda:99"}, "Device: ATELIER_DEVICE=cuda:99 cannot be used"),
        (
            {"ATELIER_EXTRACTOR": "vgg16", "ATELIER_MODELS": str(Path(__file__).parent)},
            "Networks: The weights of vgg16",
        ),
    ],
    ids=lambda each: "+".join(each) if isinstance(each, dict) else "",
)
def test_what_does_not_work_is_a_fault_and_hides_nothing_else(
    asked: Asked, settings: dict[str, str], told: str
) -> None:
    status, printed, wrong = asked(**settings)
    assert status == 1
    assert [line for line in faults(printed) if line.startswith(told)] == faults(printed) != []
    assert wrong == "atelier: 1 of these needs mending.\n"
    assert all(f" {line}: " in printed for line in LINES)


def test_a_redis_that_would_drop_jobs_is_a_fault(asked: Asked, dropping: str) -> None:
    status, printed, _ = asked(ATELIER_REDIS_URL=dropping)
    assert status == 1
    assert "maxmemory-policy to noeviction" in faults(printed)[0]


def test_a_data_folder_that_others_may_look_into_is_told(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    status, printed, _ = asked()
    assert status == 0
    assert f"note   Data folder: {tmp_path / 'data'} is open to other users" in printed


def test_of_an_old_redis_it_is_said_what_that_means() -> None:
    assert "7.2" in about_age("6.2.14")
    assert "install a newer redis-server" in about_age("7.0")
    assert about_age("7.2.4") == about_age("8.0") == ""
