"""The JSON API under /api/v1: parse, call, answer."""

from __future__ import annotations

import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from PIL import Image
from pydantic import BaseModel, Field
from starlette.requests import Request

from app import errors, words
from app.errors import RefusalError
from app.jobs import keys
from app.jobs.blobs import BlobNotFoundError
from app.jobs.models import Job, JobState, PaintRequest
from app.studio import Studio, find_job, keep_photo, read_form, start_job, studio_of, uploaded_file

router = APIRouter(prefix="/api/v1", tags=["api"])

StudioHere = Annotated[Studio, Depends(studio_of)]
JobId = Annotated[str, Path(description="The job's id, 32 hexadecimal digits.")]
POLL_RUNNING_S, POLL_QUEUED_MOST_S = 1, 10
FOREVER = "private, max-age=31536000, immutable"
ARTWORK_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
SAVE_AS: dict[str, tuple[str, dict[str, int]]] = {
    "jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    "webp": ("WEBP", {"quality": 92}),
}


class Problem(BaseModel):
    """A refusal (RFC 9457). `code` is stable, `detail` is a sentence for a person."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None


class PhotoAnswer(BaseModel):
    """A photo that is kept, with its size in pixels after turning it upright."""

    id: str
    width: int
    height: int


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


class JobAnswer(BaseModel):
    """A job as it stands."""

    id: str
    status: Literal["queued", "running", "finished", "failed", "cancelled"]
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
    artwork: str | None = Field(description="Path of the artwork, once there is one; also where a stopped job kept it.")
    width: int | None
    height: int | None
    request: PaintRequest


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for the OpenAPI document."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "Refused, with a code and a sentence.", "content": content} for status in statuses}


@router.post(
    "/photos",
    status_code=201,
    summary="Keep a photo",
    response_description="Kept.",
    response_model=PhotoAnswer,
    responses=problems(400, 413, 415, 422, 507),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["photo"],
                        "properties": {
                            "photo": {"type": "string", "format": "binary", "description": "JPEG, PNG, WebP or AVIF."}
                        },
                    }
                }
            },
        }
    },
)
async def create_photo(request: Request, studio: StudioHere) -> PhotoAnswer:
    """The photo is turned upright, converted to sRGB and put on white; its metadata is dropped."""
    form = await read_form(request)
    try:
        file = uploaded_file(form)
        if file is None:
            raise RefusalError(errors.PHOTO_MISSING)
        photo = await keep_photo(studio, file.file)
    finally:
        await form.close()
    return PhotoAnswer(id=photo.id, width=photo.width, height=photo.height)


@router.get("/styles", summary="All paintings to paint after", response_description="The list.")
def list_styles(studio: StudioHere) -> list[StyleAnswer]:
    """Sorted by title."""
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
            swatch=card.swatch_url,
            example=card.example_url,
        )
        for card in studio.gallery.cards
    ]


@router.post(
    "/jobs",
    status_code=202,
    summary="Paint a photo",
    response_description="Accepted.",
    responses=problems(422, 503, 507),
)
def create_job(wish: PaintRequest, studio: StudioHere, response: Response) -> JobAnswer:
    """The answer's Location is the job's address; ask there how it goes, as often as Retry-After says."""
    job = start_job(studio, wish)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job_answer(studio, job)


@router.get(
    "/jobs/{job_id}",
    summary="How a job goes",
    response_description="The job.",
    response_model=JobAnswer,
    responses={304: {"description": "Nothing changed since the ETag in If-None-Match."}, **problems(404, 422)},
)
def get_job(job_id: JobId, request: Request, studio: StudioHere, response: Response) -> JobAnswer | Response:
    """Carries an ETag; Retry-After says when to ask again and is missing once the job has ended."""
    job = find_job(studio, job_id)
    answer = job_answer(studio, job)
    # A waiting job's place changes without a change of its record.
    etag = f'"{job.version}"' if answer.position is None else f'"{job.version}.{answer.position}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if job.state is JobState.RUNNING:
        headers["Retry-After"] = str(POLL_RUNNING_S)
    elif job.state is JobState.QUEUED:
        headers["Retry-After"] = str(min(1 + (answer.position or 0), POLL_QUEUED_MOST_S))
    if etag in [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return answer


@router.post(
    "/jobs/{job_id}/cancel",
    status_code=202,
    summary="Stop a job",
    response_description="It stops within a stroke.",
    responses=problems(404, 422),
)
def cancel_job(job_id: JobId, studio: StudioHere) -> JobAnswer:
    """What is painted by then is kept as the artwork. Stopping twice, or after the end, changes nothing."""
    find_job(studio, job_id)
    return job_answer(studio, studio.records.request_cancel(job_id))


@router.get(
    "/jobs/{job_id}/preview",
    summary="The canvas so far",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}, "description": "At most 512 pixels long."}, **problems(404, 422)},
)
def get_preview(job_id: JobId, studio: StudioHere, v: Annotated[int | None, Query(ge=1, le=2**31)] = None) -> Response:
    """`v` is the number that the job names; with it the picture never changes. Without it, the newest."""
    job = find_job(studio, job_id)
    number = v if v is not None else job.preview
    try:
        picture = studio.storage.get(keys.preview_key(job.id, job.preview_fence, number))
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(errors.PREVIEW_NOT_FOUND) from error
    return Response(picture, media_type="image/webp", headers={"Cache-Control": FOREVER if v else "private, no-cache"})


@router.get(
    "/jobs/{job_id}/artwork.{extension}",
    summary="The artwork",
    response_class=Response,
    responses={
        200: {
            "content": {kind: {} for kind in ARTWORK_TYPES.values()},
            "description": "The picture, without metadata.",
        },
        **problems(404, 422),
    },
)
def get_artwork(job_id: JobId, extension: Literal["png", "jpg", "webp"], studio: StudioHere) -> Response:
    """As PNG (lossless), JPEG or WebP."""
    job = find_job(studio, job_id)
    if not has_artwork(job):
        raise RefusalError(errors.ARTWORK_NOT_FOUND)
    try:
        picture = studio.storage.get(keys.artwork_key(job.id, job.fence))
    except BlobNotFoundError as error:
        raise RefusalError(errors.ARTWORK_NOT_FOUND) from error
    headers = {"Cache-Control": FOREVER, "Content-Disposition": f'attachment; filename="{file_name(job)}.{extension}"'}
    return Response(saved_as(picture, extension), media_type=ARTWORK_TYPES[extension], headers=headers)


def saved_as(png: bytes, extension: str) -> bytes:
    """The artwork's master in another format."""
    if extension not in SAVE_AS:
        return png
    name, options = SAVE_AS[extension]
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        clean = image.convert("RGB")
    clean.save(buffer, name, **options)
    return buffer.getvalue()


def file_name(job: Job) -> str:
    """What a download is called, without its extension: made from our own ids only."""
    return "atelier-" + "-".join(choice.id for choice in job.request.styles) + "-" + job.id[:6]


def has_artwork(job: Job) -> bool:
    """Whether there is an artwork to show: a finished one, or what a stopped job kept."""
    return job.state is JobState.FINISHED or (job.state is JobState.CANCELLED and job.keeps)


def job_answer(studio: Studio, job: Job) -> JobAnswer:
    """The job as the API shows it."""
    position = studio.records.position(job)
    eta = studio.records.eta(job)
    progress = job.progress
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
        artwork=f"/api/v1/jobs/{job.id}/artwork.png" if has_artwork(job) else None,
        width=job.artwork_width,
        height=job.artwork_height,
        request=job.request,
    )


def fraction(job: Job) -> float:
    """Share of the planned work that is done, 0 to 1."""
    if job.state is JobState.FINISHED:
        return 1.0
    return round(job.progress.fraction, 4) if job.progress else 0.0
