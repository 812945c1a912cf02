"""By which names the site may be asked.

A stranger's page can give its own name the address of this machine while a browser shows it (DNS rebinding). The
browser then takes both for one site, and the page may read and do all that a visitor may, where nothing else but the
machine itself should reach the site. Only `Host` tells: it still has the stranger's name.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app import refusals
from app.settings import Settings
from app.web.answering import answer

HERE = "localhost"


class KnownHosts:
    """Refuses requests that ask for a name which is none of ours, where that is known."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.names = names_of(settings)
        # Behind a proxy the site has a name that only the owner knows, and is there for others to see.
        self.is_private = is_loopback(settings.host) and not settings.trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_known(scope):
            refusal = answer(Request(scope, receive), refusals.HOST_UNKNOWN)
            return await refusal(scope, receive, send)
        return await self.app(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        if "*" in self.names or not (self.names or (self.is_private and is_loopback(arrived_at(scope)))):
            return True
        return is_named_by(Headers(scope=scope).get("host", ""), self.names)


def names_of(settings: Settings) -> set[str]:
    """The names that the owner has given to the site, in lower case; "*" stands for any."""
    return {name.strip().lower() for name in settings.hosts.split(",") if name.strip()}


def is_named(host: str, settings: Settings) -> bool:
    """Whether a Host header has a name that the owner gave to the site, or one that nobody can make up."""
    return is_named_by(host, names_of(settings))


def is_named_by(host: str, names: set[str]) -> bool:
    """The same, of these names."""
    name = name_in(host)
    return name is not None and (name in names or cannot_be_rebound(name))


def arrived_at(scope: Scope) -> str:
    """The address of ours that a connection was made to: a server may listen elsewhere than the settings say."""
    server: tuple[str, int | None] = scope.get("server") or ("", None)
    return server[0]


@lru_cache(maxsize=64)
def name_in(host: str) -> str | None:
    """The name in a Host header, without its port, in lower case; None where there is none to be read."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return None


def cannot_be_rebound(name: str) -> bool:
    """Whether no stranger has a say in where this leads: an address, this machine's own name, or none, as old programs
    send it and no browser.
    """
    return name in {"", HERE} or name.endswith(f".{HERE}") or address_in(name) is not None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    address = address_in(host)
    return host == HERE or (address is not None and address.is_loopback)


@lru_cache(maxsize=64)  # each request asks, most of them for the same; a stranger's may be long
def address_in(host: str) -> IPv4Address | IPv6Address | None:
    """The address that is written there; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None
