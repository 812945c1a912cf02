"""Several photos at once: started, found again, stopped and deleted together."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

import redis

from app import refusals
from app.jobs import series as manifests
from app.jobs.housekeeping import retention
from app.jobs.housekeeping.rounds import takes_nothing
from app.jobs.models import MOST_IN_SERIES, Job, PaintRequest, Series
from app.jobs.records.redis_records import Limits
from app.orders.start import checked_work, refusing
from app.refusals import RefusalError
from app.services import Services
from app.settings import Settings
from app.translation import N_
from app.web.signing import derived_id


def most_photos(settings: Settings) -> int:
    """How many photos one series may have here."""
    return min(MOST_IN_SERIES, settings.series_photos or MOST_IN_SERIES)


def start_series(
    services: Services, wishes: Sequence[PaintRequest], client: str, *, series_id: str | None = None
) -> tuple[Series, list[Job]]:
    """Record and publish one job a wish, all of them or none; with the `series_id` of one that is there, that one.

    Jobs of series are counted apart from a client's other jobs: whoever has fifty photos waiting can still try again
    what failed, or paint one more.

    Raises:
        RefusalError: as in `start_job`, and nothing was started; the sentence says which photo it is about.
    """
    requests = [(wish, _checked_work(services, wish, number)) for number, wish in enumerate(wishes, 1)]
    series_id = series_id or secrets.token_hex(16)
    series = Series(
        id=series_id,
        created_at=services.storage.now(),
        photos=[wish.photo for wish in wishes],
        jobs=[derived_id(services.secret, "series", series_id, str(number)) for number in range(len(wishes))],
    )
    whose = derived_id(services.secret, "series of", client)
    limits = Limits(services.settings.queue_limit, services.settings.series_photos, services.quota)
    with refusing(services, refusals.SERIES_BUSY, limits):
        return manifests.create(services.records, series, requests, client=whose, limits=limits)


def find_series(services: Services, series_id: str) -> tuple[Series, list[Job]]:
    """The series of an id, with those of its jobs that are still there; at least one is.

    Raises:
        RefusalError: there is none, or all of it was taken down.
    """
    try:
        series = manifests.find(services.records, series_id)
    except manifests.SeriesNotFoundError as error:
        raise RefusalError(refusals.SERIES_NOT_FOUND) from error
    jobs = manifests.found(services.records, series)
    if not jobs:
        raise RefusalError(refusals.SERIES_EXPIRED)
    return series, jobs


def stop_all(services: Services, jobs: Sequence[Job]) -> list[Job]:
    """Stop what waits or runs. The last in the queue goes first, or workers would take up what is next in line."""
    stopped = [services.records.request_cancel(job.id) for job in reversed(jobs)]
    return stopped[::-1]


def delete_all(services: Services, series: Series, jobs: Sequence[Job]) -> None:
    """Delete the photos of a series and what was made from them; its manifest goes with the next sweep."""
    try:
        stop_all(services, jobs)  # so that no worker takes up what is next in line
    except redis.RedisError as error:
        if not takes_nothing(error):  # then no worker takes up anything
            raise
    for photo_id in series.photos:
        retention.delete_photo(services.records, photo_id)


def _checked_work(services: Services, wish: PaintRequest, number: int) -> float:
    try:
        return checked_work(services, wish)
    except RefusalError as refusal:
        if refusal.kind.field != "photo":
            raise
        kind = replace(refusal.kind, sentence=N_("Photo {number}: {sentence} Nothing was started."))
        raise RefusalError(kind, number=number, sentence=refusal.sentence) from refusal
