"""Forms as browsers send them: how much of one is read, and the files in it."""

from __future__ import annotations

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.requests import ClientDisconnect, Request

from app import refusals
from app.jobs.models import MOST_IN_SERIES
from app.refusals import RefusalError

# Twice as many photos as a series has: whoever chose too many is told so, and which were left out.
MOST_FILES, MOST_FIELDS = 2 * MOST_IN_SERIES, 100 + MOST_IN_SERIES

# Larger files lie on disk while a form is read, or fifty small ones would fill 50 MB of memory.
MultiPartParser.spool_max_size = 64 * 1024


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
