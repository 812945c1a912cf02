"""The home page and its form: photo, painting, options; what is sent becomes a job. Works without a script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from starlette.datastructures import FormData
from starlette.requests import Request

from app import choices, errors, uploads
from app.choices import as_number, number
from app.errors import RefusalError
from app.form import HomeForm, Part, form_of
from app.gallery import Gallery
from app.limits import client_of
from app.pages import template, to_easel
from app.refused import EXPERT, FIRST, MORE, UnfitError, placed
from app.sizes import sizes
from app.studio import (
    Studio,
    find_job,
    keep_mask,
    keep_photo,
    read_form,
    start_job,
    studio_here,
    studio_of,
    uploaded_file,
)
from app.uploads import ACCEPT, StoredPhoto

router = APIRouter(include_in_schema=False)

StudioHere = Annotated[Studio, Depends(studio_here)]
SAMPLE = Path(__file__).parents[1] / "static" / "pictures" / "sample.jpg"
BLEND_ROWS = 4


@dataclass(frozen=True)
class HomePage:
    """What the home page shows. `refused` holds sentences by the control that they stand beside."""

    form: HomeForm = field(default_factory=HomeForm)
    photo: StoredPhoto | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    movement: str = ""
    status: int = 200


def home_page(request: Request, page: HomePage) -> Response:
    """The home page, also with what was wrong in a form that is sent back."""
    studio = studio_of(request)
    form, gallery = page.form, studio.gallery
    styles = gallery.chosen(page.text, page.movement)
    chosen = gallery.by_id.get(form.style)
    if chosen and chosen not in styles:
        styles = [chosen, *styles]  # What is chosen stays chosen, whatever is searched for.
    context = {
        "form": form,
        "blend": blend(form, studio.gallery),
        "most": number(max(1.0, *(as_number(part.weight) or 0 for part in form.parts))),
        "placed": any(part.mask for part in form.parts),
        "photo": page.photo,
        "refused": page.refused,
        "opened": {name for name, places in FOLDS.items() if places & page.refused.keys()},
        # A search is a form of its own; what it finds must not cost the photo and the options.
        "carried": [*([("photo", page.photo.id)] if page.photo else []), *form.fields()],
        "q": page.text,
        "movement": page.movement,
        "styles": styles,
        "all_styles": gallery.cards,
        "movements": gallery.movements,
        "sizes": sizes(studio, page.photo, form),
        "choices": choices,
        "accept": ACCEPT,
        "limit_mb": studio.settings.upload_limit_mb,
    }
    return template(request, "home.html", context, page.status)


FOLDS = {"options": FIRST | MORE, "more": MORE, "experts": EXPERT}


def refused_page(request: Request, refusal: RefusalError, form: HomeForm, photo: StoredPhoto | None) -> Response:
    """The home page with each sentence of a refusal beside the control that caused it, and the input kept."""
    places = refusal.places if isinstance(refusal, UnfitError) else {place_of(refusal): refusal.sentence}
    page = HomePage(form, None if "photo" in places else photo, places, status=refusal.kind.status)
    response = home_page(request, page)
    response.headers.update(refusal.headers)
    return response


def place_of(refusal: RefusalError) -> str:
    return placed(refusal.kind.field or "submit")


@dataclass(frozen=True)
class Row:
    """One painting of the blend on the page: its title, and its share of the whole in percent."""

    part: Part
    title: str
    share: int


def blend(form: HomeForm, gallery: Gallery) -> list[Row]:
    """The paintings of the blend, and empty rows for more."""
    parts = [*form.parts, *[Part()] * (BLEND_ROWS - len(form.parts))]
    # The first one is painted, whichever it will be.
    weights = [max(0.0, as_number(part.weight) or 0) if part.style or part is parts[0] else 0 for part in parts]
    whole = sum(weights) or 1
    return [
        Row(part, gallery.by_id[part.style].title if part.style in gallery.by_id else "", round(100 * weight / whole))
        for part, weight in zip(parts, weights, strict=True)
    ]


@router.get("/")
def home(
    request: Request,
    studio: StudioHere,
    photo: str = "",
    again: str = "",
    q: Annotated[str, Query(max_length=80)] = "",
    movement: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """The page with every option that the address names; with `again`, those of an earlier job."""
    form = HomeForm.of(request.query_params)
    if again:
        wish = find_job(studio, again).request
        form, photo = form_of(wish), photo or wish.photo
    refused = form.misfits()
    kept = uploads.find(photo, studio.storage) if photo else None
    if photo and kept is None:
        refused["photo"] = errors.PHOTO_GONE.sentence
    unknown = [part.style for part in form.parts if part.style and part.style not in studio.gallery.by_id]
    if unknown:
        refused["style"] = errors.STYLE_UNKNOWN.sentence.format(style=unknown[0])
    return home_page(request, HomePage(form, kept, refused, q, movement))


@router.post("/jobs")
async def paint(request: Request, studio: StudioHere) -> Response:
    """The form of the home page: keeps the photo, starts the job, leads to its easel."""
    home_form, photo = HomeForm(), None
    try:
        form = await read_form(request)
        try:
            home_form = HomeForm.of(form)
            photo = await photo_of(studio, form)
            if uploaded_file(form):
                home_form = home_form.for_another_photo()
            home_form = await with_mask(studio, form, home_form, photo)
        finally:
            await form.close()
        wish = home_form.wish(photo.id, studio.gallery.by_id)
        job = await to_thread.run_sync(start_job, studio, wish, client_of(request, studio.secret))
    except RefusalError as refusal:
        return await to_thread.run_sync(refused_page, request, refusal, home_form, photo)
    return to_easel(request, studio, job)


async def photo_of(studio: Studio, form: FormData) -> StoredPhoto:
    """The form's photo: a file, or the id of one that was sent before.

    Raises:
        RefusalError: there is none, or it is refused.
    """
    file = uploaded_file(form)
    if file is not None:
        return await keep_photo(studio, file.file)
    photo_id = form.get("photo_id")
    if not isinstance(photo_id, str) or not photo_id:
        raise RefusalError(errors.PHOTO_MISSING)
    photo = await to_thread.run_sync(uploads.find, photo_id, studio.storage)
    if photo is None:
        raise RefusalError(errors.PHOTO_GONE)
    return photo


async def with_mask(studio: Studio, form: FormData, home_form: HomeForm, photo: StoredPhoto) -> HomeForm:
    """The form with the mask that was sent along, if any, as the part of the photo that is kept.

    Raises:
        RefusalError: the mask is refused.
    """
    file = uploaded_file(form, "keep_mask")
    if file is None:
        return home_form
    mask = await keep_mask(studio, photo.id, file.file, turned=home_form.keep_how == "paint")
    return home_form.keeping(mask.id)


@router.post("/photos/sample")
async def take_sample(request: Request, studio: StudioHere) -> Response:
    """The sample photo for those who have none at hand, with the rest of the form kept."""
    try:
        form = await read_form(request)
        home_form = HomeForm.of(form)
        await form.close()
        with SAMPLE.open("rb") as file:
            photo = await keep_photo(studio, file)
    except RefusalError as refusal:
        return await to_thread.run_sync(refused_page, request, refusal, HomeForm(), None)
    return await to_thread.run_sync(home_page, request, HomePage(form=home_form, photo=photo))
