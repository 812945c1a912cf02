"""A job's pages: the easel while it is painted, the artwork and what can be done with it, its shared page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from starlette.requests import Request

from app import refusals, words
from app.downloads.artwork import Dpi, artwork_answer, file_name
from app.gallery import OWN_TITLE
from app.jobs.files.encoding import DPI, LEAST_DPI, MOST_DPI, Format
from app.jobs.models import Enlarging, Job, JobState, Recoloring
from app.jobs.options import MOST_OUTPUT
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.orders.again import enlarge_job, recolor_job, retry_job
from app.orders.find import find_job
from app.orders.sharing import find_shared, share_job, unshare_job
from app.orders.start import start_job
from app.pages.controls import CONTROLS
from app.pages.form import address_of, form_of
from app.pages.recipe import told_recipe
from app.pages.sentences import places_of
from app.pages.sizes import LARGEST, SMALLEST, at_size, larger
from app.pages.wall import to_job_page
from app.refusals import RefusalError
from app.retelling import retold
from app.services import Services, ServicesHere
from app.translation import N_, _, together
from app.uploads import photos
from app.uploads.deleting import delete_photo
from app.web.languages import uses_inches
from app.web.limits import client_of
from app.web.templates import template
from app.words import fraction

router = APIRouter(include_in_schema=False)

NOTHING: Mapping[str, str] = {}
STRONGER, STRONGEST, GENTLEST = 2.0, 10.0, 0.1


@router.get("/jobs/{job_id}")
def job_page(request: Request, job_id: str, services: ServicesHere) -> Response:
    """The easel while the job waits or runs, the artwork afterwards."""
    return page_of(request, services, find_job(services, job_id))


def page_of(
    request: Request, services: Services, job: Job, refused: Mapping[str, str] = NOTHING, status: int = 200
) -> Response:
    """The job's page; `refused` holds sentences by the control that they stand beside."""
    waiting = job.state in {JobState.QUEUED, JobState.RUNNING}
    photo = photos.find(job.request.photo, services.storage)
    after = services.gallery.titles(choice.id for choice in job.request.styles)
    context: dict[str, Any] = {
        "job": job,
        "waiting": waiting,
        "picture": job.has_artwork,
        "stopped": job.state is JobState.CANCELLED,
        "photo": photo,
        "after": after,
        "kept_until": None if waiting else services.records.photos.goes_at(job.request.photo),
    }
    if waiting:
        position = services.records.waiting.position(job)
        eta = services.records.waiting.eta(job, position)
        doing = words.doing(job, position)
        context |= {
            "heading": _("Painting after {after}").format(after=after),
            "doing": doing,
            "eta": words.time_left(eta),
            "fraction": fraction(job),
        }
    elif job.has_artwork:
        context |= artwork_context(
            request, services, job, _("Stopped early") if context["stopped"] else _("Your artwork")
        )
        context |= {
            "same_again": address_of(job.request) + "#chosen",
            "drawn_after": next((each.id for each in job.request.styles if each.part), ""),
            "is_drawn": job.request.preset == "doodle",
            "picture_words": picture_words(job, context["after_by"]),
            "recipe": told_recipe(job.request, services.gallery),
            "form": form_of(job.request),
            "controls": CONTROLS,
            "refused": refused,
            "enlarged": enlarged_size(job),
            "sizes": [] if context["stopped"] else larger(services, job, photo),
        }
    else:
        stopped = _("You stopped it while the canvas was still white.")
        context |= {"heading": _("Not painted"), "why": retold(job.error.message) if job.error else stopped}
    return template(request, "job.html", context, status)


def picture_words(job: Job, after: str) -> str:
    """The artwork beside what it was made from, for who cannot see them."""
    if job.state is JobState.CANCELLED:
        words = _("The unfinished artwork: your photo painted after {after}")
        drawn = _("The unfinished artwork: your drawing painted after {after}")
    else:
        words = _("The artwork: your photo painted after {after}")
        drawn = _("The artwork: your drawing painted after {after}")
    return (drawn if job.request.preset == "doodle" else words).format(after=after)


def enlarged_size(job: Job) -> tuple[int, int] | None:
    """Width and height of the artwork when it is enlarged; None where that would be too large."""
    width, height = job.artwork_width or 0, job.artwork_height or 0
    factor = Enlarging().factor
    return (factor * width, factor * height) if 0 < factor * max(width, height) <= MOST_OUTPUT else None


def artwork_context(
    request: Request, services: Services, job: Job, overline: str, own: str = OWN_TITLE
) -> dict[str, Any]:
    """What a page shows of a job that has an artwork, under a line that says whose it is; `own` is what an own painting
    is called there.
    """
    ids = dict.fromkeys(each.id for each in job.request.styles)
    styles = [services.gallery.by_id[each] for each in ids if each in services.gallery.by_id]
    after = services.gallery.titles((choice.id for choice in job.request.styles), own)
    artists = list(dict.fromkeys(card.artist for card in styles if card.artist))
    width, height = job.artwork_width or 0, job.artwork_height or 0
    return {
        "heading": _("After {after}").format(after=after),
        "overline": overline,
        "after": after,
        "after_by": _("{after} by {artists}").format(after=after, artists=together(artists)) if artists else after,
        "styles": styles,
        "width": width,
        "height": height,
        "dpi": DPI,
        "dpi_range": (LEAST_DPI, MOST_DPI),
        "print_size": words.print_size(width, height, uses_inches(request)),
        "file_name": file_name(job),
    }


@router.get("/jobs/{job_id}/{deed}")
def job_page_again(job_id: str) -> Response:
    """The way back for who keeps the address of one of its forms."""
    return RedirectResponse(f"/jobs/{job_id}", 303)


@router.post("/jobs/{job_id}/cancel")
def stop(job_id: str, services: ServicesHere) -> Response:
    find_job(services, job_id)
    services.records.request_cancel(job_id)
    return RedirectResponse(f"/jobs/{job_id}", 303)


@router.post("/jobs/{job_id}/retry")
def retry(request: Request, job_id: str, services: ServicesHere) -> Response:
    """The same once more, as a new job."""
    return to_job_page(
        request, services, retry_job(services, find_job(services, job_id), client_of(request, services.secret))
    )


@router.post("/jobs/{job_id}/again")
def again(
    request: Request, job_id: str, services: ServicesHere, how: Annotated[str, Form(max_length=20)] = "same"
) -> Response:
    """The same painting bolder or gentler, as a new job."""
    wish = find_job(services, job_id).request
    factor = {"bolder": STRONGER, "gentler": 1 / STRONGER}.get(how, 1.0)
    strength = min(STRONGEST, max(GENTLEST, wish.strength * factor))
    wish = wish.model_copy(update={"strength": strength})
    return to_job_page(request, services, start_job(services, wish, client_of(request, services.secret)))


@router.post("/jobs/{job_id}/recolor")
def recolor(
    request: Request,
    job_id: str,
    services: ServicesHere,
    keep_colors: Annotated[str, Form(max_length=80)] = "1",
    color_method: Annotated[str, Form(max_length=80)] = "luminance",
) -> Response:
    """The artwork's strokes in other colours, as a new job."""
    job = find_job(services, job_id)
    try:
        mask = job.request.color_mask
        colors = Recoloring(keep_colors=keep_colors, color_method=color_method, color_mask=mask)  # type: ignore[arg-type]
    except ValidationError as error:
        return page_of(request, services, job, places_of(error), 422)
    return onward(request, services, job, "recolor", partial(recolor_job, services, job, colors))


@router.post("/jobs/{job_id}/enlarge")
def enlarge(request: Request, job_id: str, services: ServicesHere) -> Response:
    """The artwork's strokes at twice the size, as a new job."""
    job = find_job(services, job_id)
    return onward(request, services, job, "enlarge", partial(enlarge_job, services, job, Enlarging()))


@router.post("/jobs/{job_id}/larger")
def paint_larger(
    request: Request, job_id: str, services: ServicesHere, size: Annotated[int, Form(ge=SMALLEST, le=LARGEST)]
) -> Response:
    """The same painted at another size, as a new job: what is painted small shows what it will be."""
    job = find_job(services, job_id)
    return onward(request, services, job, "larger", partial(start_job, services, at_size(job.request, size)))


def onward(request: Request, services: Services, job: Job, place: str, start: Callable[[str], Job]) -> Response:
    """To the page of the job that `start` makes for this client; or back to this one's, with why not beside `place`."""
    try:
        return to_job_page(request, services, start(client_of(request, services.secret)))
    except RefusalError as refusal:
        response = page_of(request, services, job, {place: refusal.sentence}, refusal.kind.status)
        response.headers.update(refusal.headers)
        return response


@router.post("/jobs/{job_id}/share")
def share(job_id: str, services: ServicesHere, how: Annotated[str, Form(max_length=20)] = "share") -> Response:
    """Give the artwork an address for others, or take it back."""
    (unshare_job if how == "stop" else share_job)(services, find_job(services, job_id))
    return RedirectResponse(f"/jobs/{job_id}#share-title", 303)


@router.post("/jobs/{job_id}/delete")
def delete(job_id: str, services: ServicesHere) -> Response:
    """Delete the photo and everything that was made from it."""
    delete_photo(services, find_job(services, job_id).request.photo)
    return RedirectResponse("/artworks", 303)


@router.get("/s/{share_id}")
def shared_page(request: Request, share_id: str, services: ServicesHere) -> Response:
    """A shared artwork, for whoever was given its address: without the photo, and without any control."""
    job = find_shared(services, share_id)
    context = artwork_context(request, services, job, _("A shared artwork"), own=N_("a painting of their own"))
    kept_until = services.records.photos.goes_at(job.request.photo)
    return template(request, "shared.html", context | {"share_id": share_id, "kept_until": kept_until})


@router.get("/s/{share_id}/preview.webp")
def shared_preview(share_id: str, services: ServicesHere) -> Response:
    """The artwork in small, for whoever shows what an address leads to."""
    job = find_shared(services, share_id)
    try:
        picture = services.storage.get(keys.preview_key(job.id, job.preview_fence, job.preview))
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.PREVIEW_NOT_FOUND) from error
    return Response(picture, media_type="image/webp", headers={"Cache-Control": "private, no-cache"})


@router.get("/s/{share_id}/artwork.{extension}")
async def shared_artwork(
    request: Request, share_id: str, extension: Format, services: ServicesHere, dpi: Dpi = None
) -> Response:
    return await artwork_answer(request, services, partial(find_shared, services, share_id), extension, dpi)
