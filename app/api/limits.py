"""What may be asked for here, and what is left of it: told before anything is refused."""

from __future__ import annotations

import logging

import redis
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from app import words
from app.api.jobs import problems
from app.orders.series import most_photos
from app.services import Studio, StudioHere
from app.web.limits import client_of

router = APIRouter(prefix="/api/v1", tags=["api"])
TOLD_ABOVE = 0.8  # of what may be kept; below that, nobody has to think of it
log = logging.getLogger(__name__)


class LimitsAnswer(BaseModel):
    """What may be asked for. Null is no limit. What counts as one client is an IPv4 address, or a /64 network."""

    upload_bytes: int = Field(description="Most bytes of one photo, painting or mask.")
    photo_megapixels: int = Field(description="Most megapixels of a photo.")
    series_photos: int = Field(description="Most photos of one series.")
    client_jobs: int | None = Field(description="Most jobs of one client under way, besides those of series.")
    queue_jobs: int | None = Field(description="Most jobs of all clients that wait.")
    kept_bytes: int = Field(description="What is kept of this client, with what its waiting jobs may make.")
    most_kept_bytes: int | None = Field(description="Most that may be kept of one client.")
    left_bytes: int | None = Field(
        description="What may still be kept of this client; less where all have little left."
    )


@router.get(
    "/limits", summary="What may be asked for", response_description="The limits.", responses=problems(429, 503)
)
def get_limits(request: Request, studio: StudioHere, response: Response) -> LimitsAnswer:
    """Whatever is deleted, or goes by itself, makes room for more."""
    response.headers["Cache-Control"] = "private, no-cache"
    settings, quota = studio.settings, studio.quota
    usage = studio.records.tally.usage(client_of(request, studio.secret))
    return LimitsAnswer(
        upload_bytes=settings.upload_limit_mb * 1_000_000,
        photo_megapixels=settings.photo_limit_mp,
        series_photos=most_photos(settings),
        client_jobs=settings.client_jobs or None,
        queue_jobs=settings.queue_limit or None,
        kept_bytes=usage.client,
        most_kept_bytes=quota.client or None,
        left_bytes=usage.left(quota),
    )


def little_left(studio: Studio, client: str) -> str:
    """How much more may be kept of a client, in words; empty while that is plenty, or nobody knows."""
    quota = studio.quota
    try:
        usage = studio.records.tally.usage(client) if quota.client or quota.all else None
    except redis.RedisError as error:
        log.warning("what is kept of a client could not be asked for: %s", error)
        return ""
    if usage is None or not usage.is_above(TOLD_ABOVE, quota):
        return ""
    return words.size(usage.left(quota) or 0)
