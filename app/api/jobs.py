"""The JSON API under /api/v1: parse, call, answer."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from app import refusals, words
from app.downloads import artwork
from app.jobs.files.encoding import Format
from app.jobs.housekeeping import retention
from app.jobs.ids import ID
from app.jobs.models import TERMINAL, Enlarging, Job, JobState, PaintRequest, Recoloring
from app.jobs.records.waiting import Standing
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.refusals import RefusalError
from app.services import (
    Services,
    ServicesHere,
    enlarge_job,
    find_job,
    recolor_job,
    retry_job,
    share_job,
    start_job,
    unshare_job,
)
from app.web.limits import client_of
from app.web.security import BRIEFLY, derived_id

router = APIRouter(prefix="/api/v1", tags=["api"])

JobId = Annotated[str, Path(description="The job's id, 32 hexadecimal digits.")]
IdempotencyKey = Annotated[
    str | None,
    Header(description="1 to 200 visible characters. Sent again with the same request, the same job is the answer."),
]
ETAG = re.compile(r'"(\d+(?:\.\d+)?)"')  # one of `etag`
MOST_KNOWN = 10  # a page names one, and Redis looks at all of them
LONGEST_KEY = 200
POLL_RUNNING_S, POLL_QUEUED_MOST_S = 1, 10


class Problem(BaseModel):
    """A refusal (RFC 9457). `code` is stable, `detail` is a sentence for a person."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None


class StyleAnswer(BaseModel):
    """A painting to paint after."""

    id: str
    title: str
    artist: str
    born: int | None
    died: int | None
    year: str
    museum: str
    movement: str
    description: str
    commons: str
    swatch: str
    example: str


class JobFault(BaseModel):
    """Why a job failed: a stable code and a sentence."""

    code: str
    message: str


class AttemptAnswer(BaseModel):
    """An attempt that was cut off: by the end of its process (`killed`), by the system for want of memory (`memory`),
    because it stood still (`stuck`) or its worker did not answer (`silent`), by a failing device (`device`), or by
    somebody else who fills it (`busy`).
    """

    began_at: datetime
    ended_at: datetime
    reached: float = Field(description="Share of the planned work that was done by then, 0 to 1.")
    cut: Literal["killed", "memory", "stuck", "silent", "device", "busy"]


class JobAnswer(BaseModel):
    """A job as it stands."""

    id: str
    status: Literal["queued", "running", "finished", "failed", "cancelled", "expired"]
    progress: float = Field(description="Share of the planned work that is done, 0 to 1.")
    stage: int = Field(description="Stage of the pyramid, from 1; 0 before the first.")
    stages: int
    doing: str = Field(description="What is happening, in words.")
    position: int | None = Field(description="Jobs ahead of a queued one; null otherwise.")
    eta_seconds: tuple[float, float] | None = Field(description="Least and most seconds left, as far as measured.")
    time_left: str = Field(description="The same in words.")
    preview: int = Field(description="Number of the newest preview; 0 while there is none.")
    cancel_requested: bool
    error: JobFault | None
    attempts: list[AttemptAnswer] = Field(
        description="Attempts that were cut off, oldest first; each next one goes on from the newest checkpoint."
    )
    artwork: str | None = Field(description="Path of the artwork, once there is one; also where a stopped job kept it.")
    width: int | None
    height: int | None
    expires_at: datetime | None = Field(
        description="When the photo and all its artworks are deleted; null while the job waits or runs. "
        "A further job from the same photo puts it off."
    )
    retry_of: str | None = Field(description="Id of the job that this one tries again.")
    retried_by: str | None = Field(description="Id of the job that tried this one again.")
    recolor_of: str | None = Field(
        description="Id of the job whose strokes this one has, in other colours or at a larger size."
    )
    share: str | None = Field(description="Path of the page that shows the artwork to others, once it is shared.")
    request: PaintRequest


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for the OpenAPI document."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "Refused, with a code and a sentence.", "content": content} for status in statuses}


@router.get("/styles", summary="All paintings to paint after", response_description="The list.")
def list_styles(services: ServicesHere) -> list[StyleAnswer]:
    """The owner's by title, then those that ship, as they show best."""
    return [
        StyleAnswer(
            id=card.id,
            title=card.title,
            artist=card.artist,
            born=card.style.born,
            died=card.style.died,
            year=card.year,
            museum=card.museum,
            movement=card.movement,
            description=card.description,
            commons=card.style.commons,
            swatch=services.at(card.swatch_url),
            example=services.at(card.example_url),
        )
        for card in services.gallery.cards
    ]


@router.post(
    "/jobs",
    status_code=202,
    summary="Paint a photo",
    response_description="Accepted.",
    responses=problems(400, 403, 410, 413, 422, 429, 503, 507),
)
def create_job(
    wish: PaintRequest,
    request: Request,
    services: ServicesHere,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> JobAnswer:
    """The answer's Location is the job's address; ask there how it goes, as often as Retry-After says."""
    job_id = id_of_key(services, idempotency_key, "create", wish.photo)
    job = start_job(services, wish, client_of(request, services.secret), job_id=job_id)
    if job.request != wish:
        raise RefusalError(refusals.KEY_REUSED)
    return started(services, job, response)


def id_of_key(services: Services, key: str | None, what: str, photo: str) -> str | None:
    """The id of what an Idempotency-Key asks for, None without a key.

    It holds within one photo, whose id only its owner knows, so that keys of strangers never meet.

    Raises:
        RefusalError: the key does not fit.
    """
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise RefusalError(refusals.KEY_INVALID)
    return derived_id(services.secret, what, photo, key)


def started(services: Services, job: Job, response: Response) -> JobAnswer:
    """The answer to whoever started the job, with its address."""
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job_answer(services, job)


@router.get(
    "/jobs/{job_id}",
    summary="How a job goes",
    response_description="The job.",
    response_model=JobAnswer,
    responses={
        304: {"description": "Nothing changed since the ETag in If-None-Match."},
        **problems(404, 410, 422, 429, 503),
    },
)
async def get_job(job_id: JobId, services: ServicesHere, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Carries an ETag; Retry-After says when to ask again and is missing once the job has ended."""
    known = ",".join(islice((found[1] for found in ETAG.finditer(if_none_match or "")), MOST_KNOWN))
    standing = await services.standings.of(job_id, known) if ID.fullmatch(job_id) else None
    if standing and not standing.is_news:
        # Most polls find nothing new, and learn that for a small part of what an answer costs.
        return Response(status_code=304, headers=poll_headers(standing.state, standing.version, standing.position))
    if standing and standing.state not in TERMINAL:
        job, answer = found_job(services, job_id, standing)  # all that it takes is there: a thread would only cost time
    else:
        job, answer = await to_thread.run_sync(found_job, services, job_id, standing, limiter=services.answers)
    goes_at = int(answer.expires_at.timestamp()) if answer.expires_at else None
    headers = poll_headers(job.state, job.version, goes_at if answer.position is None else answer.position)
    if if_none_match and matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


def found_job(services: Services, job_id: str, standing: Standing | None) -> tuple[Job, JobAnswer]:
    """A job and its answer."""
    job = find_job(services, job_id, standing)
    return job, job_answer(services, job, standing)


def etag(version: int, beside: int | None) -> str:
    """`beside` changes without the record: a waiting job's place, or the time at which an ended one goes.

    Without its quotes it is what `Waiting.standings` understands.
    """
    return f'"{version}"' if beside is None else f'"{version}.{beside}"'


def matches(if_none_match: str, current: str) -> bool:
    """Whether an If-None-Match header names the current ETag."""
    return current in [each.strip().removeprefix("W/") for each in if_none_match.split(",")]


def poll_headers(state: JobState, version: int, beside: int | None) -> dict[str, str]:
    """What lets a page ask again, and when; `beside` as in `etag`."""
    headers = {"ETag": etag(version, beside), "Cache-Control": "private, no-cache"}
    return headers | retry_after(state.value, beside)


def retry_after(status: str, ahead: int | None) -> dict[str, str]:
    """When to ask again, as a header; none for what has ended."""
    if status == "running":
        return {"Retry-After": str(POLL_RUNNING_S)}
    if status == "queued":
        return {"Retry-After": str(min(1 + (ahead or 0), POLL_QUEUED_MOST_S))}
    return {}


@router.post(
    "/jobs/{job_id}/cancel",
    status_code=202,
    summary="Stop a job",
    response_description="It stops within a stroke.",
    responses=problems(403, 404, 410, 422, 429, 503),
)
def cancel_job(job_id: JobId, services: ServicesHere) -> JobAnswer:
    """What is painted by then is kept as the artwork. Stopping twice, or after the end, changes nothing."""
    find_job(services, job_id)
    return job_answer(services, services.records.request_cancel(job_id))


@router.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    summary="Try a failed or stopped job again",
    response_description="The new job.",
    responses=problems(403, 404, 409, 410, 422, 429, 503, 507),
)
def again_job(job_id: JobId, request: Request, services: ServicesHere, response: Response) -> JobAnswer:
    """A new job with the same request; both name each other. Asking twice starts one."""
    job = retry_job(services, find_job(services, job_id), client_of(request, services.secret))
    return started(services, job, response)


@router.post(
    "/jobs/{job_id}/recolor",
    status_code=202,
    summary="Give an artwork other colours",
    response_description="The new job.",
    responses=problems(400, 403, 404, 409, 410, 413, 422, 429, 503, 507),
)
def create_recoloring(
    job_id: JobId, colors: Recoloring, request: Request, services: ServicesHere, response: Response
) -> JobAnswer:
    """A new job that takes the same strokes and paints nothing, so it is done in seconds. `keep_colors` of 0 gives the
    painting's own colours back.
    """
    job = recolor_job(services, find_job(services, job_id), colors, client_of(request, services.secret))
    return started(services, job, response)


@router.post(
    "/jobs/{job_id}/enlarge",
    status_code=202,
    summary="Enlarge an artwork for print",
    response_description="The new job.",
    responses=problems(400, 403, 404, 409, 410, 413, 422, 429, 503, 507),
)
def create_enlarging(
    job_id: JobId, size: Enlarging, request: Request, services: ServicesHere, response: Response
) -> JobAnswer:
    """A new job that takes the same strokes and paints nothing; a network draws what filters would leave soft."""
    job = enlarge_job(services, find_job(services, job_id), size, client_of(request, services.secret))
    return started(services, job, response)


@router.delete(
    "/jobs/{job_id}",
    status_code=204,
    summary="Delete an artwork now",
    response_description="Gone.",
    responses=problems(403, 404, 422, 429, 503, 507),
)
def delete_job(job_id: JobId, services: ServicesHere) -> None:
    """Its pictures go at once, also while it is painted; the photo stays. Deleting twice is harmless."""
    try:
        job = find_job(services, job_id)
    except RefusalError as refusal:
        if refusal.kind is refusals.JOB_EXPIRED:
            return
        raise
    retention.delete_job(services.records, job)


@router.post(
    "/jobs/{job_id}/share",
    status_code=201,
    summary="Share an artwork",
    response_description="Shared; `share` is the path of its page.",
    responses=problems(403, 404, 410, 422, 429, 503, 507),
)
def create_share(job_id: JobId, services: ServicesHere) -> JobAnswer:
    """The page shows the artwork without the photo, and lets nobody stop or delete anything."""
    return job_answer(services, share_job(services, find_job(services, job_id)))


@router.delete(
    "/jobs/{job_id}/share",
    summary="Share an artwork no more",
    response_description="The job, whose shared page is gone.",
    responses=problems(403, 404, 410, 422, 429, 503, 507),
)
def delete_share(job_id: JobId, services: ServicesHere) -> JobAnswer:
    """A new share gets a new address."""
    return job_answer(services, unshare_job(services, find_job(services, job_id)))


@router.get(
    "/jobs/{job_id}/preview",
    summary="The canvas so far",
    response_class=Response,
    responses={
        200: {"content": {"image/webp": {}}, "description": "At most 512 pixels long."},
        **problems(404, 410, 422, 429, 503),
    },
)
def get_preview(job_id: JobId, services: ServicesHere, v: Annotated[int | None, Query(ge=1, le=2**31)] = None) -> Response:
    """`v` is the number that the job names; with it the picture never changes. Without it, the newest."""
    job = find_job(services, job_id)
    number = v if v is not None else job.preview
    try:
        picture = services.storage.get(keys.preview_key(job.id, job.preview_fence, number))
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.PREVIEW_NOT_FOUND) from error
    return Response(picture, media_type="image/webp", headers={"Cache-Control": BRIEFLY if v else "private, no-cache"})


@router.get(
    "/jobs/{job_id}/artwork.{extension}",
    summary="The artwork",
    response_class=Response,
    responses={
        200: {
            "content": {kind: {} for kind in artwork.TYPES.values()},
            "description": "The picture, tagged sRGB. Else it says only its size in print, and its recipe as JSON: "
            "in a PNG as the text `Atelier`, in a TIFF as its ImageDescription, else as EXIF's user comment.",
        },
        206: {
            "content": {kind: {} for kind in artwork.TYPES.values()},
            "description": "The range of it that was asked for.",
        },
        304: {"description": "Nothing changed since the ETag in If-None-Match."},
        416: {"description": "The range lies behind its end."},
        **problems(404, 410, 422, 429, 503, 507),
    },
)
async def get_artwork(
    job_id: JobId, extension: Format, request: Request, services: ServicesHere, dpi: artwork.Dpi = None
) -> Response:
    """As PNG (lossless), JPEG, WebP, or TIFF, which is for print: 16 bits a channel, or 8 where no more was kept.
    Carries an ETag and takes a range.
    """
    return await artwork.artwork_answer(request, services, partial(find_job, services, job_id), extension, dpi)


def job_answer(services: Services, job: Job, standing: Standing | None = None) -> JobAnswer:
    """The job as the API shows it; `standing` where somebody has looked already."""
    position = standing.position if standing else services.records.waiting.position(job)
    eta = services.records.waiting.eta(job, position, standing)
    progress = job.progress
    goes_at = services.records.photos.goes_at(job.request.photo) if job.state in TERMINAL else None
    return JobAnswer(
        id=job.id,
        status=job.state.value,
        progress=fraction(job),
        stage=progress.stage + 1 if progress else 0,
        stages=progress.stages if progress else 0,
        doing=words.doing(job, position),
        position=position,
        eta_seconds=eta,
        time_left=words.time_left(eta) if job.state in {JobState.QUEUED, JobState.RUNNING} else "",
        preview=job.preview,
        cancel_requested=job.cancel_requested,
        error=JobFault(code=job.error.code, message=job.error.message) if job.error else None,
        attempts=[AttemptAnswer.model_validate(each.model_dump()) for each in job.history],
        artwork=services.at(f"/api/v1/jobs/{job.id}/artwork.png") if job.has_artwork else None,
        width=job.artwork_width,
        height=job.artwork_height,
        expires_at=datetime.fromtimestamp(goes_at, UTC) if goes_at else None,
        retry_of=job.retry_of,
        retried_by=job.retried_by,
        recolor_of=job.recolor_of,
        share=services.at(f"/s/{job.share}") if job.share else None,
        request=job.request,
    )


def fraction(job: Job) -> float:
    """Share of the planned work that is done, 0 to 1."""
    if job.state is JobState.FINISHED:
        return 1.0
    return round(job.progress.fraction, 4) if job.progress else 0.0
