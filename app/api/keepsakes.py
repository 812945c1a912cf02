"""What is made of an artwork to be kept or shown: a postcard, a time-lapse, photo and painting beside each other."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Response
from starlette.requests import Request

from app.api.described import FileDescribed, file_described
from app.api.ids import JobId
from app.downloads import collage, postcard, timelapse
from app.downloads.keepsakes import keepsake_answer
from app.orders.find import find_job
from app.services import ServicesHere

router = APIRouter(prefix="/api/v1/jobs/{job_id}", tags=["api"])


def kept(summary: str, answer: str, *kinds: str) -> FileDescribed:
    """One of these routes."""
    return file_described(summary, answer, kinds, 304, 404, 410, 422, 429, 503, 507)


@router.get(
    "/timelapse.webp",
    **kept("How it was painted", "An animation of 4.9 s that repeats, at most 512 pixels long and 2 MB.", "image/webp"),
)
async def get_timelapse(job_id: JobId, request: Request, services: ServicesHere) -> Response:
    """From the photo by the canvas as it developed to the artwork. Where nothing was painted stroke by stroke, the
    photo becomes the artwork.
    """
    job = await to_thread.run_sync(find_job, services, job_id)
    return await keepsake_answer(request, services, job, timelapse.TIMELAPSE)


@router.get(
    "/postcard.{extension}",
    **kept("A postcard of it", "148 × 105 mm at 300 dpi: 1748 × 1240 pixels.", *postcard.TYPES.values()),
)
async def get_postcard(
    job_id: JobId, extension: postcard.CardFormat, request: Request, services: ServicesHere
) -> Response:
    """The artwork, and beside it after which painting it is, by whom, where that hangs, and the day; not the photo."""
    job = await to_thread.run_sync(find_job, services, job_id)
    return await keepsake_answer(request, services, job, postcard.postcard_of(services, job, extension))


@router.get(
    "/beside-photo.jpg",
    **kept(
        "Photo and painting beside each other",
        "Each at most 2048 pixels long; one above the other where they are broad.",
        "image/jpeg",
    ),
)
async def get_beside_photo(job_id: JobId, request: Request, services: ServicesHere) -> Response:
    """For the photo's owner; a shared address has none."""
    job = await to_thread.run_sync(find_job, services, job_id)
    return await keepsake_answer(request, services, job, collage.COLLAGE)
