"""The JSON API's tries: a photo in small after the paintings, to choose by."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from app.api.described import described, file_described
from app.api.ids import PhotoId
from app.jobs.tries import SIZE, TriesRequest
from app.orders.tries import Tried, ask_for_tries, drop_tries, find_tries, find_try
from app.services import Services, ServicesHere
from app.web.caching import BRIEFLY, IfNoneMatch, json_answer
from app.web.limits import ClientHere

router = APIRouter(prefix="/api/v1", tags=["api"])
POLL_S = 1


class TryAnswer(BaseModel):
    """A try that is there, and the path of its picture."""

    style: str
    strength: float
    brush: float
    picture: str


class TriesAnswer(BaseModel):
    """How a photo's tries go."""

    status: Literal["running", "finished"] = Field(description="`running` as long as any are to come.")
    left: int = Field(description="How many are still to come.")
    suits: list[str] = Field(
        description="Ids of the gallery’s paintings, those first whose colours are most like the photo’s; "
        "empty as long as that is not known."
    )
    tries: list[TryAnswer] = Field(description="Those that are there, whoever asked for them.")


@router.post(
    "/photos/{photo_id}/tries",
    **described("Try a photo on", 202, "Accepted.", 400, 403, 404, 413, 422, 429, 503, 507),
)
def create_tries(photo_id: PhotoId, wish: TriesRequest, client: ClientHere, services: ServicesHere) -> TriesAnswer:
    """The photo is painted in small after each of the paintings, with each strength and each brush, in this order and
    behind everybody’s jobs. What was asked for before and is not there yet is wanted no more. Tries may be lost: what
    has not come though none are left may be asked for again.
    """
    tried = ask_for_tries(services, photo_id, wish, client)
    return answer_of(services, photo_id, tried)


@router.get(
    "/photos/{photo_id}/tries",
    response_model=TriesAnswer,
    **described("How a photo’s tries go", 200, "Those that are there.", 304, 404, 422, 429, 503),
)
def get_tries(photo_id: PhotoId, services: ServicesHere, if_none_match: IfNoneMatch = None) -> Response:
    """They are painted as long as somebody asks here, at least every 20 seconds. Carries an ETag; Retry-After says
    when to ask again, and is missing once none are left.
    """
    content = answer_of(services, photo_id, find_tries(services, photo_id))
    body = content.model_dump_json()
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:16]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    headers |= {"Retry-After": str(POLL_S)} if content.left else {}
    return json_answer(body, headers, if_none_match)


@router.delete(
    "/photos/{photo_id}/tries",
    **described("Try a photo on no further", 204, "No more are painted.", 403, 404, 422, 429, 503),
)
def remove_tries(photo_id: PhotoId, services: ServicesHere) -> None:
    """Those that are there stay as long as the photo. Asking twice is harmless."""
    drop_tries(services, photo_id)


@router.get(
    "/photos/{photo_id}/tries/{name}.webp",
    **file_described("One of a photo’s tries", f"{SIZE} pixels long.", ["image/webp"], 404, 422, 429),
)
def get_try(
    photo_id: PhotoId,
    name: Annotated[str, Path(description="As `picture` names it: the painting, the strength, the brush.")],
    services: ServicesHere,
) -> Response:
    """The same of the same name, as long as the photo is kept."""
    picture = find_try(services, photo_id, name)
    return Response(picture, media_type="image/webp", headers={"Cache-Control": BRIEFLY})


def answer_of(services: Services, photo_id: str, tried: Tried) -> TriesAnswer:
    """What is told of a photo's tries."""
    return TriesAnswer(
        status="running" if tried.left else "finished",
        left=tried.left,
        suits=tried.suits,
        tries=[
            TryAnswer(
                style=each.style,
                strength=each.strength,
                brush=each.brush,
                picture=services.at(f"/api/v1/photos/{photo_id}/tries/{each.name}.webp"),
            )
            for each in tried.there
        ],
    )
