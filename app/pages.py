"""The pages for people: parse, call, answer. Everything here works without a script."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from starlette.requests import Request

from app import choices, errors, uploads, wall, words
from app.api import artwork_of, file_name, fraction
from app.errors import RefusalError
from app.form import address_of, form_of
from app.gallery import OWN_TITLE, picture
from app.ingredients import ingredients
from app.jobs import keys
from app.jobs.blobs import BlobNotFoundError
from app.jobs.models import Job, JobState
from app.limits import client_of
from app.security import keep_visit
from app.series.start import find_series
from app.studio import (
    Studio,
    delete_photo,
    find_job,
    find_shared,
    retry_job,
    share_job,
    start_job,
    studio_here,
    unshare_job,
)

router = APIRouter(include_in_schema=False)

StudioHere = Annotated[Studio, Depends(studio_here)]
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
STRONGER, STRONGEST, GENTLEST = 2.0, 10.0, 0.1


def template(request: Request, name: str, context: dict[str, Any], status: int = 200) -> Response:
    """A page that browsers ask for anew each time, because jobs and options change."""
    templates = request.app.state.templates
    headers = {"Cache-Control": "private, no-cache"}
    response: Response = templates.TemplateResponse(request, name, context, status_code=status, headers=headers)
    keep_visit(request, response)
    return response


@router.get("/jobs/{job_id}")
def job_page(request: Request, job_id: str, studio: StudioHere) -> Response:
    """The easel while the job waits or runs, the artwork afterwards."""
    job = find_job(studio, job_id)
    waiting = job.state in {JobState.QUEUED, JobState.RUNNING}
    photo = uploads.find(job.request.photo, studio.storage)
    after = studio.gallery.titles(choice.id for choice in job.request.styles)
    goes_at = None if waiting else studio.records.photo_goes_at(job.request.photo)
    context: dict[str, Any] = {
        "job": job,
        "waiting": waiting,
        "picture": job.has_artwork,
        "stopped": job.state is JobState.CANCELLED,
        "photo": photo,
        "after": after,
        "kept_until": words.moment(goes_at) if goes_at else "",
    }
    if waiting:
        position, eta = studio.records.position(job), studio.records.eta(job)
        doing = words.doing(job, position)
        context |= {
            "heading": f"Painting after {after}",
            "doing": doing,
            "eta": words.time_left(eta),
            "fraction": fraction(job),
        }
    elif job.has_artwork:
        context |= artwork_context(studio, job, "Stopped early" if context["stopped"] else "Your artwork")
        context |= {
            "same_again": address_of(job.request),
            "recipe": ingredients(job.request, studio.gallery),
            "form": form_of(job.request),
            "choices": choices,
            "refused": {},
        }
    else:
        stopped = "You stopped it while the canvas was still white."
        context |= {"heading": "Not painted", "why": job.error.message if job.error else stopped}
    return template(request, "job.html", context)


def artwork_context(studio: Studio, job: Job, overline: str, own: str = OWN_TITLE) -> dict[str, Any]:
    """What a page shows of a job that has an artwork, under a line that says whose it is; `own` is what an own painting
    is called there.
    """
    styles = [studio.gallery.by_id[each.id] for each in job.request.styles if each.id in studio.gallery.by_id]
    after = studio.gallery.titles((choice.id for choice in job.request.styles), own)
    artists = " and ".join(card.artist for card in styles if card.artist)
    width, height = job.artwork_width or 0, job.artwork_height or 0
    return {
        "heading": f"After {after}",
        "overline": overline,
        "after": after,
        "after_by": f"{after} by {artists}" if artists else after,
        "styles": styles,
        "width": width,
        "height": height,
        "print_size": words.print_size(width, height),
        "file_name": file_name(job),
    }


@router.post("/jobs/{job_id}/cancel")
def stop(job_id: str, studio: StudioHere) -> Response:
    find_job(studio, job_id)
    studio.records.request_cancel(job_id)
    return RedirectResponse(f"/jobs/{job_id}", 303)


@router.post("/jobs/{job_id}/retry")
def retry(request: Request, job_id: str, studio: StudioHere) -> Response:
    """The same once more, as a new job."""
    return to_easel(request, studio, retry_job(studio, find_job(studio, job_id), client_of(request, studio.secret)))


@router.post("/jobs/{job_id}/again")
def again(
    request: Request, job_id: str, studio: StudioHere, how: Annotated[str, Form(max_length=20)] = "same"
) -> Response:
    """The same painting bolder or gentler, as a new job."""
    wish = find_job(studio, job_id).request
    factor = {"bolder": STRONGER, "gentler": 1 / STRONGER}.get(how, 1.0)
    strength = min(STRONGEST, max(GENTLEST, wish.strength * factor))
    wish = wish.model_copy(update={"strength": strength})
    return to_easel(request, studio, start_job(studio, wish, client_of(request, studio.secret)))


@router.post("/jobs/{job_id}/share")
def share(job_id: str, studio: StudioHere, how: Annotated[str, Form(max_length=20)] = "share") -> Response:
    """Give the artwork an address for others, or take it back."""
    (unshare_job if how == "stop" else share_job)(studio, find_job(studio, job_id))
    return RedirectResponse(f"/jobs/{job_id}#share-title", 303)


@router.post("/jobs/{job_id}/delete")
def delete(job_id: str, studio: StudioHere) -> Response:
    """Delete the photo and everything that was made from it."""
    delete_photo(studio, find_job(studio, job_id).request.photo)
    return RedirectResponse("/artworks", 303)


@router.get("/s/{share_id}")
def shared_page(request: Request, share_id: str, studio: StudioHere) -> Response:
    """A shared artwork, for whoever was given its address: without the photo, and without any control."""
    job = find_shared(studio, share_id)
    context = artwork_context(studio, job, "A shared artwork", own="a painting of their own")
    return template(request, "shared.html", context | {"share_id": share_id})


@router.get("/s/{share_id}/artwork.{extension}")
def shared_artwork(share_id: str, extension: Literal["png", "jpg", "webp"], studio: StudioHere) -> Response:
    response = artwork_of(studio, find_shared(studio, share_id), extension)
    # It may be taken back.
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def to_easel(request: Request, studio: Studio, job: Job) -> Response:
    """Leads to the job's page and hangs the job on this browser's wall."""
    response = RedirectResponse(f"/jobs/{job.id}", 303)
    wall.hang(request, response, job.id, studio.secret)
    return response


@router.get("/artworks")
def artworks(request: Request, studio: StudioHere) -> Response:
    pieces = []
    for job_id in wall.hung(request, studio.secret):
        try:
            pieces.append(piece(studio, find_job(studio, job_id)))
        except RefusalError:
            continue  # It was deleted since.
    return template(request, "wall.html", {"pieces": pieces, "series": series_here(request, studio)})


def series_here(request: Request, studio: Studio) -> list[dict[str, Any]]:
    """The series that this browser has started, newest first."""
    found = []
    for series_id in wall.hung(request, studio.secret, wall.SERIES_COOKIE):
        try:
            series, jobs = find_series(studio, series_id)
        except RefusalError:
            continue  # It was deleted since.
        when = datetime.fromtimestamp(series.created_at, UTC)
        after = studio.gallery.titles(choice.id for choice in jobs[0].request.styles)
        found.append({"id": series.id, "number": len(jobs), "after": after, "when": f"{when.day} {when:%B %Y}"})
    return found


def piece(studio: Studio, job: Job) -> dict[str, Any]:
    """One job as it hangs on the wall: with its newest preview, or the photo while there is none."""
    photo = uploads.find(job.request.photo, studio.storage)
    when = datetime.fromtimestamp(job.created_at, UTC)
    done = job.has_artwork
    return {
        "id": job.id,
        "after": studio.gallery.titles(choice.id for choice in job.request.styles),
        "picture": f"/api/v1/jobs/{job.id}/preview?v={job.preview}"
        if job.preview
        else f"/photos/{job.request.photo}/thumb.webp",
        "width": photo.width if photo else 4,
        "height": photo.height if photo else 3,
        "done": done,
        "words": f"{when.day} {when:%B %Y}" if done else words.doing(job, studio.records.position(job)).capitalize(),
    }


@router.get("/photos/{photo_id}/thumb.webp")
def photo_thumb(photo_id: str, studio: StudioHere) -> Response:
    try:
        return Response(studio.storage.get(keys.photo_thumb_key(photo_id)), media_type="image/webp", headers=FOREVER)
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(errors.PHOTO_NOT_FOUND) from error


@router.get("/styles/{style_id}/{name}.webp")
def style_picture(style_id: str, name: str, studio: StudioHere) -> Response:
    card = studio.gallery.by_id.get(style_id)
    data = picture(card.style, name) if card and name in {"swatch", "example"} else None
    if data is None:
        raise RefusalError(errors.STYLE_NOT_FOUND)
    return Response(data, media_type="image/webp", headers={"Cache-Control": "public, max-age=31536000, immutable"})
