"""The page to draw on: a painting's parts are the brushes, and the drawing becomes a job like any other."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request

from app import refusals
from app.jobs.ids import ID
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.jobs.work import planned_work
from app.orders.doodles import DoodleRequest, start_doodle
from app.pages import sentences
from app.pages.controls import DRAWN
from app.pages.form import last
from app.pages.keeping import keep_each
from app.pages.sentences import UnfitError
from app.pages.values import DEFAULTS
from app.pages.wall import to_job_page
from app.refusals import RefusalError
from app.retelling import retold
from app.services import Services, ServicesHere, services_of
from app.translation import initial
from app.uploads import photos
from app.uploads.keep import check_length, keep_mask, keep_photo, keep_upload
from app.uploads.photos import ACCEPT, StoredPhoto
from app.web.forms import uploaded_file
from app.web.limits import client_of
from app.web.templates import template

router = APIRouter(include_in_schema=False)

FIRST = "starry_night"
SIZES, USUAL_SIZE = ("512", "1024", "1536", "2048"), "1024"
USUAL_DRAWING = (4, 3)
# Beside which control a sentence stands that is about something else of the job: a drawing is all of these.
PLACES = {"style": "painting", "photo": "photo", "painting": "painting", "size": "size", "submit": "submit"} | {
    name: name for name in DRAWN
}


@dataclass
class Sent:
    """A drawing that a client sent, what of it was kept, and what was refused.

    Attributes:
        options: by their names, what else was chosen (DRAWN).
        photo: what is painted with the parts; None where the drawing is all that there is.
        sheet: what the drawing is a mask of: the photo, or the drawing itself.
        drawing: the mask's id.
    """

    client: str = ""
    painting: str = FIRST
    size: str = USUAL_SIZE
    options: dict[str, str] = field(default_factory=lambda: {name: DEFAULTS[name] for name in DRAWN})
    photo: StoredPhoto | None = None
    sheet: StoredPhoto | None = None
    drawing: str = ""
    refusals: list[RefusalError] = field(default_factory=list)


async def take_in(services: Services, request: Request) -> Sent:
    """Read the form and keep its files. One that is refused costs none of the others."""
    sent = Sent(client_of(request, services.secret))

    def settle(form: FormData) -> None:
        sent.painting, sent.size = last(form, "painting"), last(form, "size") or USUAL_SIZE
        sent.options = {name: last(form, name) or DEFAULTS[name] for name in DRAWN}

    keep = [partial(each, services, sent) for each in (keep_its_photo, keep_its_drawing)]
    sent.refusals += await keep_each(request, "map", settle, *keep)
    return sent


async def keep_its_photo(services: Services, sent: Sent, form: FormData) -> None:
    """The photo that the parts are for: a file, or the id of one that was sent before; or none."""
    file, photo_id = uploaded_file(form), last(form, "photo_id")
    if file is not None:
        sent.photo = await keep_upload(services, file, sent.client)
    elif photo_id and not last(form, "drop_photo"):
        sent.photo = await to_thread.run_sync(photos.find, photo_id, services.storage)
        if sent.photo is None:
            raise RefusalError(refusals.PHOTO_GONE)


async def keep_its_drawing(services: Services, sent: Sent, form: FormData) -> None:
    """The drawing: a file, or what was kept of one that was sent before; as a mask of the photo, or of itself."""
    file = uploaded_file(form, "map")
    if file is not None:
        check_length(services, file, "mask")
        content: BinaryIO = file.file
    else:
        content = io.BytesIO(await to_thread.run_sync(kept_drawing, services, form))
    try:
        sent.sheet = sent.photo or await keep_photo(services, content, sent.client, "mask")
        content.seek(0)
        sent.drawing = (await keep_mask(services, sent.sheet.id, content, sent.client)).id
    except RefusalError as refusal:
        raise refusal.beside("map") from refusal


def kept_drawing(services: Services, form: FormData) -> bytes:
    """The drawing that was sent before with this form.

    Raises:
        RefusalError: there was none, or it is gone.
    """
    sheet, drawing = last(form, "sheet_id"), last(form, "map_id")
    if not (ID.fullmatch(sheet) and ID.fullmatch(drawing)):
        raise RefusalError(refusals.MAP_MISSING)
    try:
        return services.storage.get(keys.mask_key(sheet, drawing))
    except BlobNotFoundError as error:
        raise RefusalError(refusals.MAP_MISSING) from error


def wish_of(sent: Sent) -> DoodleRequest:
    """The doodle that was drawn.

    Raises:
        RefusalError: no painting is chosen, there is no drawing, or the size does not fit.
    """
    if not sent.painting:
        raise RefusalError(refusals.STYLE_MISSING)
    if sent.sheet is None:
        raise RefusalError(refusals.MAP_MISSING)
    try:
        return DoodleRequest.model_validate(
            {
                "photo": sent.sheet.id,
                "target_map": sent.drawing,
                "style": sent.painting,
                "size": sent.size,
                "preset": "studio" if sent.photo else "doodle",
            }
            | sent.options
        )
    except ValidationError as error:
        raise UnfitError(sentences.places_of(error, DRAWN)) from error


def beside(refusal: RefusalError) -> dict[str, str]:
    """What of a refusal stands beside which control. Programs speak of a target map, the page of a drawing."""
    if isinstance(refusal, UnfitError):
        return {PLACES.get(place, "map"): sentence for place, sentence in refusal.places.items()}
    field, unfit = str(refusal.values.get("field", "")), str(refusal.values.get("unfit", ""))
    sentence = retold(unfit.replace("target map", "drawing")) if unfit else refusal.sentence.removeprefix(f"{field}: ")
    return {PLACES.get(field) or PLACES.get(refusal.kind.field, "map"): initial(sentence)}


def draw_page(request: Request, sent: Sent) -> Response:
    """The page, also with what was wrong in a drawing that is sent back."""
    services = services_of(request)
    refused: Mapping[str, str] = {place: words for each in sent.refusals for place, words in beside(each).items()}
    cards = [card for card in services.gallery.cards if card.style.parts]
    context = {
        "cards": cards,
        "chosen": next((card for card in cards if card.id == sent.painting), cards[0] if cards else None),
        "photo": sent.photo,
        "sheet": sent.sheet if sent.drawing else None,
        "drawing": sent.drawing,
        "sizes": [(size, seconds(services, int(size))) for size in SIZES],
        "drawn": DRAWN.values(),
        "form": sent,
        "size": sent.size if sent.size in SIZES else USUAL_SIZE,
        "refused": refused,
        "accept": ACCEPT,
        "limit_mb": services.settings.upload_limit_mb,
    }
    response = template(request, "draw.html", context, sent.refusals[0].kind.status if sent.refusals else 200)
    for refusal in sent.refusals[:1]:
        response.headers.update(refusal.headers)
    return response


def seconds(services: Services, size: int) -> float | None:
    """How long a drawing of this size takes here; None before anything was measured."""
    speed = services.records.workers.speed()
    return speed * planned_work(USUAL_DRAWING, size, "good", "doodle") if speed else None


@router.get("/draw")
def draw(request: Request, painting: str = FIRST) -> Response:
    """The page with a painting's parts as brushes."""
    return draw_page(request, Sent(painting=painting))


@router.post("/draw")
async def paint(request: Request, services: ServicesHere) -> Response:
    """Keeps what was sent, starts the job and leads to its easel."""
    sent = await take_in(services, request)
    if not sent.refusals:
        try:
            return await to_thread.run_sync(to_easel, request, services, sent)
        except RefusalError as refusal:
            sent.refusals.append(refusal)
    return await to_thread.run_sync(draw_page, request, sent)


def to_easel(request: Request, services: Services, sent: Sent) -> Response:
    """Starts what was drawn, and leads to its page.

    Raises:
        RefusalError: it can't be had.
    """
    try:
        started = start_doodle(services, wish_of(sent), sent.client)
    except ValidationError as error:  # what was asked for fits, and what follows from it does not
        raise UnfitError(sentences.places_of(error)) from error
    return to_job_page(request, services, started.job)
