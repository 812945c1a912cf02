"""`make audit` against an advisory source on this machine, which answers as OSV does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from provenance import lock
from provenance.audit import NoAnswerError, answers

ADVISORY: dict[str, Any] = {
    "id": "PYSEC-2026-1",
    "schema_version": "1.7.0",
    "summary": "Paint runs.",
    "affected": [
        {
            "package": {"name": "pillow", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}
Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


@contextmanager
def source(answer: Answer) -> Iterator[str]:
    """An advisory source's address; `answer` gets each query and gives a status and what is told."""

    class Advisories(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, told = answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Tests' output is theirs."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def audited(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "provenance.audit", *options],
        cwd=lock.ROOT,
        env=os.environ | {"PIP_AUDIT_OSV_URL": url},
        capture_output=True,
        text=True,
    )


def test_a_known_vulnerability_of_a_locked_package_fails() -> None:
    def answer(query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"vulns": [ADVISORY]} if query["package"]["name"] == "pillow" else {}

    (pillow,) = (pin for pin in lock.read(lock.LOCK) if pin.name == "pillow")
    with source(answer) as url:
        done = audited(url)
        ignored = audited(url, "--ignore-vuln", ADVISORY["id"])
    assert done.returncode == 1
    assert f"pillow {pillow.version}: PYSEC-2026-1, mended in 99.1" in done.stderr.splitlines()
    assert ignored.returncode == 0


def test_every_package_is_asked_for_that_is_locked_for_any_machine_or_installed() -> None:
    asked = set()

    def answer(query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asked.add((query["package"]["name"], query["version"]))
        return 200, {}

    with source(answer) as url:
        done = audited(url)
    assert done.returncode == 0
    assert done.stdout == f"No vulnerability is known in {len(asked)} packages.\n"
    names = {name for name, _ in asked}
    assert {(pin.name, pin.version) for each in (lock.LOCK, lock.BUILD_LOCK) for pin in lock.read(each)} <= asked
    assert {"colorama", "pytest"} <= names
    assert "atelier" not in names


def test_what_was_found_counts_though_the_source_went_away_then() -> None:
    def answer(query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if query["package"]["name"] == "pytest":
            return 503, {}
        return 200, {"vulns": [ADVISORY]} if query["package"]["name"] == "pillow" else {}

    with source(answer) as url:
        done = audited(url)
    assert done.returncode == 1
    assert "PYSEC-2026-1" in done.stderr
    assert "no advisory source can be reached" in done.stdout


def test_without_a_source_one_line_says_so_and_nothing_fails() -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        done = audited(f"http://127.0.0.1:{taken.getsockname()[1]}/v1/query")
    assert done.returncode == 0
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.startswith("Known vulnerabilities were not looked for, because no advisory source can be reached: ")


def test_a_source_that_knows_nothing_is_none() -> None:
    unknown = {
        "name": "pillow",
        "skip_reason": "Dependency not found on PyPI and could not be audited: pillow (13.0.0)",
    }
    known = {"name": "numpy", "version": "2.4.6", "vulns": []}
    assert answers({"dependencies": [known, unknown]}) == [known, unknown]
    with pytest.raises(NoAnswerError, match="knows none"):
        answers({"dependencies": [unknown]})


def test_what_pip_audit_cannot_do_is_not_taken_for_a_source_that_is_away() -> None:
    done = audited("http://127.0.0.1:1/", "--no-such-option")
    assert done.returncode == 1
    assert "no-such-option" in done.stderr
