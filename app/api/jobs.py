"""The JSON API's jobs under /api/v1: parse, call, answer."""

from __future__ import annotations

from itertools import islice

from anyio import to_thread
from fastapi import APIRouter, Response

from app import refusals
from app.answers.job import ETAG, MOST_KNOWN, JobAnswer, job_answer, poll_headers
from app.api.described import DELETING, SHARING, STARTING, STARTING_ANEW, STOPPING, described
from app.api.ids import JobId
from app.api.keys import IdempotencyKey, id_of_key
from app.jobs.housekeeping import retention
from app.jobs.ids import ID
from app.jobs.models import TERMINAL, Enlarging, Job, PaintRequest, Recoloring
from app.jobs.records.waiting import Standing
from app.orders.again import enlarge_job, recolor_job, retry_job
from app.orders.find import find_job
from app.orders.sharing import share_job, unshare_job
from app.orders.start import start_job
from app.refusals import RefusalError
from app.services import Services, ServicesHere
from app.web.caching import IfNoneMatch, json_answer
from app.web.limits import ClientHere

router = APIRouter(prefix="/api/v1", tags=["api"])


@router.post("/jobs", **described("Paint a photo", 202, "Accepted.", *STARTING))
def create_job(
    wish: PaintRequest, client: ClientHere, services: ServicesHere, response: Response, key: IdempotencyKey = None
) -> JobAnswer:
    """The answer's Location is the job's address; ask there how it goes, as often as Retry-After says."""
    job_id = id_of_key(services, key, "create", wish.photo)
    job = start_job(services, wish, client, job_id=job_id)
    if job.request != wish:
        raise RefusalError(refusals.KEY_REUSED)
    return started(services, job, response)


def started(services: Services, job: Job, response: Response) -> JobAnswer:
    """The answer to whoever started the job, with its address."""
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job_answer(services, job)


@router.get(
    "/jobs/{job_id}",
    response_model=JobAnswer,
    **described("How a job goes", 200, "The job.", 304, 404, 410, 422, 429, 503),
)
async def get_job(job_id: JobId, services: ServicesHere, if_none_match: IfNoneMatch = None) -> Response:
    """Carries an ETag; Retry-After says when to ask again and is missing once the job has ended."""
    known = ",".join(islice((found[1] for found in ETAG.finditer(if_none_match or "")), MOST_KNOWN))
    standing = await services.standings.of(job_id, known) if ID.fullmatch(job_id) else None
    if standing and not standing.is_news:
        # Most polls find nothing new, and learn that for a small part of what an answer costs.
        return Response(status_code=304, headers=poll_headers(standing.state, standing.version, standing.position))
    if standing and standing.state not in TERMINAL:
        job, answer = found_job(services, job_id, standing)  # all that it takes is there: a thread would only cost time
    else:
        job, answer = await to_thread.run_sync(found_job, services, job_id, standing, limiter=services.answers)
    goes_at = int(answer.expires_at.timestamp()) if answer.expires_at else None
    headers = poll_headers(job.state, job.version, goes_at if answer.position is None else answer.position)
    return json_answer(answer.model_dump_json(), headers, if_none_match)


def found_job(services: Services, job_id: str, standing: Standing | None) -> tuple[Job, JobAnswer]:
    """A job and its answer."""
    job = find_job(services, job_id, standing)
    return job, job_answer(services, job, standing)


@router.post("/jobs/{job_id}/cancel", **described("Stop a job", 202, "It stops within a stroke.", *STOPPING))
def cancel_job(job_id: JobId, services: ServicesHere) -> JobAnswer:
    """What is painted by then is kept as the artwork. Stopping twice, or after the end, changes nothing."""
    find_job(services, job_id)
    return job_answer(services, services.records.request_cancel(job_id))


@router.post(
    "/jobs/{job_id}/retry",
    **described("Try a failed or stopped job again", 202, "The new job.", 403, 404, 409, 410, 422, 429, 503, 507),
)
def again_job(job_id: JobId, client: ClientHere, services: ServicesHere, response: Response) -> JobAnswer:
    """A new job with the same request; both name each other. Asking twice starts one."""
    job = retry_job(services, find_job(services, job_id), client)
    return started(services, job, response)


@router.post(
    "/jobs/{job_id}/recolor", **described("Give an artwork other colours", 202, "The new job.", *STARTING_ANEW)
)
def create_recoloring(
    job_id: JobId, colors: Recoloring, client: ClientHere, services: ServicesHere, response: Response
) -> JobAnswer:
    """A new job that takes the same strokes and paints nothing, so it is done in seconds. `keep_colors` of 0 gives the
    painting's own colours back.
    """
    job = recolor_job(services, find_job(services, job_id), colors, client)
    return started(services, job, response)


@router.post("/jobs/{job_id}/enlarge", **described("Enlarge an artwork for print", 202, "The new job.", *STARTING_ANEW))
def create_enlarging(
    job_id: JobId, size: Enlarging, client: ClientHere, services: ServicesHere, response: Response
) -> JobAnswer:
    """A new job that takes the same strokes and paints nothing; a network draws what filters would leave soft."""
    job = enlarge_job(services, find_job(services, job_id), size, client)
    return started(services, job, response)


@router.delete("/jobs/{job_id}", **described("Delete an artwork now", 204, "Gone.", *DELETING))
def delete_job(job_id: JobId, services: ServicesHere) -> None:
    """Its pictures go at once, also while it is painted; the photo stays. Deleting twice is harmless."""
    try:
        job = find_job(services, job_id)
    except RefusalError as refusal:
        if refusal.kind is refusals.JOB_EXPIRED:
            return
        raise
    retention.delete_job(services.records, job)


@router.post(
    "/jobs/{job_id}/share",
    **described("Share an artwork", 201, "Shared; `share` is the path of its page.", *SHARING),
)
def create_share(job_id: JobId, services: ServicesHere) -> JobAnswer:
    """The page shows the artwork without the photo, and lets nobody stop or delete anything."""
    return job_answer(services, share_job(services, find_job(services, job_id)))


@router.delete(
    "/jobs/{job_id}/share",
    **described("Share an artwork no more", 200, "The job, whose shared page is gone.", *SHARING),
)
def delete_share(job_id: JobId, services: ServicesHere) -> JobAnswer:
    """A new share gets a new address."""
    return job_answer(services, unshare_job(services, find_job(services, job_id)))
