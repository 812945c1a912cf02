"""Photos that come from elsewhere than our own pages: from the share menu of the machine that the site is an app of."""

from __future__ import annotations

from functools import partial

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData
from starlette.requests import Request

from app.pages.home import HomePage, home_page
from app.pages.keeping import keep_each
from app.pages.sending import Sent, keep_its_photo, sent_back
from app.services import ServicesHere
from app.web.limits import client_of

router = APIRouter(include_in_schema=False)

RECEIVED = "/photos/received"  # where the manifest has it sent


@router.get(RECEIVED)
def home_again() -> Response:
    """The way back for who keeps that address."""
    return RedirectResponse("/", 303)


@router.post(RECEIVED)
async def receive(request: Request, services: ServicesHere) -> Response:
    """Keeps what was sent and leads to the home page, where it is the chosen photo; nothing is painted yet.

    Browsers say of such a request that no page sent it. Of another site's page it is refused like any write, and shown
    with a button instead.
    """
    sent = Sent(client_of(request, services.secret))

    def nothing_else(_form: FormData) -> None:
        """A share menu sends files alone; whatever else is in the form is not ours."""

    sent.refusals += await keep_each(request, "photo", nothing_else, partial(keep_its_photo, services, sent))
    if sent.refusals or sent.several.left_out:
        return await to_thread.run_sync(sent_back, request, sent)
    if sent.photo:
        return RedirectResponse(f"/?photo={sent.photo.id}", 303)
    return await to_thread.run_sync(home_page, request, HomePage(sent.form, several=sent.several))
