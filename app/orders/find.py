"""The job behind an address."""

from __future__ import annotations

from app import refusals
from app.jobs.housekeeping import retention
from app.jobs.models import Job, JobState
from app.jobs.records.errors import JobNotFoundError
from app.jobs.records.waiting import Standing
from app.refusals import RefusalError
from app.services import Services


def find_job(services: Services, job_id: str, standing: Standing | None = None) -> Job:
    """The job of an id; `standing` where somebody has looked already.

    Raises:
        RefusalError: there is none, which looks the same for an id that was never given out; or it has expired.
    """
    try:
        job = standing.job() if standing else services.records.get(job_id)
    except (JobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.JOB_NOT_FOUND) from error
    if job.state is JobState.EXPIRED or retention.is_deleted(services.storage, "jobs", job.id):
        raise RefusalError(refusals.JOB_EXPIRED)
    return job
