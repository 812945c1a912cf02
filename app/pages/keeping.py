"""What a page's form brings is kept, each thing by itself: one that is refused costs none of the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from anyio import to_thread
from starlette.datastructures import FormData
from starlette.requests import Request

from app.pages.resend import with_enclosed
from app.refusals import RefusalError
from app.web.forms import read_form

Keep = Callable[[FormData], Awaitable[None]]


async def keep_each(
    request: Request, place: str, settle: Callable[[FormData], None], *keep: Keep
) -> list[RefusalError]:
    """Read the request's form, also one whose files were enclosed as text, and keep what is in it; what was refused.

    `settle` takes what is no file. Where the form itself cannot be read, that is the only refusal, beside `place`.
    """
    try:
        form = await to_thread.run_sync(with_enclosed, await read_form(request))
    except RefusalError as refusal:
        return [refusal.beside(place) if refusal.kind.field else refusal]
    refused = []
    try:
        settle(form)
        for each in keep:
            try:
                await each(form)
            except RefusalError as refusal:
                refused.append(refusal)
    finally:
        await form.close()
    return refused
