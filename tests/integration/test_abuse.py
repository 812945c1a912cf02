"""Requests that no browser sends, byte for byte, to the real web server."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.web.assets import Assets
from tests import patient
from tests.bench import ROOT
from tests.integration.conftest import web_server

Send = Callable[..., tuple[int, bytes, bytes]]
SHEET = f"/static/{Assets(ROOT / 'static').hash}/css/base.css"
SHEET_BYTES = (ROOT / "static" / "css" / "base.css").stat().st_size
SOON_S = 5.0


@pytest.fixture(scope="module")
def web(redis_socket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a web server that is started as the launcher starts it."""
    with web_server(redis_socket, tmp_path_factory.mktemp("web"), ATELIER_HOSTS="*") as port:
        yield port


@pytest.fixture
def send(web: int) -> Send:
    """Sends a request as it is written; the answer's status, head and body."""

    def exchange(target: str, *lines: str, method: str = "GET", host: str = "127.0.0.1") -> tuple[int, bytes, bytes]:
        head = "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""])
        answer = b""
        with socket.create_connection(("127.0.0.1", web), timeout=SOON_S) as connection:
            connection.sendall(head.encode("latin-1"))
            while part := connection.recv(1 << 16):
                answer += part
        top, _, body = answer.partition(b"\r\n\r\n")
        return int(top.split(b" ")[1]), top, body

    return exchange


@pytest.mark.parametrize("prefix", ["/static/x/", SHEET.removesuffix("base.css"), "/photos/", "/api/v1/jobs/", "/s/"])
@pytest.mark.parametrize(
    "climb",
    [
        "../../../../../../../../etc/passwd",
        "..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "..%5c..%5c..%5cetc%5cpasswd",
        "%252e%252e%252f%252e%252e%252fetc%252fpasswd",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "//127.0.0.1/etc/passwd",
        "....//....//etc/passwd",
        "..%00/etc/passwd",
        "..%c0%af..%c0%afetc/passwd",
    ],
)
def test_no_path_leads_to_a_file_that_is_not_ours(send: Send, prefix: str, climb: str) -> None:
    status, _, body = send(prefix + climb)
    assert status in {404, 405, 422}
    assert b"root:" not in body


@pytest.mark.parametrize("target", ["/", "/artworks", "/docs", "/nothing"])
def test_no_page_repeats_the_name_it_was_asked_by(send: Send, target: str) -> None:
    claimed = [f"{name}: evil.example" for name in ("X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "Forwarded")]
    _, head, body = send(target, *claimed, "X-Forwarded-Proto: https", host="evil.example")
    assert b"evil.example" not in head + body
    assert b"strict-transport-security" not in head.lower()


@pytest.mark.parametrize("name", ["X-Forwarded-Prefix", "X-Script-Name", "X-Original-URL", "X-Rewrite-URL"])
def test_no_header_moves_the_site_below_another_path(send: Send, name: str) -> None:
    anew = re.compile(rb"token=[0-9a-f]{32}")
    status, _, body = send("/", f"{name}: /evil")
    assert status == 200
    assert anew.sub(b"", body) == anew.sub(b"", send("/")[2])


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/",
        "//evil.example/%2e%2e",
        "/%2fevil.example/",
        "/%5cevil.example/",
        "/\\evil.example/",
        "/static/",
    ],
)
def test_no_redirect_leads_away(send: Send, target: str) -> None:
    status, head, _ = send(target, host="evil.example")
    assert status == 404
    assert b"location:" not in head.lower()


@pytest.mark.parametrize("target", ["/artworks", "/docs"])
def test_redirect_from_a_slash_too_many_names_no_host(send: Send, target: str) -> None:
    status, head, _ = send(f"{target}/", "X-Forwarded-Host: evil.example", host="evil.example")
    assert status == 308
    assert re.search(rb"(?im)^location: (.*?)\r?$", head)[1] == target.encode()  # type: ignore[index]
    assert b"evil.example" not in head


@pytest.mark.parametrize("target", ["/", SHEET, "/favicon.ico", "/nothing"])
def test_head_sends_the_head_alone(send: Send, target: str) -> None:
    status, head, body = send(target, method="HEAD")
    assert body == b""
    assert status == send(target)[0]
    assert int(re.search(rb"(?i)content-length: (\d+)", head)[1]) > 0  # type: ignore[index]


@pytest.mark.parametrize("host", ["", "a b", "evil.example:99999999", '"><script>alert(1)</script>', "x" * 3000])
def test_name_that_is_none_breaks_nothing(send: Send, host: str) -> None:
    status, _, body = send("/", host=host)
    assert status in {200, 400}
    assert b"<script>alert" not in body


@pytest.mark.parametrize(
    "ranges",
    [
        ",".join(f"{start}-" for start in range(1500)),
        ",".join(["0-"] * 1500),
        ",".join(["0-0"] * 1500),
        ",".join(f"-{length}" for length in range(1, 1500)),
        ",".join(f"{start}-{start}" for start in range(0, 3000, 2)),
        "0-99999999999999999999999999999999999999",
        "99999999999999999999999999-",
        "-99999999999999999999999999",
        "5-1",
        "-0",
        "a-b",
        "0x10-0x20",
        "٣-٤",
        "-",
        ",,,,,,",
        "0-1" + "," * 3000,
    ],
    ids=lambda ranges: ranges[:20],
)
def test_ranges_cost_no_more_than_the_file_and_never_fail(send: Send, ranges: str) -> None:
    start = time.monotonic()
    header = f"Range: bytes={ranges}".encode().decode("latin-1")
    status, _, body = send(SHEET, header)
    assert time.monotonic() - start < SOON_S
    assert status in {200, 206, 400, 416}
    # Each part of an answer in several has some 120 bytes of its own.
    assert len(body) <= SHEET_BYTES + 150 * (1 + ranges.count(","))


def test_endless_headers_are_cut_off(web: int) -> None:
    with socket.create_connection(("127.0.0.1", web), timeout=SOON_S) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        sent = 0
        try:
            while sent < 64_000_000:
                sent += connection.send(b"X-Filler: " + b"a" * 4000 + b"\r\n")
        except OSError:
            pass
    # The server stops at 64 kB; the rest was on its way in the system's buffers.
    assert sent < 16_000_000


def test_addresses_of_jobs_are_not_logged(redis_socket: str, tmp_path: Path) -> None:
    """Not even where uvicorn was not told to keep no list of requests."""
    secret = "5" * 32
    with web_server(redis_socket, tmp_path, without=("--no-access-log",)) as port:
        for path in (
            f"/jobs/{secret}",
            f"/api/v1/jobs/{secret}",
            f"/nothing?token={secret}",
            f"/jobs/{secret}a",
        ):
            assert patient.get(f"http://127.0.0.1:{port}{path}").status_code == 404
    log = (tmp_path / "web.log").read_text()
    assert log.count('"GET /jobs/555555…') == 2
    assert log.count("refused 404") == 4
    assert secret not in log
