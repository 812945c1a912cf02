"""Whether there is room for what a client sends: on the disk, and in what may be kept of it and of all."""

from __future__ import annotations

import logging
from collections.abc import Collection

import redis

from app import refusals, words
from app.jobs.records.quota import ClientOverQuotaError, OverQuotaError
from app.refusals import RefusalError, Thing
from app.services import Services
from app.translation import N_, _

NOT_KEPT: dict[Thing, str] = {
    "photo": N_("your photo was not kept"),
    "mask": N_("your mask was not kept"),
    "painting": N_("your painting was not kept"),
}
TOLD_ABOVE = 0.8  # of what may be kept; below that, nobody has to think of it
log = logging.getLogger(__name__)


def check_room(services: Services, thing: Thing) -> None:
    """Make sure that the disk has room for an upload, before it is sent or decoded.

    Raises:
        RefusalError: there is little left, which is for what was accepted before.
    """
    if not services.has_room():
        raise no_room(thing)


def no_room(thing: Thing) -> RefusalError:
    """How to say that the disk is full."""
    return RefusalError(refusals.DISK_FULL, undone=_(NOT_KEPT[thing])).beside(thing)


def check_quota(services: Services, client: str, thing: str = "photo") -> None:
    """Make sure that a client may have anything more kept, before it is sent or decoded.

    Raises:
        RefusalError: it may not.
    """
    try:
        services.records.tally.usage(client).check(services.quota)
    except OverQuotaError as error:
        raise over_quota(services, error).beside(thing) from error
    except redis.RedisError as error:
        log.warning("what is kept of a client could not be asked for: %s", error)


def count(services: Services, prefix: str, client: str, new: Collection[str] | None = None) -> None:
    """Count new blobs of a folder, all of it unless told which, for a client; what is too much is deleted.

    Raises:
        OverQuotaError: it was.
    """
    sizes = services.storage.sizes(prefix)
    found = sizes if new is None else {key: sizes[key] for key in sizes.keys() & set(new)}
    try:
        services.records.tally.add(prefix, client, sum(found.values()), services.quota)
    except OverQuotaError:
        if new is None:
            services.storage.delete_prefix(prefix)
        for key in found:
            services.storage.delete(key)
        raise
    except redis.RedisError as error:  # it is counted by the next recount
        log.warning("what was kept of a client could not be counted: %s", error)


def over_quota(services: Services, error: OverQuotaError) -> RefusalError:
    """How to say that no more may be kept."""
    kind = refusals.CLIENT_QUOTA if isinstance(error, ClientOverQuotaError) else refusals.QUOTA
    return RefusalError(kind, limit=words.size(services.quota.client))


def little_left(services: Services, client: str) -> str:
    """How much more may be kept of a client, in words; empty while that is plenty, or nobody knows."""
    quota = services.quota
    try:
        usage = services.records.tally.usage(client) if quota.client or quota.all else None
    except redis.RedisError as error:
        log.warning("what is kept of a client could not be asked for: %s", error)
        return ""
    if usage is None or not usage.is_above(TOLD_ABOVE, quota):
        return ""
    return words.size(usage.left(quota) or 0)
