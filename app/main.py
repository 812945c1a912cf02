"""The web application put together: lifespan, routers, middleware, error handlers."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import redis
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from redis.backoff import NoBackoff
from redis.retry import Retry
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from app import logs, process
from app.api import artworks, doodles, health, jobs, keepsakes, limits, series, styles, tries, uploads
from app.api.described import Problem
from app.darkroom.parent import Darkroom
from app.gallery import load_gallery
from app.jobs.queue import Publisher
from app.jobs.records.quota import Tally
from app.jobs.records.records import JobRecords
from app.jobs.storage.opening import open_storage
from app.pages import docs, draw, home, installing, job, pictures, receiving, sending, wall
from app.pages import series as series_page
from app.pages.resend import SameOriginWrites
from app.polls import Standings
from app.refusals import RefusalError
from app.server.door import Door
from app.services import Services
from app.settings import Settings, SettingsError, load_settings
from app.web import addresses, languages
from app.web.addresses import BelowRoot, HeadAsGet
from app.web.answering import (
    on_failure,
    on_http_error,
    on_invalid_request,
    on_redis_away,
    on_refusal,
    on_storage_failure,
)
from app.web.assets import Assets
from app.web.audit import SecurityLog
from app.web.bodies import BodyLimit
from app.web.compression import Compression
from app.web.headers import SecurityHeaders
from app.web.hosts import KnownHosts
from app.web.languages import InLanguage
from app.web.limits import RequestLimits, counting_in
from app.web.proxies import ListedProxies, WholeBodies
from app.web.signing import load_secret
from app.web.templates import templates

ROOT = Path(__file__).parents[1]
DESCRIPTION = (
    "Send a photo, choose paintings, start a job, and ask for it until it has ended. "
    "Refusals are problem+json with a stable code and a sentence."
)
REDIS_PATIENCE_S, COUNTING_PATIENCE_S = 5.0, 1.0
# A thread that comes back from Redis waits so long for a busy event loop to let it go on; Python's own 5 ms, several
# times for each answer, make a queue of the answers that are due when many ask at once.
SWITCH_S = 0.0005


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
            Middleware(InLanguage),
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
    app.state.assets = assets
    app.state.templates = templates(assets, settings.root_path, is_offline_kept=settings.offline)
    # A request is compared with one route after the other, so what is asked for most comes first.
    app.mount("/static", assets)
    for router in (
        health.router,
        styles.router,
        jobs.router,
        doodles.router,
        artworks.router,
        keepsakes.router,
        uploads.router,
        tries.router,
        series.router,
        limits.router,
    ):
        app.include_router(router)
    for router in (
        home.router,
        draw.router,
        sending.router,
        receiving.router,
        job.router,
        wall.router,
        pictures.router,
        series_page.router,
        docs.router,
        installing.router,
        languages.router,
        addresses.router,
    ):
        app.include_router(router)
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
        app.openapi_schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    return app.openapi_schema


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opens what the routes use, and closes it."""
    sys.setswitchinterval(SWITCH_S)
    settings: Settings = app.state.settings
    logs.set_up(settings.log_level)
    process.keep_private(settings.data)
    process.raise_open_files()
    process.find_temporary_folder()
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
    app.state.secret = load_secret(settings.data / "cookie.key")
    app.state.services = Services(
        settings=settings,
        storage=storage,
        records=records,
        standings=Standings(records.waiting),
        gallery=load_gallery(ROOT / "styles", settings.styles),
        secret=app.state.secret,
        darkroom=darkroom,
    )
    app.state.redis = connection
    app.state.counts = counting_in(connection)
    with process.settled():
        yield
    darkroom.close()
    publisher.close()
    counting.close()
    connection.close()
