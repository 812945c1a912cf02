"""The pages for people: parse, call, answer. Everything here works without a script."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from starlette.requests import Request

from app import refusals, words
from app.gallery import PICTURES, picture
from app.jobs.models import Job
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.orders.series import find_series
from app.refusals import RefusalError
from app.services import Services, ServicesHere, find_job
from app.uploads import photos
from app.web import assets, id_cookies
from app.web.security import BRIEFLY, keep_visit

router = APIRouter(include_in_schema=False)


def template(request: Request, name: str, context: dict[str, Any], status: int = 200) -> Response:
    """A page that browsers ask for anew each time, because jobs and options change."""
    templates = request.app.state.templates
    headers = {"Cache-Control": "private, no-cache"}
    response: Response = templates.TemplateResponse(request, name, context, status_code=status, headers=headers)
    keep_visit(request, response)
    return response


def to_job_page(request: Request, services: Services, job: Job) -> Response:
    """Leads to the job's page and hangs the job on this browser's wall."""
    response = RedirectResponse(f"/jobs/{job.id}", 303)
    id_cookies.hang(request, response, job.id, services.secret)
    return response


@router.get("/artworks")
def artworks(request: Request, services: ServicesHere) -> Response:
    pieces = []
    for job_id in id_cookies.hung(request, services.secret):
        try:
            pieces.append(piece(services, find_job(services, job_id)))
        except RefusalError:
            continue  # It was deleted since.
    return template(request, "wall.html", {"pieces": pieces, "series": series_here(request, services)})


def series_here(request: Request, services: Services) -> list[dict[str, Any]]:
    """The series that this browser has started, newest first."""
    found = []
    for series_id in id_cookies.hung(request, services.secret, id_cookies.SERIES_COOKIE):
        try:
            series, jobs = find_series(services, series_id)
        except RefusalError:
            continue  # It was deleted since.
        when = datetime.fromtimestamp(series.created_at, UTC)
        after = services.gallery.titles(choice.id for choice in jobs[0].request.styles)
        found.append({"id": series.id, "number": len(jobs), "after": after, "when": f"{when.day} {when:%B %Y}"})
    return found


def piece(services: Services, job: Job) -> dict[str, Any]:
    """One job as it hangs on the wall: with its newest preview, or the photo while there is none."""
    photo = photos.find(job.request.photo, services.storage)
    when = datetime.fromtimestamp(job.created_at, UTC)
    done = job.has_artwork
    return {
        "id": job.id,
        "after": services.gallery.titles(choice.id for choice in job.request.styles),
        "picture": f"/api/v1/jobs/{job.id}/preview?v={job.preview}"
        if job.preview
        else f"/photos/{job.request.photo}/thumb.webp",
        "width": photo.width if photo else 4,
        "height": photo.height if photo else 3,
        "done": done,
        "words": f"{when.day} {when:%B %Y}"
        if done
        else words.doing(job, services.records.waiting.position(job)).capitalize(),
    }


@router.get("/photos/{photo_id}/thumb.webp")
def photo_thumb(photo_id: str, services: ServicesHere) -> Response:
    try:
        thumb = services.storage.get(keys.photo_thumb_key(photo_id))
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.PHOTO_NOT_FOUND) from error
    return Response(thumb, media_type="image/webp", headers={"Cache-Control": BRIEFLY})


@router.get("/styles/{style_id}/{name}")
def style_picture(style_id: str, name: str, services: ServicesHere, v: str = "") -> Response:
    """For good only under the address that the pages have; any other may show something else tomorrow."""
    card = services.gallery.by_id.get(style_id)
    data = picture(card.style, name) if card and name in PICTURES else None
    if card is None or data is None:
        raise RefusalError(refusals.STYLE_NOT_FOUND)
    is_kept = card.keeps(f"/styles/{style_id}/{name}?v={v}")
    headers = {"Cache-Control": assets.FOREVER if is_kept else "no-cache"}
    return Response(data, media_type=f"image/{name.rpartition('.')[2]}", headers=headers)
