"""How much one address may ask for: counted by `limits`, refused with 429 and the time to wait."""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from collections import deque
from functools import lru_cache
from typing import Annotated

import redis
from anyio import to_thread
from fastapi import Depends
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app import refusals
from app.jobs.records import redis_keys
from app.refusals import RefusalError
from app.settings import Settings, SettingsError
from app.web.answering import answer
from app.web.origin import SAFE_METHODS
from app.web.signing import derived_id

IPV6_PREFIX = 64  # a household or a server has at least so much of its own
LOCAL = "local"  # what a socket file, or a test, comes from
# Pictures of the gallery and the page's own files are kept by browsers, and probes belong to whoever runs this.
UNCOUNTED = ("/static/", "/styles/", "/healthz", "/readyz", "/metrics")
log = logging.getLogger(__name__)


class RequestLimits:
    """Counts requests by address: writes in Redis for all front ends together, and so reads above a quarter of their
    rate.

    That quarter is counted in this process alone: a browser with a few easels open stays below it, and no poll of its
    pays a round trip to be counted. An address that reads from n front ends so has (3 + n) / 4 of the rate.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.free_reads, self.counted_reads = split(rate("READ_RATE", settings.read_rate))
        self.write_rate = rate("WRITE_RATE", settings.write_rate)
        self.here = SlidingWindowCounterRateLimiter(CountsHere())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNCOUNTED):
            return await self.app(scope, receive, send)
        who = address_of(scope)
        if scope["method"] not in SAFE_METHODS:
            wait_s = await to_thread.run_sync(counted, scope, self.write_rate, "write", who)
        elif self.free_reads is None or self.here.hit(self.free_reads, who):
            wait_s = None
        else:
            wait_s = await to_thread.run_sync(counted, scope, self.counted_reads, "read", who)
        if wait_s is None:
            return await self.app(scope, receive, send)
        refusal = RefusalError(refusals.TOO_MANY_REQUESTS, headers={"Retry-After": str(wait_s)}, seconds=wait_s)
        response = answer(Request(scope, receive), refusal.kind, refusal.sentence, headers=refusal.headers)
        return await response(scope, receive, send)


class CountsHere(MemoryStorage):
    """Counts of one limit, in this process and in one thread, which forgets as it counts.

    The library's own forgets in a thread, started for nearly every count, which looks at all of them.
    """

    def __init__(self) -> None:
        super().__init__()
        # All expire after the same time, and in another window have other keys.
        self._oldest_first: deque[str] = deque()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` more under `key`, which is forgotten `expiry` seconds after the first; the new count."""
        while self._oldest_first and not self.get(self._oldest_first[0]):
            self._oldest_first.popleft()
        count = self.get(key) + amount
        if count == amount:
            self._oldest_first.append(key)
            self.expirations[key] = time.time() + expiry
        self.storage[key] = count
        return count


def counted(scope: Scope, limit: RateLimitItem | None, *who: str) -> int | None:
    """Count one request in Redis; as `waiting_time`."""
    try:
        return waiting_time(scope["app"].state.counts, limit, *who)
    except redis.RedisError as error:
        # What the request asks for tells the visitor that Redis is away, in better words.
        log.warning("a request could not be counted: %s", error)
        return None


def counting_in(connection: redis.Redis) -> RateLimiter:
    """Counts in this Redis, over the connection's own pool. To be made once: it hashes six scripts."""
    storage = RedisStorage("redis://", connection_pool=connection.connection_pool, key_prefix=redis_keys.RATES)
    return SlidingWindowCounterRateLimiter(storage)


def rate(name: str, text: str) -> RateLimitItem | None:
    """A rate such as `60/minute`; None for an empty text.

    Raises:
        SettingsError: it can't be read.
    """
    try:
        return parse(text) if text else None
    except ValueError as error:
        raise SettingsError(f"ATELIER_{name} does not fit: write it like 60/minute.") from error


def split(limit: RateLimitItem | None) -> tuple[RateLimitItem | None, RateLimitItem | None]:
    """A quarter of a rate, at least one request, and the rest of it."""
    if limit is None:
        return None, None
    free = max(1, limit.amount // 4)
    return type(limit)(free, limit.multiples), type(limit)(limit.amount - free, limit.multiples)


def waiting_time(limiter: RateLimiter, limit: RateLimitItem | None, *who: str) -> int | None:
    """Count one request; the seconds to wait if it is one too many, else None."""
    if limit is None or limiter.hit(limit, *who):
        return None
    return max(1, math.ceil(limiter.get_window_stats(limit, *who).reset_time - time.time()))


def address_of(scope: Scope) -> str:
    """What counts as one client: an IPv4 address, or the /64 network of an IPv6 address."""
    return _client((scope.get("client") or ("", 0))[0])


@lru_cache(4096)  # asked for each piece that a connection sends
def _client(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return LOCAL
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def client_of(request: Request, secret: bytes) -> str:
    """The client as it is written into records: a keyed hash, so that no record holds an address."""
    return derived_id(secret, "client", address_of(request.scope))


async def client_here(request: Request) -> str:
    """The same as a dependency, async like `services_here`."""
    return client_of(request, request.app.state.secret)


# What a route declares to be told who asks.
ClientHere = Annotated[str, Depends(client_here)]
