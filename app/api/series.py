"""Several photos at once: the routes of the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Response

from app import refusals
from app.answers.series import SeriesAnswer, series_answer
from app.api.described import DELETING, STARTING, STOPPING, described, file_described
from app.api.ids import SeriesId
from app.api.keys import IdempotencyKey, id_of_key
from app.downloads.archive import ArchiveResponse, Files
from app.downloads.artwork import file_name, opened_in_turn
from app.jobs.files.encoding import Format
from app.jobs.models import Job, Series, SeriesRequest
from app.orders.series import delete_all, find_series, start_series, stop_all
from app.refusals import RefusalError
from app.services import Services, ServicesHere
from app.web.caching import IfNoneMatch, json_answer
from app.web.limits import ClientHere

router = APIRouter(prefix="/api/v1/series", tags=["api"])


@router.post("", **described("Paint several photos", 202, "Accepted, all of them.", *STARTING))
def create_series(
    wish: SeriesRequest, client: ClientHere, services: ServicesHere, response: Response, key: IdempotencyKey = None
) -> SeriesAnswer:
    """Up to 50 photos in one manner. All are accepted, or none: then the refusal says why. The answer's Location is the
    series's address; each of its jobs is also a job like any other."""
    series_id = id_of_key(services, key, "create series", wish.photos[0])
    wishes = wish.wishes()
    series, jobs = start_series(services, wishes, client, series_id=series_id)
    asked = {each.photo: each for each in wishes}
    if series.photos != wish.photos or any(job.request != asked.get(job.request.photo) for job in jobs):
        raise RefusalError(refusals.KEY_REUSED)
    response.headers["Location"] = f"/api/v1/series/{series.id}"
    return series_answer(services, series, jobs)[0]


@router.get(
    "/{series_id}",
    response_model=SeriesAnswer,
    **described("How a series goes", 200, "The series.", 304, 404, 410, 422, 429, 503),
)
async def get_series(series_id: SeriesId, services: ServicesHere, if_none_match: IfNoneMatch = None) -> Response:
    """All jobs in one. Carries an ETag; Retry-After says when to ask again, and is missing once all have ended."""
    answer, headers = await to_thread.run_sync(found_series, services, series_id, limiter=services.answers)
    return json_answer(answer.model_dump_json(), headers, if_none_match)


def found_series(services: Services, series_id: str) -> tuple[SeriesAnswer, dict[str, str]]:
    """A series's answer, with its headers."""
    return series_answer(services, *find_series(services, series_id))


@router.post("/{series_id}/cancel", **described("Stop a series", 202, "All of it stops within a stroke.", *STOPPING))
def cancel_series(series_id: SeriesId, services: ServicesHere) -> SeriesAnswer:
    """What is painted by then is kept. Stopping twice, or after the end, changes nothing."""
    series, jobs = find_series(services, series_id)
    return series_answer(services, series, stop_all(services, jobs))[0]


@router.delete(
    "/{series_id}", **described("Delete the photos of a series and all their artworks now", 204, "Gone.", *DELETING)
)
def delete_series(series_id: SeriesId, services: ServicesHere) -> None:
    """Whatever was made or is being made from them goes with them. Deleting twice is harmless."""
    try:
        delete_all(services, *find_series(services, series_id))
    except RefusalError as refusal:
        if refusal.kind is not refusals.SERIES_EXPIRED:
            raise


@router.get(
    "/{series_id}/artworks.zip",
    **file_described(
        "All artworks of a series",
        "A ZIP with those that there are so far.",
        ["application/zip"],
        *(404, 410, 422, 429, 503),
    ),
)
def get_artworks(
    series_id: SeriesId,
    services: ServicesHere,
    picture_format: Annotated[Literal["jpg", "png"], Query(alias="format")] = "jpg",
) -> Response:
    """Named by their place in the series. PNG is lossless and several times as large."""
    series, jobs = find_series(services, series_id)
    if not any(job.has_artwork for job in jobs):
        raise RefusalError(refusals.ARTWORK_NOT_FOUND)
    name = f"{file_name(jobs[0]).rpartition('-')[0]}-{series.id[:6]}.zip"
    return ArchiveResponse(artworks(services, series, jobs, picture_format), name)


async def artworks(services: Services, series: Series, jobs: Sequence[Job], extension: Format) -> Files:
    """The artworks that there are, each opened when its turn comes, under names of ours."""
    places = {photo: number for number, photo in enumerate(series.photos, 1)}
    for job in jobs:
        if job.has_artwork:
            try:
                body = await opened_in_turn(services, job, extension)
            except RefusalError:  # It was deleted while the others were sent.
                continue
            try:
                yield f"{places[job.request.photo]:02d}-{file_name(job)}.{extension}", body
            finally:
                body.close()
