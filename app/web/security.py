"""What keeps strangers' pages and bytes in their place.

Headers on every answer, the origin of writes, the size of bodies, signatures.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import refusals
from app.jobs.storage.local import make_last

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # A job's address is all one needs to see it, so it must not travel to other sites in Referer headers. Not
    # `no-referrer`: browsers would then send forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "private, no-store",
}
RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
# Only over https, where a browser believes them; over http the second is an error on its console. The first is not for
# subdomains: they may be somebody else's.
ONLY_HTTPS = [
    (b"strict-transport-security", b"max-age=31536000"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
# Of a picture that its owner may delete: as long as a page or two are looked at.
BRIEFLY = "private, max-age=300"
DEFAULT_PORTS = {"http": 80, "https": 443}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Multipart boundaries, part headers and the form's other fields on top of the photo itself.
FORM_OVERHEAD_BYTES = 256 * 1024
LARGE_PART_BYTES = 16 * 1024
FORM_OF_PHOTOS = "/jobs"
# Where files come in, always as multipart/form-data; the form of the home page goes to the first three.
TAKES_FILES = re.compile(r"/jobs|/photos/sample|/paintings/remove|/api/v1/(photos|photos/[^/]+/masks|paintings)")
# Of everything else that is sent: JSON, and the forms of the other pages. It is taken apart on the event loop.
SMALL_BODY_BYTES = 64 * 1024
LENGTH = re.compile(r"\d{1,19}", re.ASCII)
VISIT_COOKIE = "atelier_form"


class SecurityHeaders:
    """Puts HEADERS on every answer, without overwriting what a route set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        wanted = [*RAW_HEADERS, *ONLY_HTTPS] if scope["scheme"] == "https" else RAW_HEADERS

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in wanted if each[0] not in there)]
            await send(message)

        return await self.app(scope, receive, send_with_headers)


def refused_origin(request: Request) -> refusals.Kind | None:
    """Why a write is not done that may come from another site; None for one that does not.

    Browsers tell addresses that they trust, those of https and this machine's own, by `Sec-Fetch-Site` where a request
    comes from, and all others by `Origin`. `null` says nothing: old ones send it with forms of any page without
    referrers, and new ones from frames without an origin. Whoever says nothing, such as a text-only browser, proves by
    its form's token that it had a page of ours. Programs say nothing either and use the API, to which scripts of ours
    always tell their origin.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return None if site in {"same-origin", "none"} else refusals.CROSS_SITE
    if origin is not None and origin != "null":
        # Where only the names differ, a proxy may have changed ours on the way.
        return None if is_asked_for(origin, request.headers.get("host", "")) else refusals.HOST_DIFFERS
    if request.url.path.startswith("/api/"):
        return refusals.CROSS_SITE if origin else None
    return None if brings_token(request) else refusals.ORIGIN_UNKNOWN


def is_asked_for(origin: str, host: str) -> bool:
    """Whether an origin is the one that `host` names, which may or may not name a usual port."""
    try:
        ours, theirs = urlsplit(f"//{host}"), urlsplit(origin)
        usual = DEFAULT_PORTS.get(theirs.scheme)
        return bool(theirs.hostname) and (ours.hostname, ours.port or usual) == (theirs.hostname, theirs.port or usual)
    except ValueError:  # no name, or no port, is like that
        return False


def form_action(request: Request, path: str) -> str:
    """Where a form of this page is sent, with a token for a browser that may not say where its requests come from.

    The token is in the address, so that it is checked before a byte of a photo is read, and belongs to a cookie, which
    another site cannot set. `keep_visit` must put that cookie on the answer.
    """
    if "sec-fetch-site" in request.headers:
        return path
    if not hasattr(request.state, "visit"):
        request.state.visit = cookie(request, VISIT_COOKIE) or secrets.token_hex(16)
    return f"{path}?token={visit_token(request, request.state.visit)}"


def keep_visit(request: Request, response: Response) -> None:
    """Set the cookie that the tokens of this page belong to, if there are any; it ends with the browser."""
    visit = getattr(request.state, "visit", None)
    if visit and visit != cookie(request, VISIT_COOKIE):
        keep_cookie(request, response, VISIT_COOKIE, visit, same_site="strict")


def brings_token(request: Request) -> bool:
    """Whether the request brings the token that belongs to its cookie."""
    visit, token = cookie(request, VISIT_COOKIE), request.query_params.get("token", "")
    return bool(visit) and hmac.compare_digest(token.encode(), visit_token(request, visit).encode())


def visit_token(request: Request, visit: str) -> str:
    """The token of a cookie, for the address that it is asked from: another server on this machine can give a browser a
    cookie of its own choice, because ports share them, and ask for its token itself.
    """
    return derived_id(request.app.state.studio.secret, "form", visit, request.client.host if request.client else "")


def cookie(request: Request, name: str) -> str:
    """What a cookie of ours says; empty where the browser has none."""
    return request.cookies.get(cookie_name(request, name), "")


def keep_cookie(
    request: Request,
    response: Response,
    name: str,
    value: str,
    *,
    same_site: Literal["lax", "strict"],
    max_age_s: int | None = None,
) -> None:
    """Have the browser keep a cookie for this site alone, until it ends or for so long."""
    response.set_cookie(
        cookie_name(request, name),
        value,
        max_age_s,
        path=request.app.state.settings.cookie_path,
        secure=is_https(request),
        httponly=True,
        samesite=same_site,
    )


def cookie_name(request: Request, name: str) -> str:
    """A cookie's name, which over https begins with what browsers take from https alone: below a path, `__Secure-`; at
    the root `__Host-`, which no server of a name beside or below ours can set either.
    """
    if not is_https(request):
        return name
    return f"{'__Host-' if request.app.state.settings.cookie_path == '/' else '__Secure-'}{name}"


def is_https(request: Request) -> bool:
    """Whether the browser asked by https, also where a listed proxy speaks it for us."""
    return request.url.scheme == "https"


class BodyLimit:
    """Refuses a body above its limit: at its Content-Length before a byte is read, or while it streams in.

    Forms with files have the limit of an upload, the home page's that of several, and all else, which is taken apart at
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
        limit_bytes, refusal = self._limit(scope["path"], headers.get("content-type", ""))
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
        # Only the home page's form holds several photos.
        is_form = path == FORM_OF_PHOTOS
        limit_mb = self.form_limit_mb if is_form else self.limit_mb
        kind = refusals.FORM_TOO_LARGE if is_form else refusals.PHOTO_TOO_MANY_BYTES
        return limit_mb * 1_000_000 + FORM_OVERHEAD_BYTES, refusals.RefusalError(kind, limit_mb=limit_mb)


def load_secret(path: Path) -> bytes:
    """The 32 bytes that sign cookies, made at the first start and readable by the owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # Of several processes that start at once, the first one's secret stays.
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        make_last(path.parent)  # all ids of repeated requests follow from it
    return path.read_bytes()


def sign(payload: bytes, secret: bytes, purpose: str) -> str:
    """`payload` and its HMAC-SHA-256 in a form that fits a cookie; for another purpose it counts for nothing."""
    return f"{_text(payload)}.{_text(_tag(payload, secret, purpose))}"


def unsign(signed: str, secret: bytes, purpose: str) -> bytes | None:
    """The payload of `sign`, or None where it was not signed with `secret` and for this purpose."""
    payload_text, _, tag_text = signed.partition(".")
    try:
        payload, tag = _bytes(payload_text), _bytes(tag_text)
    except ValueError:
        return None
    return payload if hmac.compare_digest(tag, _tag(payload, secret, purpose)) else None


def _tag(payload: bytes, secret: bytes, purpose: str) -> bytes:
    return hmac.new(secret, b"\0".join([b"signed", purpose.encode(), payload]), hashlib.sha256).digest()


def derived_id(secret: bytes, *parts: str) -> str:
    """An id of 128 bits that follows from `parts`, and that nobody without the secret can tell: 32 hex digits.

    The first part says what it is for.
    """
    return hmac.new(secret, "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:32]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
