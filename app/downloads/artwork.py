"""Artworks as downloads: which file, in which format, whole or in part. No file is ever in memory.

PNG and TIFF are sent as the worker stored them, JPEG and WebP are encoded from the PNG into a file without a name.
Whatever is sent is open before the answer begins, so it is sent to its end also where it is deleted meanwhile.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, BinaryIO

from anyio import to_thread
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app import refusals
from app.downloads.print_size import patches
from app.jobs.files.encoding import DPI, LEAST_DPI, MOST_DPI, Format, encode, version
from app.jobs.files.strips import StoredPicture
from app.jobs.ids import own_painting
from app.jobs.models import Job
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.refusals import RefusalError
from app.services import Services
from app.web.caching import matches
from app.web.signing import derived_id

Dpi = Annotated[
    int | None,
    Query(
        ge=LEAST_DPI, le=MOST_DPI, description=f"Pixels to the inch of a print, for the file to say; {DPI} unless said."
    ),
]
TYPES: dict[Format, str] = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "tif": "image/tiff"}
STORED_AS: dict[Format, Callable[[str, int], str]] = {"png": keys.artwork_key, "tif": keys.print_key}
# Many clients may read slowly, and each has one piece in memory.
PIECE_BYTES = 64 * 1024
RANGE = re.compile(r"bytes=(?=-?\d)(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True)
class Body:
    """An open file, and what is sent at some of its places instead of what stands there."""

    file: BinaryIO
    patches: dict[int, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from `start` to before `stop`."""
        piece = bytearray(os.pread(self.file.fileno(), stop - start, start))
        for at, content in self.patches.items():
            first, last = max(at, start), min(at + len(content), start + len(piece))
            if first < last:
                piece[first - start : last - start] = content[first - at : last - at]
        return bytes(piece)

    def close(self) -> None:
        self.file.close()


class OpenFileResponse(StreamingResponse):
    """Bytes `start` to before `stop` of a body, which is closed at the end, also where the client has gone."""

    def __init__(self, body: Body, start: int, stop: int, **options: Any) -> None:
        self.body_file = body
        super().__init__(pieces(body, start, stop), **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.body_file.close()


async def pieces(body: Body, start: int, stop: int) -> AsyncIterator[bytes]:
    """The bytes from `start` to before `stop`, read as they are sent."""
    for at in range(start, stop, PIECE_BYTES):
        yield await to_thread.run_sync(body.read, at, min(at + PIECE_BYTES, stop))


async def artwork_answer(
    request: Request,
    services: Services,
    find: Callable[[], Job],
    extension: Format,
    dpi: int | None,
) -> Response:
    """A job's artwork as a download: all of it, the range that was asked for, or the news that nothing changed.

    It may be deleted, or shared no more, so whoever has kept it asks each time.

    Raises:
        RefusalError: there is none, or as `find`.
    """
    job = await to_thread.run_sync(find)
    etag = f'"{derived_id(services.secret, "artwork", job.id, str(job.fence), extension, str(dpi), version())}"'
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{file_name(job)}.{extension}"',
        "ETag": etag,
        "Accept-Ranges": "bytes",
    }
    if matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    body = await opened_in_turn(services, job, extension, dpi)
    size, span = body.size, request.headers.get("range")
    if span and request.headers.get("if-range", etag) == etag and (found := RANGE.fullmatch(span)):
        start, stop = _span(found[1], found[2], size)
        if start >= stop:
            body.close()
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        headers |= {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    else:
        start, stop, found = 0, size, None
    headers["Content-Length"] = str(stop - start)
    status = 206 if found else 200
    return OpenFileResponse(body, start, stop, status_code=status, media_type=TYPES[extension], headers=headers)


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    """The bytes that a range means (RFC 9110, section 14.1.2), from the first to behind the last; none if not there."""
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


async def opened_in_turn(services: Services, job: Job, extension: Format, dpi: int | None = None) -> Body:
    """As `opened`, off the event loop; what has to be encoded waits until few others are."""
    limiter = None if extension in STORED_AS else services.encodings
    return await to_thread.run_sync(opened, services, job, extension, dpi, limiter=limiter)


def opened(services: Services, job: Job, extension: Format, dpi: int | None = None) -> Body:
    """The job's artwork as an open file.

    Where the worker stored none in this format, or one that does not say its size, it is encoded from the PNG; then a
    TIFF has 8 bits, and says so.

    Raises:
        RefusalError: there is none.
        OSError: it is damaged, or there is no room to encode it.
    """
    if not job.has_artwork:
        raise RefusalError(refusals.ARTWORK_NOT_FOUND)
    try:
        if extension in STORED_AS:
            stored = Body(services.storage.open(STORED_AS[extension](job.id, job.fence)))
            if dpi is None:
                return stored
            if changed := patches(stored.file, dpi):
                return Body(stored.file, changed)
            stored.close()
    except BlobNotFoundError:
        pass  # It may be one of an earlier release.
    try:
        master = services.storage.open(keys.artwork_key(job.id, job.fence))
    except BlobNotFoundError as error:
        raise RefusalError(refusals.ARTWORK_NOT_FOUND) from error
    # Beside the artworks, because the system's folder for such files often is memory.
    scratch = tempfile.TemporaryFile(dir=services.settings.data)  # noqa: SIM115 - closed by whoever sends it
    with master:
        picture = StoredPicture(master)
        encode(picture, scratch, extension, picture.made_with, dpi=dpi or DPI, bits=8)
    scratch.flush()
    return Body(scratch)


def file_name(job: Job) -> str:
    """What a download is called, without its extension: made from our own ids only, and not from those of people's own
    paintings, which are nobody else's business.
    """
    names = dict.fromkeys("own" if own_painting(each.id) else each.id for each in job.request.styles)
    return "atelier-" + "-".join(names) + "-" + job.id[:6]
