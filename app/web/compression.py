"""Texts that travel compressed: pages at their first view, scripts and style sheets always."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

LEAST_BYTES = 500  # of less, the headers that tell of it take most of what is gained; a page has a dozen small scripts
LEVEL = 6
AS_THEY_ARE = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "image/*")


class Compression:
    """Compresses answers with gzip, but for those to a browser that has a cookie of ours, static files excepted.

    A page for such a browser may hold what nobody else knows, such as the ids of its own paintings, beside what the
    address says; if both are compressed together, whoever can make a browser ask and sees how long the answers are
    learns the one by guessing in the other (BREACH). Without a cookie there is nothing to learn. Pictures and archives
    are compressed already.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.plain = app
        self.compressed = GZipMiddleware(
            app, minimum_size=LEAST_BYTES, compresslevel=LEVEL, exclude_content_types=AS_THEY_ARE
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_personal = scope["type"] == "http" and "cookie" in Headers(scope=scope)
        if is_personal and not scope["path"].startswith("/static/"):
            return await self.plain(scope, receive, send)
        return await self.compressed(scope, receive, send)
