"""Cookies of ours, each for this site alone."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response


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
    return bool(request.scope.get("scheme") == "https")
