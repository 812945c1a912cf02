"""The wall: what a browser has started, and the way from there to a job's page."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from starlette.requests import Request

from app import words
from app.downloads.artwork import file_name
from app.jobs.models import Job, JobState
from app.orders.find import find_job
from app.orders.series import find_series
from app.pages.controls import CONTROLS
from app.pages.recipe import words_of
from app.pages.values import text_of
from app.refusals import RefusalError
from app.services import Services, ServicesHere
from app.translation import _, initial
from app.uploads import photos
from app.web import id_cookies
from app.web.templates import template

router = APIRouter(include_in_schema=False)


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
        after = services.gallery.titles(choice.id for choice in jobs[0].request.styles)
        found.append({"id": series.id, "number": len(jobs), "after": after, "made_at": series.created_at})
    return found


def piece(services: Services, job: Job) -> dict[str, Any]:
    """One job as it hangs on the wall: with its newest preview, or the photo while there is none."""
    photo = photos.find(job.request.photo, services.storage)
    done = job.has_artwork
    return {
        "id": job.id,
        "photo": job.request.photo,
        "after": services.gallery.titles(choice.id for choice in job.request.styles),
        "picture": f"/api/v1/jobs/{job.id}/preview?v={job.preview}"
        if job.preview
        else f"/photos/{job.request.photo}/thumb.webp",
        "shape": (photo.width, photo.height) if photo else None,
        "done": done,
        "made_at": job.created_at,
        "kept_until": services.records.photos.goes_at(job.request.photo),
        "file_name": file_name(job),
        "words": artwork_words(job) if done else initial(words.doing(job, services.records.waiting.position(job))),
    }


def artwork_words(job: Job) -> str:
    """What tells an artwork from another one after the same painting: its size, and how strong it is."""
    strength = words_of(CONTROLS["strength"], text_of(job.request.strength))
    stopped = [_("stopped early")] if job.state is JobState.CANCELLED else []
    return ", ".join([f"{job.artwork_width} × {job.artwork_height}", strength[:1].lower() + strength[1:], *stopped])
