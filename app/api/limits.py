"""What may be asked for here, and what is left of it: told before anything is refused."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.api.described import described
from app.orders.series import most_photos
from app.services import ServicesHere
from app.web.limits import ClientHere

router = APIRouter(prefix="/api/v1", tags=["api"])


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


@router.get("/limits", **described("What may be asked for", 200, "The limits.", 429, 503))
def get_limits(client: ClientHere, services: ServicesHere, response: Response) -> LimitsAnswer:
    """Whatever is deleted, or goes by itself, makes room for more."""
    response.headers["Cache-Control"] = "private, no-cache"
    settings, quota = services.settings, services.quota
    usage = services.records.tally.usage(client)
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
