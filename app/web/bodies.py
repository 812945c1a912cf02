"""How much a request may bring, and in which letters."""

from __future__ import annotations

import asyncio
import re

from python_multipart.multipart import parse_options_header  # as Starlette reads it
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import refusals
from app.web.answering import answer
from app.web.origin import SAFE_METHODS

# Multipart boundaries, part headers and the form's other fields on top of the photo itself.
FORM_OVERHEAD_BYTES = 256 * 1024
LARGE_PART_BYTES = 16 * 1024
FORMS_OF_FILES = ("/jobs", "/draw", "/photos/received")  # of several
# Where files come in, always as multipart/form-data; the form of the home page goes to the second, third and fifth.
TAKES_FILES = re.compile(
    r"/draw|/jobs|/photos/(sample|received)|/paintings/remove|/api/v1/(photos|photos/[^/]+/masks|paintings)"
)
# Of everything else that is sent: JSON, and the forms of the other pages. It is taken apart on the event loop.
SMALL_BODY_BYTES = 64 * 1024
LONGEST_TYPE = 1000  # of a Content-Type; 60 kB of semicolons take Python half a second
# What a form may say that its texts are written in. Browsers send UTF-8 and say nothing; of the other hundred that
# Python reads, one takes minutes for a megabyte.
CHARSETS = {"", "utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252"}
LENGTH = re.compile(r"\d{1,19}", re.ASCII)


class BodyLimit:
    """Refuses a body above its limit: at its Content-Length before a byte is read, or while it streams in.

    Forms with files have the limit of an upload, the pages' own that of several, and all else, which is taken apart at
    once and on the event loop, SMALL_BODY_BYTES.

    The refusal is raised where the route reads the body, so that the route answers it as any other. The server goes on
    dropping what still arrives, which browsers need: they show an answer only after they have sent the whole form.

    Large parts of bodies are handed on one in each round of the event loop: taken apart all in one round, those of many
    uploads at once would keep everybody else waiting for half a second.
    """

    def __init__(self, app: ASGIApp, limit_mb: int, form_limit_mb: int = 0) -> None:
        self.app = app
        self.limit_mb = limit_mb
        self.form_limit_mb = max(limit_mb, form_limit_mb)
        self.turnstile = asyncio.Lock()  # first come, first served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        kind = headers.get("content-type", "")
        if len(kind) > LONGEST_TYPE or charset_in(kind) not in CHARSETS:
            unreadable = answer(Request(scope, receive), refusals.FORM_UNREADABLE)
            return await unreadable(scope, receive, send)
        limit_bytes, refusal = self._limit(scope["path"], kind)
        declared = headers.get("content-length", "")
        received = int(declared) if LENGTH.fullmatch(declared) and int(declared) > limit_bytes else 0

        async def receive_counting() -> Message:
            nonlocal received
            if received <= limit_bytes:
                message = await receive()
                size = len(message.get("body", b""))
                received += size
                if size > LARGE_PART_BYTES:
                    async with self.turnstile:
                        await asyncio.sleep(0)
            if received > limit_bytes:
                raise refusal
            return message

        return await self.app(scope, receive_counting, send)

    def _limit(self, path: str, content_type: str) -> tuple[int, refusals.RefusalError]:
        """The most bytes of a body, and how a larger one is refused."""
        if not (TAKES_FILES.fullmatch(path) and content_type.lower().startswith("multipart/form-data")):
            limit_kb = SMALL_BODY_BYTES // 1024
            return SMALL_BODY_BYTES, refusals.RefusalError(refusals.REQUEST_TOO_LARGE, limit_kb=limit_kb)
        is_form = path in FORMS_OF_FILES
        limit_mb = self.form_limit_mb if is_form else self.limit_mb
        kind = refusals.FORM_TOO_LARGE if is_form else refusals.TOO_MANY_BYTES[thing_of(path)]
        return limit_mb * 1_000_000 + FORM_OVERHEAD_BYTES, refusals.RefusalError(kind, limit_mb=limit_mb)


def charset_in(kind: str) -> str:
    """What a Content-Type says that a body is written in, in lower case."""
    _, options = parse_options_header(kind)
    return options.get(b"charset", b"").decode("latin-1").lower()


def thing_of(path: str) -> refusals.Thing:
    """What is sent to an address that takes files."""
    return "mask" if path.endswith("/masks") else "painting" if path.endswith("/paintings") else "photo"
