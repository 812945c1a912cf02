"""The addresses under which others may see an artwork."""

from __future__ import annotations

import secrets

from app import refusals
from app.jobs.models import Job
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.orders.find import find_job
from app.refusals import RefusalError
from app.services import Services


def share_job(services: Services, job: Job) -> Job:
    """Give the job's artwork an address of its own, which shows neither the photo nor the way to delete anything.

    Asked twice, also at the same moment, it is the same address.

    Raises:
        RefusalError: there is no artwork.
    """
    while not job.share:
        if not job.has_artwork:
            raise RefusalError(refusals.ARTWORK_NOT_FOUND)
        share = secrets.token_hex(16)
        services.storage.put(keys.share_key(share), job.id.encode())
        shared = services.records.change_exactly(job, {"share": share})
        if not shared:
            services.storage.delete_prefix(keys.share_prefix(share))
        job = shared or find_job(services, job.id)
    # Also by whoever comes second: the first may not have written it yet, or may not have been able to.
    services.records.manifests.write(job)
    return job


def unshare_job(services: Services, job: Job) -> Job:
    """Take the shared address back."""
    if not job.share:
        return job
    unshared = services.records.note(job, {"share": None})
    services.storage.delete_prefix(keys.share_prefix(job.share))
    return unshared


def find_shared(services: Services, share_id: str) -> Job:
    """The job behind a shared address.

    Raises:
        RefusalError: there is none, or it is not shared any more.
    """
    try:
        job = find_job(services, services.storage.get(keys.share_key(share_id)).decode())
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.JOB_NOT_FOUND) from error
    if job.share != share_id:
        raise RefusalError(refusals.JOB_NOT_FOUND)
    return job
