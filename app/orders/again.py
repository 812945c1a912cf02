"""A job once more, or its canvas in other colours or at another size: a new job that is linked to it."""

from __future__ import annotations

from app import refusals
from app.jobs.models import Enlarging, Job, JobState, Recoloring
from app.jobs.options import MOST_OUTPUT
from app.jobs.storage import keys
from app.orders.start import start_job
from app.refusals import RefusalError
from app.services import Services
from app.web.signing import derived_id


def retry_job(services: Services, job: Job, client: str) -> Job:
    """A failed or stopped job once more, as a new job that is linked to it; asked twice, the same one.

    Raises:
        RefusalError: it did not fail and was not stopped, or as in `start_job`.
    """
    if job.state not in {JobState.FAILED, JobState.CANCELLED}:
        raise RefusalError(refusals.NOT_RETRYABLE)
    job_id = derived_id(services.secret, "retry", job.id)
    again = start_job(services, job.request, client, job_id=job_id, retry_of=job.id, recolor_of=job.recolor_of)
    services.records.note(job, {"retried_by": again.id})
    return again


def recolor_job(services: Services, job: Job, colors: Recoloring, client: str) -> Job:
    """A job's artwork in other colours, as a new job that is linked to it and paints nothing.

    Raises:
        RefusalError: there is no artwork, its canvas was not kept, or as in `start_job`.
    """
    if not job.has_artwork:
        raise RefusalError(refusals.ARTWORK_NOT_FOUND)
    check_canvas(services, job)
    return start_job(services, colors.of(job.request), client, recolor_of=job.id)


def enlarge_job(services: Services, job: Job, size: Enlarging, client: str) -> Job:
    """A job's artwork at a larger size, as a new job that is linked to it and paints nothing.

    Raises:
        RefusalError: there is no artwork, its canvas was not kept, it would be too large, or as in `start_job`.
    """
    longest = max(job.artwork_width or 0, job.artwork_height or 0)
    if not job.has_artwork or not longest:
        raise RefusalError(refusals.ARTWORK_NOT_FOUND)
    if size.factor * longest > MOST_OUTPUT:
        raise RefusalError(refusals.TOO_LARGE_TO_PRINT, size=size.factor * longest, most=MOST_OUTPUT)
    check_canvas(services, job)
    return start_job(services, size.of(job.request, longest), client, recolor_of=job.id)


def check_canvas(services: Services, job: Job) -> None:
    """Make sure that what was painted for a job is here.

    Raises:
        RefusalError: it was not kept.
    """
    if not any(map(services.storage.exists, keys.canvas_keys(job.id, job.fence, job.request.touches_up))):
        raise RefusalError(refusals.CANVAS_MISSING)
