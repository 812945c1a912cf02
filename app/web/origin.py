"""Where a write comes from: a page of ours, or another site's."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from app import refusals
from app.web.cookies import cookie, keep_cookie
from app.web.signing import derived_id

DEFAULT_PORTS = {"http": 80, "https": 443}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
VISIT_COOKIE = "atelier_form"


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
    return derived_id(request.app.state.secret, "form", visit, request.client.host if request.client else "")
