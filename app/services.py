"""What pages and API share: the parts of the running application, and what both do: keep a photo, start a job."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, BinaryIO, TypeVar

import anyio
import redis
from anyio import to_thread
from fastapi import Depends
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.requests import ClientDisconnect, Request

from app import refusals, words
from app.darkroom.parent import Darkroom
from app.gallery import Gallery
from app.jobs import work
from app.jobs.housekeeping import retention
from app.jobs.ids import ID, OWN_PREFIX, own_painting
from app.jobs.models import MOST_IN_SERIES, Enlarging, Job, JobState, PaintRequest, Recoloring
from app.jobs.options import MOST_OUTPUT
from app.jobs.queue import QueueUnavailableError
from app.jobs.records import accepting
from app.jobs.records.errors import ClientBusyError, JobNotFoundError, PaintingGoneError, PhotoGoneError, QueueFullError
from app.jobs.records.keeping import Keeping
from app.jobs.records.quota import ClientOverQuotaError, OverQuotaError, Quota
from app.jobs.records.records import JobRecords
from app.jobs.records.redis_records import Limits, Terms
from app.jobs.records.waiting import Standing
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError, Storage, is_full
from app.jobs.work import largest_size, memory_bytes
from app.polls import Standings
from app.refusals import RefusalError
from app.settings import Settings
from app.uploads import masks, paintings, photos
from app.uploads.masks import DecodedMask, StoredMask
from app.uploads.paintings import OwnPainting
from app.uploads.photos import DecodedPhoto, StoredPhoto
from app.web.security import FORM_OVERHEAD_BYTES, derived_id

Decoded = TypeVar("Decoded")
Stored = TypeVar("Stored")

# A JPEG takes about 120 MB and half a second; what waits for its turn lies on disk.
DECODINGS_AT_ONCE = 2
# When the queue moves, all who wait get an answer at once; more threads would only keep the event loop from its turn.
ANSWERS_AT_ONCE = 2
# Each takes one processor, a second for 10 megapixels.
ENCODINGS_AT_ONCE = 2
# Twice as many photos as a series has: whoever chose too many is told so, and which were left out.
MOST_FILES, MOST_FIELDS = 2 * MOST_IN_SERIES, 100 + MOST_IN_SERIES
# Larger files lie on disk while a form is read, or fifty small ones would fill 50 MB of memory.
MultiPartParser.spool_max_size = 64 * 1024
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """The parts of the running application."""

    settings: Settings
    storage: Storage
    records: JobRecords
    gallery: Gallery
    secret: bytes
    standings: Standings
    darkroom: Darkroom
    answers: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(ANSWERS_AT_ONCE))
    encodings: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(ENCODINGS_AT_ONCE))
    decodings: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(DECODINGS_AT_ONCE))

    @property
    def quota(self) -> Quota:
        """How many bytes may be kept."""
        return Quota(self.settings.client_quota_mb * 1_000_000, self.settings.quota_mb * 1_000_000)

    def has_room(self) -> bool:
        """Whether the disk has room for uploads; what is left below that is for what was accepted before."""
        return self.storage.free_bytes() >= self.settings.least_free_bytes

    def at(self, path: str) -> str:
        """The address of a path within the site, as it is told to others; empty for none."""
        return path and self.settings.root_path + path


def services_of(request: Request) -> Services:
    """The studio that answers this request."""
    services: Services = request.app.state.services
    return services


async def services_here(request: Request) -> Services:
    """The same as a dependency. Async, because FastAPI hands any other to a thread, for every request."""
    return services_of(request)


# What a route declares to be given the studio.
ServicesHere = Annotated[Services, Depends(services_here)]


async def read_form(request: Request, most_files: int = MOST_FILES, most_fields: int = MOST_FIELDS) -> FormData:
    """The request's form; the pages' has all options and perhaps many photos.

    Raises:
        RefusalError: it is too large, has too many parts, or did not arrive in one piece.
    """
    try:
        return await request.form(max_files=most_files, max_fields=most_fields)
    except (HTTPException, ClientDisconnect) as error:
        raise RefusalError(refusals.FORM_UNREADABLE) from error


def uploaded_files(form: FormData, name: str = "photo") -> list[UploadFile]:
    """The files of the form's `name` fields that a person really chose; browsers send empty ones for the rest."""
    files = [entry for entry in form.getlist(name) if isinstance(entry, UploadFile)]
    return [file for file in files if file.size or file.filename]


def uploaded_file(form: FormData, name: str = "photo") -> UploadFile | None:
    """The first of them, rather one that is not empty."""
    files = uploaded_files(form, name)
    return next((file for file in files if file.size), files[0] if files else None)


async def keep_upload(services: Services, file: UploadFile, client: str) -> StoredPhoto:
    """Decode and store a file of a client's form.

    Raises:
        RefusalError: it is larger than one photo may be; or as in `keep_photo`.
    """
    check_length(services, file)
    return await keep_photo(services, file.file, client)


def check_length(services: Services, file: UploadFile, thing: str = "photo") -> None:
    """Make sure that a file of a form that may hold several is not larger than each may be.

    Raises:
        RefusalError: it is; `thing` is what the refusal calls it.
    """
    limit_mb = services.settings.upload_limit_mb
    if (file.size or 0) > limit_mb * 1_000_000 + FORM_OVERHEAD_BYTES:
        raise RefusalError(refusals.of(refusals.PHOTO_TOO_MANY_BYTES, thing), limit_mb=limit_mb)


async def keep_photo(services: Services, file: BinaryIO, client: str) -> StoredPhoto:
    """Decode and store a client's photo, off the event loop.

    Raises:
        RefusalError: the file is refused, or there is no room for it.
    """

    def store(photo: DecodedPhoto) -> StoredPhoto:
        stored = photos.store(photo, services.storage, client)
        count(services, keys.photo_prefix(stored.id), client)
        return stored

    return await _kept(services, "photo", client, lambda: services.darkroom.decode_photo(file), store)


async def keep_mask(services: Services, photo_id: str, file: BinaryIO, client: str, turned: bool = False) -> StoredMask:
    """Decode a client's mask, or all but it, and store it with its photo, off the event loop.

    Raises:
        RefusalError: the file is refused, nothing of it is white, the photo has enough masks or is not here, or there
            is no room.
    """
    prefix = keys.photo_prefix(photo_id) if ID.fullmatch(photo_id) else ""

    def decode() -> DecodedMask:
        if not prefix or photos.find(photo_id, services.storage) is None:
            raise RefusalError(refusals.PHOTO_NOT_FOUND)
        return services.darkroom.decode_mask(file, turned)

    def store(mask: DecodedMask) -> StoredMask:
        before = services.storage.list(prefix)
        try:
            stored = masks.store(photo_id, mask, services.storage)
        except FileNotFoundError as error:  # the photo was deleted meanwhile, with the folder that this was written to
            raise RefusalError(refusals.PHOTO_NOT_FOUND) from error
        new = {keys.mask_key(photo_id, stored.id), keys.mask_meta_key(photo_id, stored.id)}.difference(before)
        count(services, prefix, client, new)
        return stored

    return await _kept(services, "mask", client, decode, store)


async def keep_painting(services: Services, file: BinaryIO, client: str) -> OwnPainting:
    """Decode and store a client's painting, off the event loop.

    Raises:
        RefusalError: the file is refused, or there is no room for it.
    """

    def store(painting: DecodedPhoto) -> OwnPainting:
        stored = paintings.store(painting, services.storage, client)
        count(services, keys.painting_prefix(stored.id.removeprefix(OWN_PREFIX)), client)
        return stored

    return await _kept(services, "painting", client, lambda: services.darkroom.decode_photo(file, "painting"), store)


async def _kept(
    services: Services, thing: str, client: str, decode: Callable[[], Decoded], store: Callable[[Decoded], Stored]
) -> Stored:
    """What `store` makes of the decoded picture, when its turn comes; `thing` is what refusals call it.

    Raises:
        RefusalError: the file is refused, or there is little room left, which is for what was accepted before.
    """

    no_room = RefusalError(refusals.of(refusals.DISK_FULL, thing), undone=f"your {thing} was not kept")

    def decode_and_store() -> Stored:
        if not services.has_room():
            raise no_room
        check_quota(services, client, thing)
        picture = decode()
        try:
            return store(picture)
        except OverQuotaError as error:
            raise over_quota(services, error).beside(thing) from error
        except OSError as error:
            if not is_full(error):
                raise
            raise no_room from error

    return await to_thread.run_sync(decode_and_store, limiter=services.decodings)


def check_quota(services: Services, client: str, thing: str = "photo") -> None:
    """Make sure that a client may have anything more kept, before it is sent or decoded.

    Raises:
        RefusalError: it may not.
    """
    try:
        services.records.tally.usage(client).check(services.quota)
    except OverQuotaError as error:
        raise over_quota(services, error).beside(thing) from error
    except redis.RedisError as error:
        log.warning("what is kept of a client could not be asked for: %s", error)


def count(services: Services, prefix: str, client: str, new: Collection[str] | None = None) -> None:
    """Count new blobs of a folder, all of it unless told which, for a client; what is too much is deleted.

    Raises:
        OverQuotaError: it was.
    """
    sizes = services.storage.sizes(prefix)
    found = sizes if new is None else {key: sizes[key] for key in sizes.keys() & set(new)}
    try:
        services.records.tally.add(prefix, client, sum(found.values()), services.quota)
    except OverQuotaError:
        if new is None:
            services.storage.delete_prefix(prefix)
        for key in found:
            services.storage.delete(key)
        raise
    except redis.RedisError as error:  # it is counted by the next recount
        log.warning("what was kept of a client could not be counted: %s", error)


def over_quota(services: Services, error: OverQuotaError) -> RefusalError:
    """How to say that no more may be kept."""
    kind = refusals.CLIENT_QUOTA if isinstance(error, ClientOverQuotaError) else refusals.QUOTA
    return RefusalError(kind, limit=words.size(services.quota.client))


def start_job(
    services: Services,
    wish: PaintRequest,
    client: str,
    *,
    job_id: str | None = None,
    retry_of: str | None = None,
    recolor_of: str | None = None,
) -> Job:
    """Record and publish a job; with the `job_id` of one that is there, that one.

    Raises:
        RefusalError: as in `work_of`, or in `check_recoloring` if a canvas gets other colours; or a limit is reached,
            or the queue can't be reached.
    """
    work = check_recoloring(services, wish) if recolor_of else work_of(services, wish)
    limits = Limits(services.settings.queue_limit, services.settings.client_jobs, services.quota)
    links = {"retry_of": retry_of, "recolor_of": recolor_of}
    with refusing(services, refusals.CLIENT_BUSY, limits):
        return accepting.create(services.records, wish, work, job_id=job_id, client=client, limits=limits, **links)


def work_of(services: Services, wish: PaintRequest) -> float:
    """The planned work of a request, in megapixel-evaluations.

    Raises:
        RefusalError: the photo, a style, a mask or the artwork to start from is not here, a mask leaves nothing to
            paint, or no machine here is large enough.
    """
    photo = photos.find(wish.photo, services.storage)
    if photo is None:
        raise RefusalError(refusals.PHOTO_GONE)
    check_styles(services, wish)
    if wish.start_job:
        check_start(services, wish.start_job)
    masks.check(wish, services.storage)
    check_memory(services, wish, photo)
    return work.work_of((photo.width, photo.height), wish)


@contextmanager
def refusing(services: Services, busy: refusals.Kind, limits: Limits) -> Iterator[None]:
    """Says why jobs were not accepted; `busy` is how a client is told that it has enough under way.

    Raises:
        RefusalError: they were not.
    """
    try:
        yield
    except PhotoGoneError as error:
        raise RefusalError(refusals.PHOTO_GONE) from error
    except PaintingGoneError as error:
        raise RefusalError(refusals.PAINTING_GONE) from error
    except QueueFullError as error:
        raise RefusalError(refusals.QUEUE_FULL, headers={"Retry-After": "60"}) from error
    except ClientBusyError as error:
        raise RefusalError(busy, headers={"Retry-After": "30"}, limit=limits.client) from error
    except OverQuotaError as error:
        raise over_quota(services, error).beside("submit") from error
    except QueueUnavailableError as error:
        raise RefusalError(refusals.QUEUE_DOWN, headers={"Retry-After": "30"}, undone=refusals.NOT_STARTED) from error
    except OSError as error:
        if not is_full(error):
            raise
        raise RefusalError(refusals.DISK_FULL, undone=refusals.NOT_STARTED) from error


def check_styles(services: Services, wish: PaintRequest) -> None:
    """Make sure that all paintings of a request are here.

    Raises:
        RefusalError: one does not hang in the gallery, or was a person's own and is gone.
    """
    for choice in wish.styles:
        if own_painting(choice.id):
            if paintings.find(choice.id, services.storage) is None:
                raise RefusalError(refusals.PAINTING_GONE)
        elif choice.id not in services.gallery.by_id:
            raise RefusalError(refusals.STYLE_UNKNOWN, style=choice.id)


def check_start(services: Services, job_id: str) -> None:
    """Make sure that a job has an artwork to start from.

    Raises:
        RefusalError: it has none.
    """
    try:
        job = find_job(services, job_id)
    except RefusalError as error:
        raise RefusalError(refusals.START_GONE, field="start_job") from error
    if not job.has_artwork or not services.storage.exists(keys.artwork_key(job.id, job.fence)):
        raise RefusalError(refusals.START_GONE, field="start_job")


def check_recoloring(services: Services, wish: PaintRequest) -> float:
    """Make sure that what a canvas gets its colours from is here; the work, of which there is none.

    Raises:
        RefusalError: the photo or a mask is not here.
    """
    if photos.find(wish.photo, services.storage) is None:
        raise RefusalError(refusals.PHOTO_GONE)
    masks.check(wish, services.storage)
    return 0.0


def check_memory(services: Services, wish: PaintRequest, photo: StoredPhoto) -> None:
    """Refuse at once what no worker could hold in its memory, and say what would fit.

    Raises:
        RefusalError: too large.
    """
    there = services.records.workers.memory()
    shape = (photo.width, photo.height)
    needed = memory_bytes(shape, wish.size, wish.extractor)
    if there is None or needed <= there:
        return
    fits = largest_size(shape, there, wish.extractor)
    raise RefusalError(refusals.TOO_LARGE, size=wish.size, needed=needed / 1e9, there=there / 1e9, fits=fits)


def retry_job(services: Services, job: Job, client: str) -> Job:
    """A failed or stopped job once more, as a new job that is linked to it; asked twice, the same one.

    Raises:
        RefusalError: it did not fail and was not stopped, or as in `start_job`.
    """
    if job.state not in {JobState.FAILED, JobState.CANCELLED}:
        raise RefusalError(refusals.NOT_RETRYABLE)
    job_id = derived_id(services.secret, "retry", job.id)
    again = start_job(services, job.request, client, job_id=job_id, retry_of=job.id, recolor_of=job.recolor_of)
    services.records.note(job, {"retried_by": again.id})
    return again


def recolor_job(services: Services, job: Job, colors: Recoloring, client: str) -> Job:
    """A job's artwork in other colours, as a new job that is linked to it and paints nothing.

    Raises:
        RefusalError: there is no artwork, its canvas was not kept, or as in `start_job`.
    """
    if not job.has_artwork:
        raise RefusalError(refusals.ARTWORK_NOT_FOUND)
    check_canvas(services, job)
    return start_job(services, colors.of(job.request), client, recolor_of=job.id)


def enlarge_job(services: Services, job: Job, size: Enlarging, client: str) -> Job:
    """A job's artwork at a larger size, as a new job that is linked to it and paints nothing.

    Raises:
        RefusalError: there is no artwork, its canvas was not kept, it would be too large, or as in `start_job`.
    """
    longest = max(job.artwork_width or 0, job.artwork_height or 0)
    if not job.has_artwork or not longest:
        raise RefusalError(refusals.ARTWORK_NOT_FOUND)
    if size.factor * longest > MOST_OUTPUT:
        raise RefusalError(refusals.TOO_LARGE_TO_PRINT, size=size.factor * longest, most=MOST_OUTPUT)
    check_canvas(services, job)
    return start_job(services, size.of(job.request, longest), client, recolor_of=job.id)


def check_canvas(services: Services, job: Job) -> None:
    """Make sure that what was painted for a job is here.

    Raises:
        RefusalError: it was not kept.
    """
    if not any(map(services.storage.exists, keys.canvas_keys(job.id, job.fence, job.request.touches_up))):
        raise RefusalError(refusals.CANVAS_MISSING)


def share_job(services: Services, job: Job) -> Job:
    """Give the job's artwork an address of its own, which shows neither the photo nor the way to delete anything.

    Asked twice, also at the same moment, it is the same address.

    Raises:
        RefusalError: there is no artwork.
    """
    while not job.share:
        if not job.has_artwork:
            raise RefusalError(refusals.ARTWORK_NOT_FOUND)
        share = secrets.token_hex(16)
        services.storage.put(keys.share_key(share), job.id.encode())
        shared = services.records.in_redis.change(job, job.state, {"share": share}, Terms(is_exact=True))
        if not shared:
            services.storage.delete_prefix(keys.share_prefix(share))
        job = shared or find_job(services, job.id)
    # Also by whoever comes second: the first may not have written it yet, or may not have been able to.
    services.records.manifests.write(job)
    return job


def unshare_job(services: Services, job: Job) -> Job:
    """Take the shared address back."""
    if not job.share:
        return job
    unshared = services.records.note(job, {"share": None})
    services.storage.delete_prefix(keys.share_prefix(job.share))
    return unshared


def find_shared(services: Services, share_id: str) -> Job:
    """The job behind a shared address.

    Raises:
        RefusalError: there is none, or it is not shared any more.
    """
    try:
        job = find_job(services, services.storage.get(keys.share_key(share_id)).decode())
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.JOB_NOT_FOUND) from error
    if job.share != share_id:
        raise RefusalError(refusals.JOB_NOT_FOUND)
    return job


def delete_photo(services: Services, photo_id: str) -> None:
    """Delete a photo and all that was made from it, now; nothing happens where it is gone already.

    Raises:
        RefusalError: there was never one of this id.
    """
    try:
        is_here = photos.find(photo_id, services.storage) is not None
        if not is_here and not _was_deleted(services, "photos", photo_id, services.records.photos):
            raise RefusalError(refusals.PHOTO_NOT_FOUND)
    except ValueError as error:
        raise RefusalError(refusals.PHOTO_NOT_FOUND) from error
    retention.delete_photo(services.records, photo_id)


def delete_painting(services: Services, style_id: str) -> None:
    """Delete a person's own painting now; nothing happens where it is gone already.

    Raises:
        RefusalError: there was never one of this id.
    """
    identifier = own_painting(style_id)
    is_here = paintings.find(style_id, services.storage) is not None
    if identifier is None or not (is_here or _was_deleted(services, "paintings", identifier, services.records.paintings)):
        raise RefusalError(refusals.PAINTING_NOT_FOUND)
    retention.delete_painting(services.records, identifier)


def _was_deleted(services: Services, kind: keys.Kind, identifier: str, kept: Keeping) -> bool:
    return kept.is_gone(identifier) or retention.is_deleted(services.storage, kind, identifier)


def find_job(services: Services, job_id: str, standing: Standing | None = None) -> Job:
    """The job of an id; `standing` where somebody has looked already.

    Raises:
        RefusalError: there is none, which looks the same for an id that was never given out; or it has expired.
    """
    try:
        job = standing.job() if standing else services.records.get(job_id)
    except (JobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.JOB_NOT_FOUND) from error
    if job.state is JobState.EXPIRED or retention.is_deleted(services.storage, "jobs", job.id):
        raise RefusalError(refusals.JOB_EXPIRED)
    return job
