"""Addresses as they are asked for: below the site's root, by HEAD, with a slash too many, icons by their usual names.

Everywhere else an address is one within the site, such as `/jobs/ID`. Pages and the API's answers name it with
`Settings.root_path` before it; here that is taken off what comes in, and put on redirects.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import anyio
from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.origin import SAFE_METHODS

router = APIRouter(include_in_schema=False)

PICTURES = Path(__file__).parents[2] / "static" / "pictures"
A_DAY = {"Cache-Control": "public, max-age=86400"}
# Not even job pages are shut out here: a robot that may not read a page can't know that it is not to be listed.
ROBOTS = "# Every answer says that it is not to be listed.\nUser-agent: *\nDisallow:\n"


@router.get("/favicon.ico")
def favicon() -> Response:
    return FileResponse(PICTURES / "favicon.ico", media_type="image/x-icon", headers=A_DAY)


@router.get("/apple-touch-icon.png")
def touch_icon() -> Response:
    return FileResponse(PICTURES / "apple-touch-icon.png", media_type="image/png", headers=A_DAY)


@router.get("/robots.txt")
def robots() -> Response:
    return PlainTextResponse(ROBOTS, headers=A_DAY)


class BelowRoot:
    """Takes the site's root off the paths of requests, if the proxy has not done so, and puts it on redirects."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if scope["path"] == self.root_path or scope["path"].startswith(f"{self.root_path}/"):
            # In place: who answers for a failure of ours stands outside, and asks for the path too.
            scope["path"] = scope["path"].removeprefix(self.root_path) or "/"

        async def send_below(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("location", "").startswith("/"):
                    headers["location"] = self.root_path + headers["location"]
            await send(message)

        return await self.app(scope, receive, send_below)


class HeadAsGet:
    """Answers HEAD wherever there is an answer to GET: the same, without its body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self.app(scope, receive, send)
        is_asked, answered = False, anyio.Event()

        async def receive_nothing() -> Message:
            nonlocal is_asked
            if not is_asked:
                is_asked = True
                return {"type": "http.request"}
            await answered.wait()
            return {"type": "http.disconnect"}  # so that whoever sends a file piece by piece stops at its first one

        async def send_head(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
            elif not answered.is_set():
                answered.set()
                await send({"type": "http.response.body"})

        return await self.app({**scope, "method": "GET"}, receive_nothing, send_head)


def without_slash(request: Request) -> Response | None:
    """The redirect from an address that ends with a slash to the page that is meant; None where there is none.

    It names a path that one of our routes has, and never a host: `//elsewhere/` is no address of ours.
    """
    path = request.scope["path"].rstrip("/")
    if request.method not in SAFE_METHODS or path == request.scope["path"] or not is_page(request, path):
        return None
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(quote(path) + query, 308)


def is_page(request: Request, path: str) -> bool:
    """Whether a route answers GET at this path."""
    asked = {"type": "http", "method": "GET", "path": path}
    routes = (route for route in request.app.routes if not isinstance(route, Mount))
    return any(route.matches(asked)[0] is Match.FULL for route in routes)
