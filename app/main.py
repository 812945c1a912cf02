"""The web application put together: lifespan, routers, middleware, error handlers."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from redis.backoff import NoBackoff
from redis.retry import Retry
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.templating import Jinja2Templates

from app import logs, process, refusals, words
from app.api import health, jobs, limits, series, uploads
from app.darkroom.parent import Darkroom
from app.gallery import load_gallery
from app.jobs.queue import Publisher
from app.jobs.records.quota import Tally
from app.jobs.records.records import JobRecords
from app.jobs.storage.opening import open_storage
from app.jobs.storage.protocol import is_full
from app.pages import docs, home, job, sending, wall
from app.pages.resend import SameOriginWrites
from app.polls import Standings
from app.refusals import RefusalError
from app.server.door import Door
from app.services import Services
from app.settings import Settings, SettingsError, load_settings
from app.web import addresses
from app.web.addresses import BelowRoot, HeadAsGet
from app.web.assets import Assets
from app.web.audit import SecurityLog
from app.web.compression import Compression
from app.web.hosts import KnownHosts
from app.web.limits import RequestLimits, counting_in
from app.web.proxies import ListedProxies, WholeBodies
from app.web.security import HEADERS, BodyLimit, SecurityHeaders, form_action, load_secret

ROOT = Path(__file__).parents[1]
DESCRIPTION = (
    "Send a photo, choose paintings, start a job, and ask for it until it has ended. "
    "Refusals are problem+json with a stable code and a sentence."
)
REDIS_PATIENCE_S, COUNTING_PATIENCE_S = 5.0, 1.0
# A thread that comes back from Redis waits so long for a busy event loop to let it go on; Python's own 5 ms, several
# times for each answer, make a queue of the answers that are due when many ask at once.
SWITCH_S = 0.0005
log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application, with settings from the environment unless given."""
    settings = settings or load_settings()
    assets = Assets(ROOT / "static")
    app = FastAPI(
        title="Atelier",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # The redirect would lead to whatever name the request called us by; ours has no name.
        servers=[{"url": settings.root_path}] if settings.root_path else None,
        lifespan=lifespan,
        # The last one is the innermost: refusals of the others still get the headers.
        middleware=[
            Middleware(WholeBodies),
            *proxies(settings),
            *([Middleware(BelowRoot, root_path=settings.root_path)] if settings.root_path else []),
            Middleware(HeadAsGet),
            Middleware(SecurityHeaders),
            Middleware(SecurityLog),
            Middleware(KnownHosts, settings=settings),
            Middleware(RequestLimits, settings=settings),
            Middleware(Compression),
            Middleware(BodyLimit, limit_mb=settings.upload_limit_mb, form_limit_mb=settings.form_limit_mb),
            Middleware(SameOriginWrites),
        ],
    )
    app.state.settings = settings
    app.state.door = Door(settings)
    app.state.templates = templates(assets, settings.root_path)
    for router in (jobs.router, uploads.router, series.api_router, limits.router):
        app.include_router(router)
    for router in (
        home.router,
        sending.router,
        job.router,
        wall.router,
        uploads.pictures,
        series.page_router,
        docs.router,
        health.router,
        addresses.router,
    ):
        app.include_router(router)
    app.mount("/static", assets)
    app.add_exception_handler(RefusalError, on_refusal)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(redis.RedisError, on_redis_away)
    app.add_exception_handler(OSError, on_storage_failure)
    app.add_exception_handler(Exception, on_failure)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


def proxies(settings: Settings) -> list[Middleware]:
    """Believe what listed proxies forward, and nobody else."""
    if not settings.trusted_proxies:
        return []
    return [Middleware(ListedProxies, trusted_hosts=settings.trusted_proxies)]


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document. The framework would not list the schema of refusals, which no route returns by type."""
    if not app.openapi_schema:
        app.openapi_schema = FastAPI.openapi(app)
        app.openapi_schema["components"]["schemas"]["Problem"] = jobs.Problem.model_json_schema()
    return app.openapi_schema


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opens what the routes use, and closes it."""
    sys.setswitchinterval(SWITCH_S)
    settings: Settings = app.state.settings
    logs.set_up(settings.log_level)
    process.keep_private(settings.data)
    process.raise_open_files()
    storage = open_storage(settings)
    if settings.redis_url is None:
        raise SettingsError(
            "ATELIER_REDIS_URL is not set: `make run` starts a Redis and sets it, or name a server of your own."
        )
    # No page may wait for a Redis that is away.
    connection = redis.Redis.from_url(
        settings.redis_url, socket_timeout=REDIS_PATIENCE_S, socket_connect_timeout=REDIS_PATIENCE_S
    )
    # Still less what can do without: what is kept is counted later then.
    counting = redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=COUNTING_PATIENCE_S,
        socket_connect_timeout=COUNTING_PATIENCE_S,
        retry=Retry(NoBackoff(), 1),
    )
    publisher = Publisher(settings.redis_url)
    records = JobRecords(connection, storage, publisher, settings.retention_s, Tally(counting, storage))
    darkroom = Darkroom(
        limit_mp=settings.photo_limit_mp,
        memory_mb=settings.decode_memory_mb,
        time_limit_s=settings.decode_time_limit_s,
    )
    app.state.services = Services(
        settings=settings,
        storage=storage,
        records=records,
        standings=Standings(records.waiting),
        gallery=load_gallery(ROOT / "styles", settings.styles),
        secret=load_secret(settings.data / "cookie.key"),
        darkroom=darkroom,
    )
    app.state.redis = connection
    app.state.counts = counting_in(connection)
    yield
    darkroom.close()
    publisher.close()
    counting.close()
    connection.close()


def templates(assets: Assets, root: str) -> Jinja2Templates:
    """The Jinja2 environment of all pages; autoescaping is on. `root` goes before every address within the site."""
    found = Jinja2Templates(ROOT / "templates")
    found.env.trim_blocks = found.env.lstrip_blocks = True
    found.env.globals["root"] = root
    found.env.globals["asset"] = lambda path: root + assets.url(path)
    found.env.globals["form_action"] = lambda request, path: root + form_action(request, path)
    found.env.filters["about"] = words.about
    return found


def on_refusal(request: Request, error: Exception) -> Response:
    """A refusal that a route raised."""
    assert isinstance(error, RefusalError)
    return refusals.answer(request, error.kind, error.sentence, headers=error.headers)


def on_invalid_request(request: Request, error: Exception) -> Response:
    """A request that does not fit its route's types."""
    assert isinstance(error, RequestValidationError)
    found: list[dict[str, Any]] = list(error.errors())[: refusals.MOST_MISFITS]
    misfits = [{"where": refusals.where(each), "message": each["msg"]} for each in found]
    return refusals.answer(request, refusals.OPTIONS_INVALID, refusals.what_does_not_fit(found), errors=misfits)


def on_http_error(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, RefusalError):  # whatever is raised while it reads a body, the framework calls 400
        return on_refusal(request, error.__cause__)
    if error.status_code == 404 and (redirect := addresses.without_slash(request)):
        return redirect
    kind = refusals.BY_STATUS.get(error.status_code)
    if kind is None:
        kind = refusals.Kind("http-error", error.status_code, "That did not work", str(error.detail))
    return refusals.answer(request, kind, headers=dict(error.headers or {}))


def on_redis_away(request: Request, error: Exception) -> Response:
    """Redis can't be reached, or takes nothing more."""
    log.error("Redis is away: %s", error)
    sentence = refusals.QUEUE_DOWN.sentence.format(undone=refusals.undone(request))
    return refusals.answer(request, refusals.QUEUE_DOWN, sentence, headers={"Retry-After": "10"})


def on_storage_failure(request: Request, error: Exception) -> Response:
    """The storage takes nothing more; any other failure of the system is a fault of ours."""
    assert isinstance(error, OSError)
    if not is_full(error):
        return on_failure(request, error)
    log.error("The storage takes nothing more: %s", error)
    sentence = refusals.DISK_FULL.sentence.format(undone=refusals.undone(request))
    return refusals.answer(request, refusals.DISK_FULL, sentence)


def on_failure(request: Request, error: Exception) -> Response:
    """A fault of ours: the cause goes to the log, never to the visitor."""
    log.error("%s %s failed", request.method, quote(request.scope["path"]), exc_info=error)
    # This answer is made outside of the middleware that puts the headers on all others.
    return refusals.answer(request, refusals.INTERNAL, headers=HEADERS)
