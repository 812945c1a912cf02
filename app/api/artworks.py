"""Pictures of a job: its canvas while it is painted, and the artwork."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.requests import Request

from app import refusals
from app.api.described import answers, file_described
from app.api.ids import JobId
from app.downloads import artwork
from app.jobs.files.encoding import Format
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.orders.find import find_job
from app.refusals import RefusalError
from app.services import ServicesHere
from app.web.caching import BRIEFLY

router = APIRouter(prefix="/api/v1", tags=["api"])


@router.get(
    "/jobs/{job_id}/preview",
    **file_described("The canvas so far", "At most 512 pixels long.", ["image/webp"], 404, 410, 422, 429, 503),
)
def get_preview(
    job_id: JobId, services: ServicesHere, v: Annotated[int | None, Query(ge=1, le=2**31)] = None
) -> Response:
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
        416: {"description": "The range lies behind its end."},
        **answers(304, 404, 410, 422, 429, 503, 507),
    },
)
async def get_artwork(
    job_id: JobId, extension: Format, request: Request, services: ServicesHere, dpi: artwork.Dpi = None
) -> Response:
    """As PNG (lossless), JPEG, WebP, or TIFF, which is for print: 16 bits a channel, or 8 where no more was kept.
    Carries an ETag and takes a range.
    """
    return await artwork.artwork_answer(request, services, partial(find_job, services, job_id), extension, dpi)
