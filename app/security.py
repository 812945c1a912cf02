"""What keeps strangers' pages and bytes in their place.

Headers on every answer, the origin of writes, the size of bodies, signatures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import errors

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
    # A job's address is all one needs to see it, so it must not travel in Referer headers.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "X-Robots-Tag": "noindex, nofollow",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Multipart boundaries, part headers and the form's other fields on top of the photo itself.
FORM_OVERHEAD_BYTES = 256 * 1024


class SecurityHeaders:
    """Puts HEADERS on every answer, without overwriting what a route set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        return await self.app(scope, receive, send_with_headers)


class SameOriginWrites:
    """Refuses writes that another site's page sends with a visitor's browser (cross-site request forgery)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and is_cross_site(Headers(scope=scope)):
            response = errors.answer(Request(scope, receive), errors.CROSS_SITE)
            return await response(scope, receive, send)
        return await self.app(scope, receive, send)


def is_cross_site(headers: Headers) -> bool:
    """Whether a browser says that another site made this request. Programs, which send neither header, pass."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


class BodyLimit:
    """Refuses a body above the limit: at its Content-Length before a byte is read, or while it streams in.

    The refusal is raised where the route reads the body, so that the route answers it as any other. The server goes on
    dropping what still arrives, which browsers need: they show an answer only after they have sent the whole form.
    """

    def __init__(self, app: ASGIApp, limit_mb: int) -> None:
        self.app = app
        self.limit_mb = limit_mb
        self.limit_bytes = limit_mb * 1_000_000 + FORM_OVERHEAD_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            return await self.app(scope, receive, send)
        declared = Headers(scope=scope).get("content-length", "")
        received = int(declared) if declared.isdigit() and int(declared) > self.limit_bytes else 0

        async def receive_counting() -> Message:
            nonlocal received
            if received <= self.limit_bytes:
                message = await receive()
                received += len(message.get("body", b""))
            if received > self.limit_bytes:
                raise errors.RefusalError(errors.PHOTO_TOO_MANY_BYTES, limit_mb=self.limit_mb)
            return message

        return await self.app(scope, receive_counting, send)


def load_secret(path: Path) -> bytes:
    """The 32 bytes that sign cookies, made at the first start and readable by the owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(fresh, path)  # Of several processes that start at once, the first one's secret stays.
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()


def sign(payload: bytes, secret: bytes) -> str:
    """`payload` and its HMAC-SHA-256 in a form that fits a cookie."""
    tag = hmac.new(secret, payload, hashlib.sha256).digest()
    return f"{_text(payload)}.{_text(tag)}"


def unsign(signed: str, secret: bytes) -> bytes | None:
    """The payload of `sign`, or None where it was not signed with `secret`."""
    payload_text, _, tag_text = signed.partition(".")
    try:
        payload, tag = _bytes(payload_text), _bytes(tag_text)
    except ValueError:
        return None
    return payload if hmac.compare_digest(tag, hmac.new(secret, payload, hashlib.sha256).digest()) else None


def derived_id(secret: bytes, *parts: str) -> str:
    """An id of 128 bits that follows from `parts`, and that nobody without the secret can tell: 32 hex digits."""
    return hmac.new(secret, "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:32]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
