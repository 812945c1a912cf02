"""A wish becomes a job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app import refusals
from app.jobs.models import Job, PaintRequest
from app.jobs.queue import QueueUnavailableError
from app.jobs.records import accepting
from app.jobs.records.errors import ClientBusyError, PaintingGoneError, PhotoGoneError, QueueFullError
from app.jobs.records.quota import OverQuotaError
from app.jobs.records.redis_records import Limits
from app.jobs.storage.protocol import is_full
from app.orders.checks import check_painting, check_recoloring
from app.refusals import RefusalError
from app.services import Services
from app.translation import _
from app.uploads.room import over_quota


def start_job(
    services: Services,
    wish: PaintRequest,
    client: str,
    *,
    job_id: str | None = None,
    retry_of: str | None = None,
    recolor_of: str | None = None,
) -> Job:
    """Record and publish a job; with the `job_id` of one that is there, that one.

    Raises:
        RefusalError: as in `checked_work`, or in `check_recoloring` if a canvas gets other colours; or a limit is
            reached, or the queue can't be reached.
    """
    if recolor_of:
        check_recoloring(services, wish)
    work = 0.0 if recolor_of else checked_work(services, wish)
    limits = Limits(services.settings.queue_limit, services.settings.client_jobs, services.quota)
    links = {"retry_of": retry_of, "recolor_of": recolor_of}
    with refusing(services, refusals.CLIENT_BUSY, limits):
        return accepting.create(services.records, wish, work, job_id=job_id, client=client, limits=limits, **links)


def checked_work(services: Services, wish: PaintRequest) -> float:
    """The work of a request in megapixel-evaluations, if it can be done.

    Raises:
        RefusalError: as in `check_painting`.
    """
    photo = check_painting(services, wish)
    return services.gallery.work_of((photo.width, photo.height), wish)


@contextmanager
def refusing(services: Services, busy: refusals.Kind, limits: Limits) -> Iterator[None]:
    """Says why jobs were not accepted; `busy` is how a client is told that it has enough under way.

    Raises:
        RefusalError: they were not.
    """
    try:
        yield
    except PhotoGoneError as error:
        raise RefusalError(refusals.PHOTO_GONE) from error
    except PaintingGoneError as error:
        raise RefusalError(refusals.PAINTING_GONE) from error
    except QueueFullError as error:
        raise RefusalError(refusals.QUEUE_FULL, headers={"Retry-After": "60"}) from error
    except ClientBusyError as error:
        raise RefusalError(busy, headers={"Retry-After": "30"}, limit=limits.client) from error
    except OverQuotaError as error:
        raise over_quota(services, error).beside("submit") from error
    except QueueUnavailableError as error:
        raise RefusalError(
            refusals.QUEUE_DOWN, headers={"Retry-After": "30"}, undone=_(refusals.NOT_STARTED)
        ) from error
    except OSError as error:
        if not is_full(error):
            raise
        raise RefusalError(refusals.DISK_FULL, undone=_(refusals.NOT_STARTED)) from error
