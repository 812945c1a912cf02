"""What the home page's form sends: photo, mask and own painting are kept, the rest becomes a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from starlette.datastructures import FormData
from starlette.requests import Request

from app import errors, paintings, uploads
from app.errors import RefusalError
from app.form import OWN, HomeForm
from app.home import HomePage, home_page, known, place_of
from app.limits import client_of
from app.pages import to_easel
from app.refused import UnfitError
from app.studio import (
    Studio,
    delete_painting,
    keep_mask,
    keep_painting,
    keep_photo,
    read_form,
    start_job,
    studio_here,
    uploaded_file,
)
from app.uploads import StoredPhoto

router = APIRouter(include_in_schema=False)

StudioHere = Annotated[Studio, Depends(studio_here)]
SAMPLE = Path(__file__).parents[1] / "static" / "pictures" / "sample.jpg"


@dataclass
class Sent:
    """A form that was sent, what of it was kept, and what was refused."""

    form: HomeForm = field(default_factory=HomeForm)
    photo: StoredPhoto | None = None
    own: list[str] = field(default_factory=list)
    refusals: list[RefusalError] = field(default_factory=list)


async def take_in(studio: Studio, request: Request) -> Sent:
    """Read the form and keep its files. One that is refused costs none of the others."""
    sent = Sent()
    try:
        form = await read_form(request)
    except RefusalError as refusal:
        sent.refusals.append(refusal)
        return sent
    try:
        sent.form = HomeForm.of(form)
        for keep in (keep_own, keep_its_photo, keep_its_mask):
            try:
                await keep(studio, form, sent)
            except RefusalError as refusal:
                sent.refusals.append(refusal)
    finally:
        await form.close()
    return sent


async def keep_own(studio: Studio, form: FormData, sent: Sent) -> None:
    """The visitor's painting, if one came along. It is the chosen one unless a card of another is."""
    file = uploaded_file(form, "own_painting")
    if file is None:
        if sent.form.style == OWN:
            raise RefusalError(errors.PAINTING_MISSING)
        return
    painting = await keep_painting(studio, file.file)
    sent.own.append(painting.id)
    if sent.form.style in {"", OWN}:
        sent.form = sent.form.after(painting.id)


async def keep_its_photo(studio: Studio, form: FormData, sent: Sent) -> None:
    """The photo: a file, or the id of one that was sent before."""
    file = uploaded_file(form)
    if file is not None:
        sent.photo = await keep_photo(studio, file.file)
        sent.form = sent.form.for_another_photo()
        return
    photo_id = form.get("photo_id")
    if not isinstance(photo_id, str) or not photo_id:
        raise RefusalError(errors.PHOTO_MISSING)
    sent.photo = await to_thread.run_sync(uploads.find, photo_id, studio.storage)
    if sent.photo is None:
        raise RefusalError(errors.PHOTO_GONE)


async def keep_its_mask(studio: Studio, form: FormData, sent: Sent) -> None:
    """The mask, if one came along, as that of the part of the photo that is kept."""
    file = uploaded_file(form, "keep_mask")
    if file is not None and sent.photo is not None:
        mask = await keep_mask(studio, sent.photo.id, file.file, turned=sent.form.keep_how == "paint")
        sent.form = sent.form.keeping(mask.id)


@router.post("/jobs")
async def paint(request: Request, studio: StudioHere) -> Response:
    """Keeps what was sent, starts the job, leads to its easel."""
    sent = await take_in(studio, request)
    if sent.photo and not sent.refusals:
        try:
            wish = sent.form.wish(sent.photo.id, known(studio, sent.form))
            job = await to_thread.run_sync(start_job, studio, wish, client_of(request, studio.secret))
        except RefusalError as refusal:
            sent.refusals.append(refusal)
        else:
            return remembering(request, to_easel(request, studio, job), sent)
    return remembering(request, await to_thread.run_sync(sent_back, request, sent), sent)


def sent_back(request: Request, sent: Sent) -> Response:
    """The home page with each sentence beside the control that caused it, and the input kept."""
    places: dict[str, str] = {}
    for refusal in sent.refusals:
        places |= refusal.places if isinstance(refusal, UnfitError) else {place_of(refusal): refusal.sentence}
    first = sent.refusals[0]
    response = home_page(request, HomePage(sent.form, sent.photo, places, status=first.kind.status, fresh=sent.own))
    response.headers.update(first.headers)
    return response


def remembering(request: Request, response: Response, sent: Sent) -> Response:
    """The response, which tells the browser to remember its own painting."""
    for painting in sent.own:
        paintings.remember(request, response, painting, request.app.state.studio.secret)
    return response


@router.post("/photos/sample")
async def take_sample(request: Request, studio: StudioHere) -> Response:
    """The sample photo for those who have none at hand, with the rest of the form kept."""
    sent = Sent()
    try:
        form = await read_form(request)
        sent.form = HomeForm.of(form).for_another_photo()
        await form.close()
        with SAMPLE.open("rb") as file:
            sent.photo = await keep_photo(studio, file)
    except RefusalError as refusal:
        sent.refusals.append(refusal)
        return await to_thread.run_sync(sent_back, request, sent)
    return await to_thread.run_sync(home_page, request, HomePage(sent.form, sent.photo))


@router.post("/paintings/remove")
async def remove_own(request: Request, studio: StudioHere) -> Response:
    """Removes an own painting, with the rest of the form kept."""
    sent = Sent()
    try:
        form = await read_form(request)
        sent.form = HomeForm.of(form)
        gone, photo_id = str(form.get("remove", "")), str(form.get("photo_id", ""))
        await form.close()
        await to_thread.run_sync(delete_painting, studio, gone)
    except RefusalError as refusal:
        sent.refusals.append(refusal)
        return await to_thread.run_sync(sent_back, request, sent)
    sent.photo = await to_thread.run_sync(uploads.find, photo_id, studio.storage)
    return await to_thread.run_sync(home_page, request, HomePage(sent.form.without(gone), sent.photo))
