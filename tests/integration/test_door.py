"""Clients that take their time, that come in crowds, and that write what two servers read differently."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.app import pictures
from tests.integration.conftest import web_server
from tests.patient import PATIENCE_S

HEAD_S, SILENCE_S = 1.0, 2.0
MOST = 40
CROWD = 1100
SOON_S = 20.0  # on a busy machine
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
PHOTO = pictures.landscape()
BODY = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n' + PHOTO + b"\r\n--x--\r\n"
UPLOAD = (
    "POST /api/v1/photos HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n"
).encode()
Connect = Callable[[bytes], socket.socket]


@pytest.fixture(scope="module")
def hasty(redis_socket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a web server that soon loses its patience."""
    with web_server(
        redis_socket,
        tmp_path_factory.mktemp("hasty"),
        ATELIER_HEAD_TIME_LIMIT_S=str(HEAD_S),
        ATELIER_SILENCE_LIMIT_S=str(SILENCE_S),
    ) as port:
        yield port


@pytest.fixture(scope="module")
def patient(redis_socket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of one that lets everybody take their time, and few in."""
    with web_server(
        redis_socket,
        tmp_path_factory.mktemp("patient"),
        ATELIER_HEAD_TIME_LIMIT_S="600",
        ATELIER_SILENCE_LIMIT_S="600",
        ATELIER_ADDRESS_CONNECTIONS=str(MOST),
    ) as port:
        yield port


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What is closed after the test."""
    with ExitStack() as stack:
        yield stack


def connection_to(port: int, opened: ExitStack, opening: bytes) -> socket.socket:
    """A connection that has sent so much."""
    made = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=SOON_S))
    made.sendall(opening)
    return made


@pytest.fixture
def rush(hasty: int, opened: ExitStack) -> Connect:
    """Opens a connection to the hasty server."""
    return partial(connection_to, hasty, opened)


@pytest.fixture
def connect(patient: int, opened: ExitStack) -> Connect:
    """Opens a connection to the patient server."""
    return partial(connection_to, patient, opened)


def answer_of(connection: socket.socket) -> bytes:
    """All that the server says until it ends the connection; nothing where it resets it."""
    said = b""
    try:
        while part := connection.recv(1 << 16):
            said += part
    except ConnectionResetError:
        pass
    return said


def is_up(port: int) -> bool:
    return bool(httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=SOON_S).json() == {"status": "up"})


@pytest.mark.parametrize(
    "opening", [b"", b"G", HALF_A_HEAD, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"G"]
)
def test_a_head_that_does_not_end_ends_the_connection(rush: Connect, opening: bytes) -> None:
    began = time.monotonic()
    said = answer_of(rush(opening))
    assert time.monotonic() - began >= HEAD_S
    assert said.count(b"HTTP/1.1") == opening.count(b"\r\n\r\n")


def lasts_s(connection: socket.socket, trickle: bytes) -> float:
    """Seconds until the server ends a connection on which this is said again and again."""
    began = time.monotonic()
    connection.settimeout(0.1)
    while time.monotonic() - began < SOON_S:
        try:
            connection.sendall(trickle)
            if connection.recv(1 << 16) == b"":
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return time.monotonic() - began


def test_a_head_that_trickles_ends_the_connection(rush: Connect) -> None:
    assert HEAD_S / 2 <= lasts_s(rush(HALF_A_HEAD), b"a") < SOON_S


@pytest.mark.parametrize("trickle", [b"", b"a"], ids=["silent", "trickling"])
def test_a_body_that_stands_still_ends_the_connection(rush: Connect, trickle: bytes) -> None:
    assert SILENCE_S / 2 <= lasts_s(rush(UPLOAD + BODY[:100]), trickle) < SOON_S


def test_a_slow_upload_that_goes_on_is_taken(rush: Connect) -> None:
    """As from a train: it takes longer than any silence may, with pauses."""
    connection = rush(UPLOAD)
    began, pause = time.monotonic(), SILENCE_S / 2
    pieces = 6
    size = -(-len(BODY) // pieces)
    assert size > 1024
    for start in range(0, len(BODY), size):
        connection.sendall(BODY[start : start + size])
        time.sleep(pause)  # this is what is tested
    said = connection.recv(1 << 16)
    assert said.startswith(b"HTTP/1.1 201")
    assert time.monotonic() - began > SILENCE_S


@pytest.mark.usefixtures("many_files")
def test_a_crowd_of_half_open_connections_keeps_nobody_out(connect: Connect, patient: int) -> None:
    """All from the address that the others come from as well."""
    crowd = []
    for number in range(CROWD):
        crowd.append(connect(HALF_A_HEAD))
        if number % 100 == 99:
            assert is_up(patient)
    answer = httpx.post(f"http://127.0.0.1:{patient}/api/v1/photos", files={"photo": PHOTO}, timeout=PATIENCE_S)
    assert answer.status_code == 201
    ended = 0
    for connection in crowd[: CROWD - MOST]:
        ended += answer_of(connection) == b""
    assert ended == CROWD - MOST


def test_who_is_answered_stays_and_the_longest_silent_leaves(connect: Connect, patient: int) -> None:
    silent = connect(HALF_A_HEAD)
    upload = connect(UPLOAD + BODY[:1000])
    assert is_up(patient)
    others = [connect(HALF_A_HEAD) for _ in range(MOST - 3)]
    assert is_up(patient)  # whoever comes after these is answered after they were let in
    upload.sendall(BODY[1000:2000])
    assert is_up(patient)  # whoever asks after these bytes is answered after they are read
    others += [connect(HALF_A_HEAD) for _ in range(MOST // 2)]
    assert answer_of(silent) == b""
    upload.sendall(BODY[2000:])
    assert upload.recv(1 << 16).startswith(b"HTTP/1.1 201")


def test_a_listed_proxy_may_have_any_number(redis_socket: str, tmp_path: Path, opened: ExitStack) -> None:
    with web_server(
        redis_socket, tmp_path, ATELIER_ADDRESS_CONNECTIONS="3", ATELIER_TRUSTED_PROXIES="127.0.0.1"
    ) as port:
        several = [connection_to(port, opened, HALF_A_HEAD) for _ in range(20)]
        assert is_up(port)
        for each in several:
            each.sendall(b"a\r\nConnection: close\r\n\r\n")
            assert each.recv(12) == b"HTTP/1.1 200"


@pytest.fixture
def many_files() -> Iterator[None]:
    """So many as both ends of a crowd need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * CROWD:
        pytest.skip("this test may not open so many files itself")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * CROWD), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_open_files_suffice_whoever_connects(redis_socket: str, tmp_path: Path, opened: ExitStack) -> None:
    """Without a limit for an address, and with fewer files than there are connections."""
    with web_server(redis_socket, tmp_path, most_files=512, ATELIER_ADDRESS_CONNECTIONS="0") as port:
        for number in range(CROWD):
            connection_to(port, opened, HALF_A_HEAD)
            if number % 100 == 99:
                assert is_up(port)
    assert "out of system resource" not in (tmp_path / "web.log").read_text()


POST = b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        POST + b"Content-Length: 5, 6\r\n\r\nhello",
        POST + b"Content-Length: +5\r\n\r\nhello",
        POST + b"Content-Length : 5\r\n\r\nhello",
        POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\nHost: localhost\n\n",
        b"GET / HTTP/1.1\r\nHost: localhost\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\nContent-Length: 5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rContent-Length: 5\r\n\r\n",
        b"\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        CHUNKED + b"2\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2;a\rb\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}\r\n0\r\n\n",
        CHUNKED + b"2\r\n{}\r\n0\r\nX: a\n\r\n",
        CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_what_two_servers_may_read_differently_is_refused(connect: Connect, request_: bytes) -> None:
    assert answer_of(connect(request_)).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "request_",
    [
        CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2;a=b\r\n{}\r\n0\r\nX: a\r\n\r\n",
        POST + b"Content-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 3\r\n\r\n{\n}",
        CHUNKED + b"3\r\n{\n}\r\n0\r\n\r\n",
    ],
)
def test_what_all_servers_read_alike_is_read(connect: Connect, request_: bytes) -> None:
    assert answer_of(connect(request_)).startswith(b"HTTP/1.1 422")  # by the route: that is no job


def test_chunks_that_break_while_the_answer_is_under_way_end_the_connection(
    connect: Connect, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The route has refused the type; the answer's end waits for the body's."""
    connection = connect(CHUNKED.replace(b"/v1/jobs", b"/nothing"))
    assert connection.recv(12) == b"HTTP/1.1 404"
    connection.sendall(b"none\r\n")
    answer_of(connection)
    for path in Path(tmp_path_factory.getbasetemp()).rglob("web.log"):
        assert "Traceback" not in path.read_text()
