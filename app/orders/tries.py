"""A photo's tries: asked for, told of, and wanted no more."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app import refusals
from app.jobs.ids import own_painting
from app.jobs.queue import QueueUnavailableError
from app.jobs.records import redis_keys
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.jobs.tries import MOST_ASKED, MOST_KEPT, TriesRequest, Try, known
from app.refusals import RefusalError
from app.services import Services
from app.uploads import paintings, photos
from app.uploads.room import check_quota

# Jobs that wait, and photos to be tried that do: with more of either, nobody would see tries before they have gone on.
MOST_JOBS_BEFORE, MOST_PHOTOS_BEFORE = 3, 50


@dataclass(frozen=True)
class Tried:
    """How a photo's tries go: how many are still to come, those that are there, and which paintings suit the photo,
    the likeliest first, once that is known.
    """

    left: int
    there: list[Try]
    suits: list[str]


def ask_for_tries(services: Services, photo_id: str, wish: TriesRequest, client: str) -> Tried:
    """Have those painted that are not there yet, and no others any more; how it goes.

    Raises:
        RefusalError: the photo or a painting is not here, these are too many, or it can't be done here or now.
    """
    try:
        return _ask(services, photo_id, wish, client)
    except RefusalError:
        services.records.tries.count("refused")
        raise


def find_tries(services: Services, photo_id: str) -> Tried:
    """How a photo's tries go; whoever asks still wants them, and lets a worker know where the word to it was lost.

    Raises:
        RefusalError: there is no such photo, or the word cannot be sent.
    """
    tried = _look(services, photo_id)
    if tried.left and services.records.tries.are_forgotten(photo_id):
        _publish(services, photo_id)
    return tried


def _look(services: Services, photo_id: str) -> Tried:
    """How a photo's tries go; whoever asks still wants them."""
    _check_photo(services, photo_id)
    there = known(map(keys.try_name, services.storage.list(keys.tries_prefix(photo_id))))
    return Tried(services.records.tries.left(photo_id), there, _suits(services, photo_id))


def drop_tries(services: Services, photo_id: str) -> None:
    """Have no more painted; those that are there stay.

    Raises:
        RefusalError: there is no such photo.
    """
    _check_photo(services, photo_id)
    services.records.tries.drop(photo_id)


def find_try(services: Services, photo_id: str, name: str) -> bytes:
    """One of them, as WebP.

    Raises:
        RefusalError: it is not there.
    """
    try:
        return services.storage.get(keys.try_key(photo_id, name))
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.TRY_NOT_FOUND) from error


def _ask(services: Services, photo_id: str, wish: TriesRequest, client: str) -> Tried:
    asked, tries = wish.tries, services.records.tries
    if not services.settings.try_on:
        raise RefusalError(refusals.TRIES_OFF)
    if len(asked) > MOST_ASKED:
        raise RefusalError(refusals.TRIES_TOO_MANY, count=len(asked), limit=MOST_ASKED)
    before = _look(services, photo_id)  # whatever is missing is told of below
    _check_styles(services, wish)
    there = {each.name for each in before.there}
    missing = list(dict.fromkeys(each.name for each in asked if each.name not in there))
    if missing and len(missing) + len(there) > MOST_KEPT:
        raise RefusalError(refusals.TRIES_ENOUGH, limit=MOST_KEPT)
    if missing:
        check_quota(services, client)
        _check_rest(services)
    tries.want(photo_id, missing)
    if missing:
        tries.count("asked", len(missing))
        _publish(services, photo_id)
    return Tried(tries.left(photo_id), before.there, before.suits)


def _check_photo(services: Services, photo_id: str) -> None:
    try:
        is_here = photos.find(photo_id, services.storage) is not None
    except ValueError:
        is_here = False
    if not is_here or services.records.photos.is_gone(photo_id):
        raise RefusalError(refusals.PHOTO_NOT_FOUND)


def _check_styles(services: Services, wish: TriesRequest) -> None:
    for style in wish.styles:
        if own_painting(style):
            if paintings.find(style, services.storage) is None:
                raise RefusalError(refusals.PAINTING_GONE)
        elif style not in services.gallery.by_id:
            raise RefusalError(refusals.STYLE_UNKNOWN, style=style)


def _check_rest(services: Services) -> None:
    """Make sure that tries are in nobody's way, and come soon."""
    records = services.records
    jobs = int(records.redis.zcard(redis_keys.QUEUED))
    is_busy = jobs > MOST_JOBS_BEFORE or records.tries.photos_waiting() > MOST_PHOTOS_BEFORE
    if is_busy or not (services.has_room() and records.workers.is_any()):
        raise RefusalError(refusals.TRIES_PAUSED, headers={"Retry-After": "60"})


def _publish(services: Services, photo_id: str) -> None:
    publisher = services.records.hints.publisher
    try:
        if publisher:
            publisher.publish_tries(photo_id)
    except QueueUnavailableError as error:
        services.records.tries.drop(photo_id)
        raise RefusalError(refusals.TRIES_PAUSED, headers={"Retry-After": "60"}) from error


def _suits(services: Services, photo_id: str) -> list[str]:
    try:
        found: list[str] = json.loads(services.storage.get(keys.suits_key(photo_id)))
    except BlobNotFoundError:
        return []
    # Those that have gone since are left out.
    return [each for each in found if each in services.gallery.by_id]
