"""Faults strike a Redis, workers and a web server of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.bench import ROOT, Workers
from tests.faults.disks import small_disk
from tests.faults.ledger import Ledger, Recovery
from tests.faults.promise import MarkedBench, Promise
from tests.faults.servers import RedisServer, Web
from tests.worker.engine.conftest import draw_painting

TABLE = ROOT / "build" / "faults.md"
LEDGER = pytest.StashKey[Ledger]()


@pytest.fixture(scope="session")
def own_paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An owner's folder with one drawn painting, `strokes`, which is light and dark enough for marks to be read."""
    folder = tmp_path_factory.mktemp("paintings")
    draw_painting().save(folder / "strokes.png")
    return folder


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A Redis of the test's own: with an append-only file, without one (False), or with one on a "small disk"."""
    kind = getattr(request, "param", True)
    with small_disk(tmp_path / "redis") if kind == "small disk" else nullcontext(tmp_path / "redis") as folder:
        server = RedisServer(folder, durable=bool(kind))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def bench(server: RedisServer, data: Path) -> Iterator[MarkedBench]:
    bench = MarkedBench(server.url, data)
    yield bench
    bench.close()


@pytest.fixture
def data(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The data folder; parametrised with "small disk", a file system of its own."""
    is_small = getattr(request, "param", "") == "small disk"
    with small_disk(tmp_path / "data") if is_small else nullcontext(tmp_path / "data") as folder:
        yield folder


@pytest.fixture
def promise(bench: MarkedBench, workers: Workers) -> Iterator[Promise]:
    promise = Promise(bench, workers)
    yield promise
    promise.witness.close()


@pytest.fixture
def web(bench: MarkedBench, server: RedisServer, tmp_path: Path, own_paintings: Path) -> Iterator[Web]:
    """The real web server, not started yet."""
    web = Web(bench.storage.root, server.url, tmp_path / "web.log", own_paintings)
    yield web
    web.stop()


@pytest.fixture
def recovery(request: pytest.FixtureRequest) -> Recovery:
    """A stopwatch whose times go into the table."""
    recovery = Recovery()
    request.node.user_properties.append(("recovery", recovery.seconds))
    return recovery


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    marker = item.get_closest_marker("faults")
    if marker and (report.when == "call" or (report.when == "setup" and report.skipped)):
        seconds: Any = dict(item.user_properties).get("recovery", [])
        ledger = item.config.stash.setdefault(LEDGER, Ledger())
        ledger.note(marker.args[0], marker.args[1], report.outcome, list(seconds))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    ledger = config.stash.get(LEDGER, None)
    if ledger and config.option.markexpr == "faults":
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(ledger.table())
        terminalreporter.section(f"faults, also in {TABLE.relative_to(ROOT)}")
        terminalreporter.write(ledger.table())
