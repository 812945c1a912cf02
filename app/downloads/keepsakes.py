"""What is made of an artwork when it is asked for, to keep and to show: postcard, time-lapse, photo and painting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anyio import to_thread
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from app import refusals
from app.downloads.artwork import file_name
from app.jobs.files.strips import StoredPicture
from app.jobs.models import Job
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.refusals import RefusalError
from app.services import Services
from app.web.caching import matches
from app.web.signing import derived_id

REVISION = "1"  # to be raised with every change of what is made


@dataclass(frozen=True)
class Keepsake:
    """One of them: what its file is called behind the artwork's name, its media type, how it is made of a job; and all
    else that it says, so that whoever has it is not told that nothing has changed when that does.
    """

    name: str
    media_type: str
    make: Callable[[Services, Job], bytes]
    says: tuple[str, ...] = ()


async def keepsake_answer(request: Request, services: Services, job: Job, keepsake: Keepsake) -> Response:
    """A keepsake as a download, or the news that nothing changed. It may be deleted, so whoever kept it asks each time.

    Raises:
        RefusalError: there is no artwork.
        OSError: it is damaged.
    """
    if not job.has_artwork:
        raise RefusalError(refusals.ARTWORK_NOT_FOUND)
    etag = f'"{derived_id(services.secret, keepsake.name, job.id, str(job.fence), REVISION, *keepsake.says)}"'
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{file_name(job)}-{keepsake.name}"',
        "ETag": etag,
    }
    if matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    content = await to_thread.run_sync(keepsake.make, services, job, limiter=services.encodings)
    return Response(content, media_type=keepsake.media_type, headers=headers)


def artwork_within(services: Services, job: Job, width: int, height: int) -> Image.Image:
    """The artwork's colours, reduced to fit into so many pixels and no larger than it is.

    Raises:
        RefusalError: there is none any more.
        OSError: it is damaged.
    """
    try:
        file = services.storage.open(keys.artwork_key(job.id, job.fence))
    except BlobNotFoundError as error:
        raise RefusalError(refusals.ARTWORK_NOT_FOUND) from error
    with file:
        stored = StoredPicture(file)
        return stored.reduced(*fitted((stored.width, stored.height), (width, height)))


def photo_at(services: Services, job: Job, size: tuple[int, int]) -> Image.Image:
    """The job's photo in exactly this size.

    Raises:
        RefusalError: it is gone, and with it the job.
        OSError: it is damaged.
    """
    try:
        file = services.storage.open(keys.photo_key(job.request.photo))
    except BlobNotFoundError as error:
        raise RefusalError(refusals.JOB_EXPIRED) from error
    with file:
        return StoredPicture(file).reduced(*size)


def fitted(size: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the same shape that fits, in whole pixels; none is enlarged."""
    scale = min(1.0, room[0] / size[0], room[1] / size[1])
    return max(1, round(scale * size[0])), max(1, round(scale * size[1]))
