"""The page of a series."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse
from starlette.requests import Request

from app.answers.series import series_answer
from app.orders.series import delete_all, find_series, stop_all
from app.services import ServicesHere
from app.uploads import photos
from app.web.templates import template

router = APIRouter(prefix="/series", include_in_schema=False)


@router.get("/{series_id}")
def series_page(request: Request, series_id: str, services: ServicesHere) -> Response:
    """All of a series on one page, while it is painted and afterwards."""
    series, jobs = find_series(services, series_id)
    answer, _headers = series_answer(services, series, jobs)
    goes_at = [services.records.photos.goes_at(job.request.photo) for job in jobs] if answer.status == "ended" else []
    first = min((each for each in goes_at if each), default=None)
    context: dict[str, Any] = {
        "series": answer,
        "after": services.gallery.titles(choice.id for choice in jobs[0].request.styles),
        "photos": {job.request.photo: photos.find(job.request.photo, services.storage) for job in jobs},
        "kept_until": first,
    }
    return template(request, "series.html", context)


@router.get("/{series_id}/{deed}")
def series_page_again(series_id: str) -> Response:
    """The way back for who keeps the address of one of its forms."""
    return RedirectResponse(f"/series/{series_id}", 303)


@router.post("/{series_id}/cancel")
def stop(series_id: str, services: ServicesHere) -> Response:
    _series, jobs = find_series(services, series_id)
    stop_all(services, jobs)
    return RedirectResponse(f"/series/{series_id}", 303)


@router.post("/{series_id}/delete")
def delete(series_id: str, services: ServicesHere) -> Response:
    """Delete all the photos and everything that was made from them."""
    delete_all(services, *find_series(services, series_id))
    return RedirectResponse("/artworks", 303)
