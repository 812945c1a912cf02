"""A form that was not taken because of where it may come from is shown once more: a click then sends it from here.

Nothing of it is kept or done before that click. What was chosen travels in the page itself, its files as text.
"""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from anyio import to_thread
from fastapi.responses import Response, StreamingResponse
from starlette.background import BackgroundTask
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app import refusals
from app.jobs.ids import own_painting
from app.pages.several import name_of
from app.refusals import RefusalError
from app.services import Services, services_of
from app.translation import N_, _
from app.uploads import photos
from app.web.answering import CODE, answer, wants_json
from app.web.bodies import FORMS_OF_FILES
from app.web.forms import MOST_FIELDS, read_form
from app.web.origin import SAFE_METHODS, form_action, keep_visit, refused_origin

# What the button says that sends it, by the last part of the address. Nobody is to press it for something else.
DEEDS = {
    "jobs": N_("Paint it"),
    "draw": N_("Paint the drawing"),
    "sample": N_("Use the sample photo"),
    "received": N_("Take these photos"),
    "remove": N_("Remove the painting"),
    "again": N_("Paint it again"),
    "retry": N_("Paint it after all"),
    "recolor": N_("Change the colours"),
    "enlarge": N_("Enlarge it for print"),
    "larger": N_("Paint it large"),
    "share": N_("Make an address to share"),
    "cancel": N_("Stop painting"),
    "language": N_("Change the language"),
    "delete": N_("Delete photos and artworks"),
}
UNSHARE = N_("Stop sharing")
ENCLOSED = re.compile(r"enclosed-\d+-(\w+)")
PIECE_BYTES = 750_000  # a megabyte as text, which is what the parser takes of one field


class SameOriginWrites:
    """Refuses writes that another site's page sends with a visitor's browser (cross-site request forgery)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive) if scope["type"] == "http" and scope["method"] not in SAFE_METHODS else None
        kind = refused_origin(request) if request else None
        if request is None or kind is None:
            return await self.app(scope, receive, send)
        if deed_of(request.url.path) and not wants_json(request):
            response = await once_more(request, kind)
        else:
            response = answer(request, kind, f"{_(kind.sentence)} {_(kind.advice)}".rstrip())
        return await response(scope, receive, send)


class Enclosed(NamedTuple):
    """A file that goes into the page: the name of its field there, what its owner calls it, and its bytes."""

    field: str
    name: str
    file: BinaryIO

    def pieces(self) -> Iterator[str]:
        """The file as text, read piece by piece while the page is sent."""
        self.file.seek(0)
        while piece := self.file.read(PIECE_BYTES):
            yield base64.b64encode(piece).decode()


async def once_more(request: Request, kind: refusals.Kind) -> Response:
    """The page with what was sent, and the button that sends it from here."""
    try:
        form = await read_form(request)
    except RefusalError as refusal:
        return answer(request, refusal.kind, refusal.sentence)
    services, path = services_of(request), request.url.path
    texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    files, too_large = enclosable(services, form, MOST_FIELDS - len(texts)) if path in FORMS_OF_FILES else ([], [])
    deed = deed_of(path)
    if deed == DEEDS["share"] and form.get("how") == "stop":
        deed = UNSHARE
    context = {
        "request": request,
        "kind": kind,
        "action": services.at(form_action(request, path)),
        "deed": _(deed),
        "texts": texts,
        "files": files,
        "too_large": too_large,
        "photo": await to_thread.run_sync(photos.find, str(form.get("photo_id", "")), services.storage),
        "after": services.gallery.titles(
            value for name, value in texts if name == "style" and is_style(services, value)
        ),
        "accept": photos.ACCEPT,
    }
    page = request.app.state.templates.get_template("resend.html").generate(context)
    request.scope[CODE] = kind.code
    response = StreamingResponse(page, kind.status, media_type="text/html", background=BackgroundTask(form.close))
    keep_visit(request, response)
    return response


def deed_of(path: str) -> str:
    """What a form that is sent to this address does, in words; empty where none of ours is sent there."""
    return DEEDS.get(path.rpartition("/")[2], "")


def is_style(services: Services, style_id: str) -> bool:
    """Whether the page may name this painting; what else a form says of one is anybody's text."""
    return style_id in services.gallery.by_id or own_painting(style_id) is not None


def enclosable(services: Services, form: FormData, most_pieces: int) -> tuple[list[Enclosed], list[str]]:
    """The files of a form that a page can hold, and the fields of those that have to be chosen again."""
    settings = services.settings
    left = min(most_pieces, max(settings.upload_limit_mb, settings.form_limit_mb))  # a megabyte each
    files: list[Enclosed] = []
    too_large: list[str] = []
    for field, entry in form.multi_items():
        if not isinstance(entry, UploadFile) or not entry.size:
            continue
        pieces = -(-entry.size // PIECE_BYTES)
        if pieces > left:
            too_large.append(field)
        else:
            left -= pieces
            files.append(Enclosed(f"enclosed-{len(files)}-{field}", name_of(entry, len(files) + 1), entry.file))
    return files, list(dict.fromkeys(too_large))


def with_enclosed(form: FormData) -> FormData:
    """The form with the files that such a page held as text.

    Raises:
        RefusalError: they are none.
    """
    found = {name: match[1] for name, _ in form.multi_items() if (match := ENCLOSED.fullmatch(name))}
    others = [(name, value) for name, value in form.multi_items() if name not in found]
    return FormData([*others, *((field, file_of(form.getlist(name))) for name, field in found.items())])


def file_of(pieces: list[UploadFile | str]) -> UploadFile:
    """The file that was enclosed in these pieces."""
    file = tempfile.SpooledTemporaryFile(MultiPartParser.spool_max_size)  # noqa: SIM115 - closed with the form
    try:
        for piece in pieces:
            file.write(base64.b64decode(str(piece), validate=True))
    except ValueError as error:
        file.close()
        raise RefusalError(refusals.FORM_UNREADABLE) from error
    size = file.tell()
    file.seek(0)
    return UploadFile(file, size=size)  # type: ignore[arg-type]
