"""What pages and API share: the parts of the running application, and what both do: keep a photo, start a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

import anyio
from anyio import to_thread
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from app import errors, uploads
from app.darkroom import Darkroom
from app.errors import RefusalError
from app.estimate import planned_work
from app.gallery import Gallery
from app.jobs.blobs import Storage
from app.jobs.models import Job, PaintRequest
from app.jobs.queue import QueueUnavailableError
from app.jobs.records import JobNotFoundError, JobRecords
from app.settings import Settings
from app.uploads import StoredPhoto

# A 12-megapixel JPEG takes about 150 MB and half a second; what waits for its turn lies on disk.
DECODINGS_AT_ONCE = 2
MOST_FILES, MOST_FIELDS = 4, 40


@dataclass(frozen=True)
class Studio:
    """The parts of the running application."""

    settings: Settings
    storage: Storage
    records: JobRecords
    gallery: Gallery
    secret: bytes
    darkroom: Darkroom
    decodings: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(DECODINGS_AT_ONCE))


def studio_of(request: Request) -> Studio:
    """The studio that answers this request."""
    studio: Studio = request.app.state.studio
    return studio


async def read_form(request: Request) -> FormData:
    """The request's form.

    Raises:
        RefusalError: it is too large, or did not arrive in one piece.
    """
    try:
        return await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS)
    except (HTTPException, ClientDisconnect) as error:
        raise RefusalError(errors.FORM_UNREADABLE) from error


def uploaded_file(form: FormData) -> UploadFile | None:
    """The first file of the form's `photo` fields that a person really chose; browsers send empty ones for the rest."""
    files = [entry for entry in form.getlist("photo") if isinstance(entry, UploadFile)]
    return next((file for file in files if file.size), next((file for file in files if file.filename), None))


async def keep_photo(studio: Studio, file: BinaryIO) -> StoredPhoto:
    """Decode and store an uploaded photo, off the event loop.

    Raises:
        RefusalError: the file is refused, or there is no room for it.
    """

    def decode_and_store() -> StoredPhoto:
        photo = studio.darkroom.decode_photo(file)
        try:
            return uploads.store(photo, studio.storage)
        except OSError as error:
            raise RefusalError(errors.DISK_FULL) from error

    return await to_thread.run_sync(decode_and_store, limiter=studio.decodings)


def start_job(studio: Studio, wish: PaintRequest) -> Job:
    """Record and publish a job.

    Raises:
        RefusalError: the photo or a style is not here, or the queue can't be reached.
    """
    photo = uploads.find(wish.photo, studio.storage)
    if photo is None:
        raise RefusalError(errors.PHOTO_GONE)
    for choice in wish.styles:
        if choice.id not in studio.gallery.by_id:
            raise RefusalError(errors.STYLE_UNKNOWN, style=choice.id)
    try:
        return studio.records.create(wish, planned_work((photo.width, photo.height), wish.size, wish.quality))
    except QueueUnavailableError as error:
        raise RefusalError(errors.QUEUE_DOWN, headers={"Retry-After": "30"}) from error
    except OSError as error:
        raise RefusalError(errors.DISK_FULL) from error


def find_job(studio: Studio, job_id: str) -> Job:
    """The job of an id.

    Raises:
        RefusalError: there is none, which looks the same for an id that was never given out.
    """
    try:
        return studio.records.get(job_id)
    except (JobNotFoundError, ValueError) as error:
        raise RefusalError(errors.JOB_NOT_FOUND) from error
