"""Requests of a stranger's size, to every route that takes any: little is read, little is said, nobody else waits."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, product

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.types import Message

from app.jobs.models import PaintRequest
from app.main import create_app
from app.settings import Settings
from app.web.answering import MOST_MISFITS
from app.web.bodies import FORM_OVERHEAD_BYTES, SMALL_BODY_BYTES, TAKES_FILES

PIECE_BYTES = 64 * 1024  # what the server reads at once
MOST_SAID_BYTES = 16 * 1024  # a page with a sentence on it
# The home page, with its gallery, and the page to draw on, with all parts.
HOME, LONGEST_PAGE_BYTES = ("/jobs", "/photos/sample", "/photos/received", "/paintings/remove", "/draw"), 200_000
ID = "0" * 32
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
TAKE_JSON = ["/api/v1/jobs", "/api/v1/series", f"/api/v1/jobs/{ID}/recolor"]


def writes() -> Iterator[tuple[str, str]]:
    """Method and path of every route that changes anything; ids in them are nobody's."""
    for path, operations in create_app(Settings()).openapi()["paths"].items():
        yield from ((method.upper(), re.sub(r"{\w+}", ID, path)) for method in operations if method != "get")
    yield from (("POST", path) for path in HOME)
    for kind, deeds in (("jobs", "cancel retry again recolor share delete"), ("series", "cancel delete")):
        yield from (("POST", f"/{kind}/{ID}/{deed}") for deed in deeds.split())


@dataclass
class Answer:
    """What was said, and how many bytes of the body had been taken in by then."""

    status: int
    body: bytes
    taken: int


def unknown_fields(size: int) -> bytes:
    return b"{" + b",".join(b'"%x":1' % number for number in range(size // 10)) + b"}"


def many_fields(size: int) -> bytes:
    return b"&".join([b"a="] * (size // 3))


SHAPES: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "unknown fields": (JSON, unknown_fields),
    "deep lists": (JSON, lambda size: b"[" * (size // 2) + b"]" * (size // 2)),
    "deep objects": (JSON, lambda size: b'{"a":' * (size // 6) + b"1" + b"}" * (size // 6)),
    "a long string": (JSON, lambda size: b'{"photo":"' + b"0" * size + b'"}'),
    "a long name": (JSON, lambda size: b'{"' + b"n" * size + b'":1}'),
    "a long number": (JSON, lambda size: b'{"seed":' + b"9" * size + b"}"),
    "layers": (JSON, lambda size: b'{"style_layers":' + unknown_fields(size) + b"}"),
    "styles": (JSON, lambda size: b'{"styles":[' + b",".join([b"{}"] * (size // 3)) + b"]}"),
    "fields of a form": (FORM, many_fields),
    "one field of a form": (FORM, lambda size: b"style=" + b"s" * size),
}


SMALL_BUT_MANY = [make(60_000) for kind, make in SHAPES.values() if kind == JSON]
Asked = Callable[..., Answer]


@pytest.fixture
def asked(settings: Settings) -> Iterator[Asked]:
    with asking(settings) as asked:
        yield asked


@contextmanager
def asking(settings: Settings) -> Iterator[Asked]:
    """Asks an application over nothing but ASGI, piece by piece."""
    app = create_app(settings)
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        yield lambda *request, **how: runner.run(ask(app, *request, **how))
        runner.run(lifespan.__aexit__(None, None, None))


async def ask(app: FastAPI, method: str, path: str, kind: str, body: bytes, *, is_declared: bool = True) -> Answer:
    taken, answer, places = 0, Answer(0, b"", 0), count(0, PIECE_BYTES)
    headers = [(b"host", b"atelier"), (b"origin", b"http://atelier"), (b"content-type", kind.encode())]
    if is_declared:
        headers.append((b"content-length", str(len(body)).encode()))

    async def receive() -> Message:
        nonlocal taken
        at = next(places)
        piece = body[at : at + PIECE_BYTES]
        taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": at + PIECE_BYTES < len(body)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.taken = message["status"], taken
        answer.body += message.get("body", b"")

    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "scheme": "http", "server": ("atelier", 80), "client": ("here", 1),
        "root_path": "", "app": app,
    }  # fmt: skip
    await app(scope, receive, send)
    return answer


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared", "undeclared"])
def test_no_route_reads_more_than_it_needs(asked: Asked, settings: Settings, is_declared: bool) -> None:
    body = unknown_fields(10_000_000)
    for method, path in writes():
        takes_files = bool(TAKES_FILES.fullmatch(path))
        kind = "multipart/form-data; boundary=x" if takes_files else JSON
        limit = settings.upload_limit_mb * 1_000_000 + FORM_OVERHEAD_BYTES if takes_files else SMALL_BODY_BYTES
        answer = asked(method, path, kind, body, is_declared=is_declared)
        assert answer.taken <= limit + PIECE_BYTES, path
        assert 300 <= answer.status < 500, (path, answer.body[:1000])
        assert len(answer.body) < (MOST_SAID_BYTES if path not in HOME else LONGEST_PAGE_BYTES), path


@pytest.mark.parametrize("path", [*TAKE_JSON, f"/jobs/{ID}/recolor", "/jobs", "/api/v1/photos"])
def test_whatever_is_sent_the_answer_is_short(asked: Asked, path: str) -> None:
    for shape, size in [*product(SHAPES, [60_000, 5_000_000]), ("a long string", 35_000_000)]:
        kind, make = SHAPES[shape]
        answer = asked("POST", path, kind, make(size))
        assert answer.taken <= SMALL_BODY_BYTES + PIECE_BYTES
        assert 400 <= answer.status < 500, answer.body[:1000]
        assert len(answer.body) < (MOST_SAID_BYTES if path not in HOME else LONGEST_PAGE_BYTES)
        if path in TAKE_JSON and size > SMALL_BODY_BYTES:
            problem = json.loads(answer.body)
            assert (answer.status, problem["code"]) == (413, "request-too-large")
            assert "64 kB" in problem["detail"]


@pytest.mark.parametrize("path", ["photos", f"photos/{ID}/masks", "paintings"])
def test_no_upload_is_read_for_which_there_is_no_room(settings: Settings, path: str) -> None:
    with asking(settings.model_copy(update={"least_free_mb": 10**9})) as asked:
        answer = asked("POST", f"/api/v1/{path}", "multipart/form-data; boundary=x", bytes(1_000_000))
    assert (answer.status, answer.taken) == (507, 0)
    assert json.loads(answer.body)["code"] == "storage-full"


def test_a_request_tells_its_first_twenty_faults(asked: Asked) -> None:
    wish = {"photo": ID, "styles": [{"id": "dusk"}]} | {f"unknown{number}": 1 for number in range(60)}
    answer = asked("POST", "/api/v1/jobs", JSON, json.dumps(wish).encode())
    assert answer.status == 422
    assert len(json.loads(answer.body)["errors"]) == MOST_MISFITS


@pytest.mark.parametrize("body", SMALL_BUT_MANY)
def test_what_is_small_makes_few_errors(body: bytes) -> None:
    """Pydantic would make one of each field, thousands in 64 kB, and that on the event loop."""
    with pytest.raises(ValidationError) as raised:
        PaintRequest.model_validate_json(body)
    assert raised.value.error_count() < 110


def test_a_name_that_no_text_can_hold_is_refused_in_words(asked: Asked) -> None:
    answer = asked("POST", "/api/v1/jobs", JSON, rb'{"\ud800":1}')
    assert answer.status == 422
    assert json.loads(answer.body)["code"] == "request-invalid"


@pytest.mark.parametrize("charset", ["punycode", '"PunyCode"', "idna", "utf-7", "unicode_escape", "no-such"])
@pytest.mark.parametrize("path", ["/api/v1/photos", "/jobs", "/language", f"/jobs/{ID}/share", "/api/v1/jobs"])
def test_a_form_in_rare_letters_is_not_read(asked: Asked, path: str, charset: str) -> None:
    """Python's reader of punycode takes a second for 100 kB, minutes for a megabyte, and a form may have forty of
    them."""
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"z" * 100_000 + b"\r\n--x--\r\n"
    answer = asked("POST", path, f"multipart/form-data; boundary=x; charset={charset}", body)
    assert (answer.status, answer.taken) == (400, 0)


@pytest.mark.parametrize("path", ["/api/v1/photos", "/jobs", "/language", f"/jobs/{ID}/share", "/api/v1/jobs"])
def test_a_form_that_says_too_much_of_itself_is_not_read(asked: Asked, path: str) -> None:
    answer = asked("POST", path, "multipart/form-data; boundary=x" + ";" * 60_000, b"--x--\r\n")
    assert (answer.status, answer.taken) == (400, 0)


@pytest.mark.parametrize("charset", ["utf-8", '"UTF-8"', "iso-8859-1"])
def test_a_form_in_usual_letters_is_read(asked: Asked, charset: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nz\r\n--x--\r\n'
    answer = asked("POST", "/api/v1/photos", f"multipart/form-data; boundary=x; charset={charset}", body)
    assert json.loads(answer.body)["code"] == "photo-missing"
