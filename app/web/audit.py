"""The security log: who was refused what, and who deleted what.

A client is told by the keyed hash of its address that records have, too, and an address of ours without the whole of an
id, so that the log gives nobody away and opens nothing.
"""

from __future__ import annotations

import logging
from urllib.parse import quote

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.answering import CODE
from app.web.limits import client_of

HASH_DIGITS = 8
# Of one client are told; who is refused more often is not to fill the disk with it.
TOLD = parse("60/minute")
DELETIONS = ("/delete", "/remove")  # by the forms of pages; programs and scripts use DELETE
LONGEST_PATH = 200
log = logging.getLogger("atelier.security")
log.setLevel(logging.INFO)  # whatever else is logged


class SecurityLog:
    """Tells of each request that was refused, and of each that deleted something."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.told = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(Request(scope), message["status"])
            await send(message)

        return await self.app(scope, receive, send_noting)

    def _note(self, request: Request, status: int) -> None:
        is_refusal = 400 <= status < 500
        if not is_refusal and (status >= 400 or not is_deletion(request)):
            return
        client = client_of(request, request.app.state.secret)[:HASH_DIGITS]
        if not is_refusal or self.told.hit(TOLD, client):
            what = f"refused {status} {request.scope.get(CODE, '')}".rstrip() if is_refusal else "deleted"
            log.info(
                "%s: %s %s by client %s", what, request.method, quote(request.scope["path"][:LONGEST_PATH]), client
            )


def is_deletion(request: Request) -> bool:
    """Whether a request takes something away for good."""
    return request.method == "DELETE" or (request.method == "POST" and request.scope["path"].endswith(DELETIONS))
