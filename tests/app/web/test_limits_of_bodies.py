"""Bodies: how large one may be, by what is declared and by what comes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from app.web.bodies import BodyLimit


def test_declared_size_above_the_limit_is_refused_before_the_body(client: TestClient) -> None:
    def body() -> object:
        raise AssertionError("the body was read")
        yield b""

    headers = {"Content-Length": str(10**10), "Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/v1/photos", content=b"", headers=headers)
    assert answer.status_code == 413
    assert answer.json()["code"] == "photo-too-many-bytes"
    assert "MB" in answer.json()["detail"]


def test_undeclared_body_is_cut_off_at_the_limit(client: TestClient, limit_mb: int) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
        while sent < 3 * limit_mb * 1_000_000:
            sent += 65536
            yield bytes(65536)
        yield b"\r\n--x--\r\n"

    answer = client.post(
        "/api/v1/photos", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(("size", "rounds"), [(64 * 1024, 5), (200, 1)])
def test_large_parts_of_bodies_are_handed_on_one_in_each_round(size: int, rounds: int) -> None:
    now, handed_on = 0, []

    async def receive() -> Message:
        return {"type": "http.request", "body": bytes(size)}

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        handed_on.append(now)

    async def five_uploads() -> None:
        nonlocal now
        limit = BodyLimit(route, 1)
        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        uploads = [asyncio.create_task(limit(scope, receive, receive)) for _ in range(5)]  # type: ignore[arg-type]
        while not all(upload.done() for upload in uploads):
            await asyncio.sleep(0)
            now += 1

    asyncio.run(five_uploads())
    assert len(handed_on) == 5
    assert len(set(handed_on)) == rounds


def test_too_large_form_shows_the_sentence_beside_the_photo(client: TestClient, limit_mb: int) -> None:
    answer = client.post("/jobs", files={"photo": ("a.jpg", bytes(limit_mb * 1_000_000 + 400_000))})
    assert answer.status_code == 413
    assert re.search(r'id="photo-error"[^>]*>This photo is larger than', answer.text)
