"""What the home page's form sends: photo, mask and own painting are kept, the rest becomes a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData
from starlette.requests import Request

from app import refusals
from app.orders.series import start_series
from app.orders.start import start_job
from app.pages.form import OWN, HomeForm
from app.pages.home import HomePage, beside, home_page, known
from app.pages.keeping import keep_each
from app.pages.sentences import UnfitError
from app.pages.several import Chosen, are_several, chosen_photos
from app.pages.wall import to_job_page
from app.refusals import RefusalError
from app.services import Services, ServicesHere
from app.translation import N_, _
from app.uploads import paintings, photos
from app.uploads.deleting import delete_painting
from app.uploads.keep import check_length, keep_mask, keep_painting, keep_photo, keep_upload
from app.uploads.paintings import OwnPainting
from app.uploads.photos import StoredPhoto
from app.web import id_cookies
from app.web.forms import read_form, uploaded_file
from app.web.limits import client_of

router = APIRouter(include_in_schema=False)

MASK_OF_SEVERAL = N_("A mask is of one photo, and these are several. Take it out, or paint one of them.")
SAMPLE = Path(__file__).parents[2] / "static" / "pictures" / "sample.jpg"


@dataclass
class Sent:
    """A form that a client sent, what of it was kept, and what was refused."""

    client: str
    form: HomeForm = field(default_factory=HomeForm)
    photo: StoredPhoto | None = None
    several: Chosen = field(default_factory=Chosen)
    own: list[OwnPainting] = field(default_factory=list)
    refusals: list[RefusalError] = field(default_factory=list)


async def take_in(services: Services, request: Request) -> Sent:
    """Read the form and keep its files. One that is refused costs none of the others."""
    sent = Sent(client_of(request, services.secret))

    def settle(form: FormData) -> None:
        sent.form = HomeForm.of(form)

    keep = [partial(each, services, sent) for each in (keep_own, keep_its_photo, keep_its_masks)]
    sent.refusals += await keep_each(request, "photo", settle, *keep)
    return sent


async def keep_own(services: Services, sent: Sent, form: FormData) -> None:
    """The visitor's painting, if one came along. It is the chosen one unless a card of another is."""
    file = uploaded_file(form, "own_painting")
    if file is None:
        if sent.form.style == OWN:
            raise RefusalError(refusals.PAINTING_MISSING)
        return
    check_length(services, file, "painting")
    painting = await keep_painting(services, file.file, sent.client)
    sent.own.append(painting)
    if sent.form.style in {"", OWN}:
        sent.form = sent.form.after(painting.id)


async def keep_its_photo(services: Services, sent: Sent, form: FormData) -> None:
    """The photo: a file, or the id of one that was sent before; or several of each."""
    file = uploaded_file(form)
    if are_several(form):
        sent.several = await chosen_photos(services, form, sent.client)
        if len(sent.several.photos) == 1 and not sent.several.left_out:
            sent.photo, sent.several = sent.several.photos[0], Chosen()
    elif file is not None:
        sent.photo = await keep_upload(services, file, sent.client)
    if sent.photo or sent.several.photos or sent.several.left_out:
        sent.form = sent.form.for_another_photo()
        return
    photo_id = form.get("photo_id")
    if not isinstance(photo_id, str) or not photo_id:
        raise RefusalError(refusals.PHOTO_MISSING)
    sent.photo = await to_thread.run_sync(photos.find, photo_id, services.storage)
    if sent.photo is None:
        raise RefusalError(refusals.PHOTO_GONE)


async def keep_its_masks(services: Services, sent: Sent, form: FormData) -> None:
    """The masks that came along; each takes the place of one that was there before."""
    for place in sent.form.places():
        file = uploaded_file(form, f"{place}_file")
        if file is not None and sent.several.photos:
            sent.refusals.append(UnfitError({place: _(MASK_OF_SEVERAL)}))
        elif file is not None and sent.photo is not None:
            turned = place == "keep" and sent.form.keep_how == "paint"
            try:
                check_length(services, file, "mask")
                mask = await keep_mask(services, sent.photo.id, file.file, sent.client, turned)
            except RefusalError as refusal:
                sent.refusals.append(refusal.beside(place))
            else:
                sent.form = sent.form.marked(place, mask.id)


@router.get("/jobs")
@router.get("/photos/sample")
@router.get("/paintings/remove")
def home_again() -> Response:
    """The way back for who keeps the address that a form was sent to, or sends it again from the address bar."""
    return RedirectResponse("/", 303)


@router.post("/jobs")
async def paint(request: Request, services: ServicesHere) -> Response:
    """Keeps what was sent, starts the job, leads to its easel; or to all of a series."""
    sent = await take_in(services, request)
    if sent.refusals and not any(part.counts for part in sent.form.parts):
        sent.refusals.append(RefusalError(refusals.STYLE_MISSING))  # both are said, each at its step
    if not sent.refusals and not sent.several.left_out:
        try:
            return remembering(request, await to_thread.run_sync(started, request, services, sent), sent)
        except RefusalError as refusal:
            sent.refusals.append(refusal)
    return remembering(request, await to_thread.run_sync(sent_back, request, sent), sent)


def started(request: Request, services: Services, sent: Sent) -> Response:
    """Starts what was sent, one job or a series, and leads to its page.

    Raises:
        RefusalError: the form asks for what can't be had.
    """
    client, styles = sent.client, known(services, sent.form)
    if sent.photo:
        return to_job_page(request, services, start_job(services, sent.form.wish(sent.photo.id, styles), client))
    series, jobs = start_series(services, [sent.form.wish(photo.id, styles) for photo in sent.several.photos], client)
    response = RedirectResponse(f"/series/{series.id}", 303)
    id_cookies.hang_series(request, response, series.id, [job.id for job in jobs], services.secret)
    return response


def sent_back(request: Request, sent: Sent) -> Response:
    """The home page with each sentence beside the control that caused it, and the input kept."""
    places: dict[str, str] = {}
    for refusal in sent.refusals:
        places |= beside(refusal, sent.form)
    # Photos that were left out of several have their sentences with them.
    status = sent.refusals[0].kind.status if sent.refusals else 422
    page = HomePage(
        sent.form, sent.photo, places, status=status, fresh=[each.id for each in sent.own], several=sent.several
    )
    response = home_page(request, page)
    for refusal in sent.refusals[:1]:
        response.headers.update(refusal.headers)
    return response


def remembering(request: Request, response: Response, sent: Sent) -> Response:
    """The response, which tells the browser to remember its own painting."""
    for painting in sent.own:
        paintings.remember(request, response, painting, request.app.state.services.secret)
    return response


@router.post("/photos/sample")
async def take_sample(request: Request, services: ServicesHere) -> Response:
    """The sample photo for those who have none at hand, with the rest of the form kept."""
    sent = Sent(client_of(request, services.secret))
    try:
        form = await read_form(request)
        sent.form = HomeForm.of(form).for_another_photo()
        await form.close()
        with SAMPLE.open("rb") as file:
            sent.photo = await keep_photo(services, file, sent.client)
    except RefusalError as refusal:
        sent.refusals.append(refusal)
        return await to_thread.run_sync(sent_back, request, sent)
    return await to_thread.run_sync(home_page, request, HomePage(sent.form, sent.photo))


@router.post("/paintings/remove")
async def remove_own(request: Request, services: ServicesHere) -> Response:
    """Removes an own painting, with the rest of the form kept."""
    sent = Sent(client_of(request, services.secret))
    try:
        form = await read_form(request)
        sent.form = HomeForm.of(form)
        gone, photo_id = str(form.get("remove", "")), str(form.get("photo_id", ""))
        await form.close()
        await to_thread.run_sync(delete_painting, services, gone)
    except RefusalError as refusal:
        sent.refusals.append(refusal)
        return await to_thread.run_sync(sent_back, request, sent)
    sent.photo = await to_thread.run_sync(photos.find, photo_id, services.storage)
    return await to_thread.run_sync(home_page, request, HomePage(sent.form.without(gone), sent.photo))
