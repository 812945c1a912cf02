"""Which language an answer is in, and what else a browser says of its reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.translation import ENGLISH, LANGUAGE, LANGUAGES, Language
from app.web.cookies import cookie, keep_cookie

router = APIRouter(include_in_schema=False)

COOKIE = "atelier_language"
YEAR_S = 365 * 24 * 3600
MOST = 20  # languages that a header may ask for; who speaks more is no browser
# Where lengths are in inches in daily life: the United States, Liberia, Myanmar.
INCHES = {"us", "lr", "mm"}
IN_WORDS = ("text/html", "application/json", "application/problem+json")


class InLanguage:
    """Answers each request in its reader's language, and says on what is written in words which one that is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        language = language_of(Request(scope))
        # Each request is a task of its own, so this is nobody else's, and is still there where a failure is answered.
        LANGUAGE.set(language)

        async def send_with_language(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith(IN_WORDS):
                    headers["Content-Language"] = language.tag
                    headers.add_vary_header("Accept-Language")
                    headers.add_vary_header("Cookie")
            await send(message)

        return await self.app(scope, receive, send_with_language)


@router.post("/language")
def switch(request: Request, language: Annotated[str, Form(max_length=20)] = "") -> Response:
    """Remembers the language that somebody chose, and leads back to where that was."""
    response = RedirectResponse(back(request), 303)
    chosen = nearest(language)
    if chosen:
        keep_cookie(request, response, COOKIE, chosen.tag, same_site="lax", max_age_s=YEAR_S)
    return response


@router.get("/language")
def home_again() -> Response:
    """The way back for who keeps the address that the switch is sent to."""
    return RedirectResponse("/", 303)


def back(request: Request) -> str:
    """The page of ours that a form was sent from, within the site; the home page where the browser does not say."""
    came_from = urlsplit(request.headers.get("referer", ""))
    root = request.app.state.settings.root_path
    if came_from.netloc != request.url.netloc or not came_from.path.startswith(f"{root}/"):
        return "/"
    path = "/" + came_from.path.removeprefix(root).lstrip("/")
    return f"{path}?{came_from.query}" if came_from.query else path


def language_of(request: Request) -> Language:
    """The language that was chosen here; else the first of the browser's that there is; else English."""
    wanted = [cookie(request, COOKIE), *accepted(request.headers.get("accept-language", ""))]
    return next(filter(None, map(nearest, wanted)), ENGLISH)


def accepted(header: str) -> Iterator[str]:
    """The languages of an Accept-Language header (RFC 9110, section 12.5.4), or the first MOST, most wanted first."""
    weighed: list[tuple[float, int, str]] = []
    for each in header.split(",", MOST)[:MOST]:
        tag, _, parameter = each.partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if weight > 0:
            weighed.append((-weight, len(weighed), tag.strip()))
    yield from (tag for _weight, _place, tag in sorted(weighed))


def nearest(tag: str) -> Language | None:
    """The language of ours that a tag asks for, whatever country and script it adds; None where there is none.

    Who reads traditional Chinese reads the simplified rather than nothing.
    """
    wanted = tag.lower().partition("-")[0]
    return next((each for each in LANGUAGES if each.tag.partition("-")[0] == wanted), None)


def uses_inches(request: Request) -> bool:
    """Whether the first language in Accept-Language (RFC 9110, section 12.5.4) is that of a country with inches."""
    first = request.headers.get("accept-language", "").split(",")[0].split(";")[0]
    return first.strip().lower().rpartition("-")[2] in INCHES
