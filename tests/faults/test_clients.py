"""Clients that dawdle, stall, or go away."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from app.jobs.storage import keys
from tests.bench import StartWorker
from tests.faults.promise import MarkedBench, Promise
from tests.faults.servers import Web, png, wish
from tests.waiting import until

CLIENTS = 200
PATIENCE_S = 10.0  # on a busy machine; what is ready is answered in milliseconds


@contextmanager
def connections(web: Web, count: int, opening: bytes) -> Iterator[list[socket.socket]]:
    """So many connections, each of which has sent the opening of a request and then nothing."""
    made = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(count)]
    try:
        for each in made:
            each.sendall(opening)
        yield made
    finally:
        for each in made:
            each.close()


def upload(mark: frozenset[int]) -> bytes:
    """A whole upload as it goes over the wire."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n\r\n' + png(mark) + b"\r\n--x--\r\n"
    )
    head = (
        "POST /api/v1/photos HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def answers_quickly(web: Web, bench: MarkedBench) -> None:
    """Others are served as if nothing were the matter."""
    began = time.monotonic()
    assert web.ask("GET", "/healthz").status_code == 200
    web.upload(bench.new_mark())
    assert time.monotonic() - began < PATIENCE_S


@pytest.mark.faults("F16", "200 uploads that stop half-way, and go away later")
def test_dawdling_uploads_hold_nobody_up_and_leave_nothing(bench: MarkedBench, web: Web) -> None:
    web.start()
    whole = upload(bench.new_mark())
    with connections(web, CLIENTS, whole[: len(whole) // 2]) as dawdling:
        answers_quickly(web, bench)
        (kept,) = bench.storage.root.glob("photos/*")
        for each in dawdling[::2]:  # half of them tear the connection
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert web.process
    server = psutil.Process(web.process.pid)
    until(lambda: len(server.net_connections()) < CLIENTS / 2, "the end of the connections", 30)
    answers_quickly(web, bench)
    assert kept in bench.storage.root.glob("photos/*")
    assert len(list(bench.storage.root.glob("photos/*"))) == 2, "something is left of uploads that never ended"


@pytest.mark.faults("F16", "200 requests whose headers never end")
def test_endless_headers_hold_nobody_up(bench: MarkedBench, web: Web) -> None:
    web.start()
    with connections(web, CLIENTS, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "):
        answers_quickly(web, bench)


@pytest.mark.slow_fault
@pytest.mark.faults("F16", "200 downloads of an artwork that are not read")
def test_stalled_downloads_hold_nobody_up(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, web: Web
) -> None:
    web.start()
    start_worker()
    job = bench.ended(bench.job())
    request = f"GET /api/v1/jobs/{job.id}/artwork.png HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with connections(web, CLIENTS, request * 20):
        answers_quickly(web, bench)
    artwork = web.ask("GET", f"/api/v1/jobs/{job.id}/artwork.png")
    assert artwork.content == bench.storage.get(keys.artwork_key(job.id, job.fence))
    promise.kept()


@pytest.mark.slow_fault
@pytest.mark.faults("F16", "a client that starts a job and is gone before the answer")
def test_a_job_whose_client_has_gone_is_painted(
    bench: MarkedBench, start_worker: StartWorker, promise: Promise, web: Web, flag: Path
) -> None:
    web.start("tests.faults.spoiled", FAULT="pause_before_publish", FAULT_FLAG=str(flag), FAULT_MODULE="uvicorn")
    start_worker()
    mark = bench.new_mark()
    body = json.dumps(wish(web.upload(mark))).encode()
    head = (
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with connections(web, 1, head.encode() + body):
        until(flag.exists, "the record")
    flag.unlink()
    (key,) = bench.storage.list("jobs/")
    bench.expect(key.split("/")[1], mark)
    promise.kept()
