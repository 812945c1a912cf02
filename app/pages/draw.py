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
from app.jobs.ids import ID, own_painting
from app.jobs.masks import find_part_map
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.jobs.work import planned_work
from app.orders.doodles import DoodleRequest, start_doodle
from app.orders.find import find_job
from app.pages import sentences
from app.pages.controls import DRAWN
from app.pages.form import last
from app.pages.keeping import keep_each
from app.pages.sentences import UnfitError
from app.pages.values import DEFAULTS, text_of
from app.pages.wall import to_job_page
from app.refusals import RefusalError
from app.retelling import retold
from app.services import Services, ServicesHere, services_of
from app.translation import _, initial
from app.uploads import paintings, photos
from app.uploads.keep import check_length, keep_mask, keep_painting, keep_part_map, keep_photo, keep_upload
from app.uploads.paintings import OwnPainting
from app.uploads.photos import ACCEPT, StoredPhoto
from app.web.forms import uploaded_file
from app.web.limits import client_of
from app.web.templates import template
from app.words import duration

router = APIRouter(include_in_schema=False)

FIRST = "starry_night"
SIZES, USUAL_SIZE = ("512", "1024", "1536", "2048"), "1024"
USUAL_DRAWING = (4, 3)
# Beside which control a sentence stands that is about something else of the job: a drawing is all of these.
PLACES = {
    "style": "painting",
    "photo": "photo",
    "painting": "own_painting",
    "style_map": "style_map",
    "size": "size",
    "submit": "submit",
    **{name: name for name in DRAWN},
}


@dataclass
class Sent:
    """A drawing that a client sent, what of it was kept, and what was refused.

    Attributes:
        options: by their names, what else was chosen (DRAWN).
        photo: what is painted with the parts; None where the drawing is all that there is.
        sheet: what the drawing is a mask of: the photo, or the drawing itself.
        drawing: the mask's id.
        own: the visitor's painting that came along.
        style_map: the id of the map of its parts, or of another painting of the visitor's that is chosen.
    """

    client: str = ""
    painting: str = FIRST
    size: str = USUAL_SIZE
    options: dict[str, str] = field(default_factory=lambda: {name: DEFAULTS[name] for name in DRAWN})
    photo: StoredPhoto | None = None
    sheet: StoredPhoto | None = None
    drawing: str = ""
    own: OwnPainting | None = None
    style_map: str = ""
    refusals: list[RefusalError] = field(default_factory=list)


async def take_in(services: Services, request: Request) -> Sent:
    """Read the form and keep its files. One that is refused costs none of the others."""
    sent = Sent(client_of(request, services.secret))

    def settle(form: FormData) -> None:
        sent.painting, sent.size = last(form, "painting"), last(form, "size") or USUAL_SIZE
        sent.options = {name: last(form, name) or DEFAULTS[name] for name in DRAWN}

    keep = [partial(each, services, sent) for each in (keep_own, keep_its_map, keep_its_photo, keep_its_drawing)]
    sent.refusals += await keep_each(request, "map", settle, *keep)
    return sent


async def keep_own(services: Services, sent: Sent, form: FormData) -> None:
    """The visitor's painting, if one came along: who sends one wants to draw with it, whatever was chosen before."""
    file = uploaded_file(form, "own_painting")
    if file is not None:
        check_length(services, file, "painting")
        sent.own = await keep_painting(services, file.file, sent.client)
        sent.painting = sent.own.id


async def keep_its_map(services: Services, sent: Sent, form: FormData) -> None:
    """The map of an own painting's parts: a file, or the id of one that was sent before."""
    if own_painting(sent.painting) is None:
        return
    file = uploaded_file(form, "style_map")
    if file is None:
        sent.style_map = "" if sent.own else last(form, "style_map_id")
        if not ID.fullmatch(sent.style_map):
            raise RefusalError(refusals.PART_MAP_MISSING)
        return
    check_length(services, file, "mask")
    try:
        sent.style_map = (await keep_part_map(services, sent.painting, file.file, sent.client)).id
    except RefusalError as refusal:
        gone = refusal.kind.code == refusals.PAINTING_NOT_FOUND.code
        raise (RefusalError(refusals.PAINTING_GONE) if gone else refusal.beside("style_map")) from refusal


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
        is_empty = refusal.kind.code == refusals.MASK_EMPTY.code
        raise (RefusalError(refusals.DRAWING_EMPTY) if is_empty else refusal.beside("map")) from refusal


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
                "style_map": sent.style_map or None,
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
    cards = [card for card in services.gallery.cards if card.parts]
    own = own_titles(request, sent)
    offered = [*own, *(card.id for card in cards)]
    context = {
        "cards": cards,
        "own": own,
        "chosen": sent.painting if sent.painting in offered else cards[0].id if cards else "",
        "style_map": sent.style_map,
        "map_colors": map_colors(services, sent),
        "keeps_for": duration(services.settings.retention_s),
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


def map_colors(services: Services, sent: Sent) -> list[str]:
    """The colours of the map that is kept of an own painting's parts."""
    own = own_painting(sent.painting)
    facts = find_part_map(own, sent.style_map, services.storage) if own and ID.fullmatch(sent.style_map) else None
    return facts.rivals([]) if facts else []


def drawn_before(services: Services, job_id: str) -> Sent:
    """What was sent for an earlier artwork, to be drawn on.

    Raises:
        RefusalError: there is none, or it was not drawn.
    """
    wish = find_job(services, job_id).request
    photo, style = photos.find(wish.photo, services.storage), wish.styles[0]
    if photo is None:
        raise RefusalError(refusals.PHOTO_GONE)
    if not style.part or not style.mask:
        raise RefusalError(refusals.MAP_MISSING)
    return Sent(
        painting=style.id,
        size=str(wish.size),
        photo=photo if wish.preset != "doodle" else None,
        sheet=photo,
        drawing=style.mask,
        style_map=style.part_map or "",
        options={name: text_of(getattr(wish, name)) for name in DRAWN},
    )


def own_titles(request: Request, sent: Sent) -> dict[str, str]:
    """This browser's own paintings, newest first, and the one that is asked for: what each is called, by its id."""
    services = services_of(request)
    remembered = [each.id for each in paintings.remembered(request, services.secret, services.storage)]
    asked = paintings.find(sent.painting, services.storage)
    ids = dict.fromkeys([*([asked.id] if asked else []), *remembered])
    return {each: _("Your painting {number}").format(number=len(ids) - index) for index, each in enumerate(ids)}


def seconds(services: Services, size: int) -> float | None:
    """How long a drawing of this size takes here; None before anything was measured."""
    speed = services.records.workers.speed()
    return speed * planned_work(USUAL_DRAWING, size, "good", "doodle") if speed else None


@router.get("/draw")
def draw(request: Request, services: ServicesHere, painting: str = FIRST, again: str = "") -> Response:
    """The page with a painting's parts as brushes; with `again`, and the drawing of an earlier artwork."""
    try:
        sent = drawn_before(services, again) if again else Sent(painting=painting)
    except RefusalError as refusal:
        sent = Sent(painting=painting, refusals=[refusal])
    return draw_page(request, sent)


@router.post("/draw")
async def paint(request: Request, services: ServicesHere) -> Response:
    """Keeps what was sent, starts the job and leads to its easel."""
    sent = await take_in(services, request)
    if not sent.refusals:
        try:
            return remembering(request, await to_thread.run_sync(to_easel, request, services, sent), sent)
        except RefusalError as refusal:
            sent.refusals.append(refusal)
    return remembering(request, await to_thread.run_sync(draw_page, request, sent), sent)


def remembering(request: Request, response: Response, sent: Sent) -> Response:
    """The response, which tells the browser to remember its own painting."""
    if sent.own:
        paintings.remember(request, response, sent.own, services_of(request).secret)
    return response


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
