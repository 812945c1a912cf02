"""How many bytes are kept, of each client and in all: counted in Redis as things come and go, and anew from the files.

What is kept belongs to whoever sent the photo or the painting: with the photo its masks, its jobs with their artworks,
and its series. A job that is not painted yet counts with what its artwork may take.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import redis

from app.jobs.models import Job, JobState
from app.jobs.records import redis_keys
from app.jobs.records.scripts import KEEP
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError, Storage

ALL = "all"  # no client is called so
COUNTS = [redis_keys.KEPT, redis_keys.USED]
# Photos come first: the others belong to whom they belong to.
COUNTED = (keys.PHOTOS, keys.PAINTINGS, keys.JOBS, keys.SERIES)
# What tells of a thing, by its kind, whose it is.
META = {
    "photos": keys.photo_meta_key,
    "paintings": keys.painting_meta_key,
    "jobs": keys.manifest_key,
    "series": keys.series_key,
}
log = logging.getLogger(__name__)


class OverQuotaError(Exception):
    """More would be kept than may be."""


class ClientOverQuotaError(OverQuotaError):
    """More would be kept of one client than may be of one."""


@dataclass(frozen=True)
class Quota:
    """Most bytes that may be kept of one client, and of all together; 0 is no limit."""

    client: int = 0
    all: int = 0


@dataclass(frozen=True)
class Usage:
    """Bytes that are kept of one client, and of all together."""

    client: int
    all: int

    def left(self, quota: Quota) -> int | None:
        """Bytes that this client may still have kept; None for any number."""
        limits = [(quota.client, self.client), (quota.all, self.all)]
        return min((max(0, most - used) for most, used in limits if most), default=None)

    def is_above(self, share: float, quota: Quota) -> bool:
        """Whether more than this share of either is used."""
        return 0 < share * quota.client < self.client or 0 < share * quota.all < self.all

    def check(self, quota: Quota) -> None:
        """Make sure that there is anything left.

        Raises:
            OverQuotaError: there is not.
        """
        if 0 < quota.client <= self.client:
            raise ClientOverQuotaError
        if 0 < quota.all <= self.all:
            raise OverQuotaError


REFUSED: dict[str, type[OverQuotaError]] = {"client quota": ClientOverQuotaError, "quota": OverQuotaError}


class Tally:
    """The count. A thing is a folder of blobs, such as `photos/ID/`; each belongs to the client who was first named for
    it, or to nobody (an empty text), where an earlier release noted none, or nobody has looked yet: then it counts in
    all only.
    """

    def __init__(self, connection: redis.Redis, storage: Storage) -> None:
        self.redis = connection
        self.storage = storage
        self._keep = connection.register_script(KEEP)

    def usage(self, client: str) -> Usage:
        """What is kept of a client, and in all."""
        found: Any = self.redis.hmget(redis_keys.USED, client, ALL)
        return Usage(*(int(each or 0) for each in found))

    def add(self, thing: str, client: str, size: int, quota: Quota) -> None:
        """Count `size` bytes more for a thing.

        Raises:
            OverQuotaError: the quota does not allow it; nothing was counted.
        """
        outcome: Any = self._keep(keys=COUNTS, args=[thing, client, size, "add", "", quota.client, quota.all])
        if outcome.decode() in REFUSED:
            raise REFUSED[outcome.decode()]

    def note(self, thing: str, owner: str, size: int) -> None:
        """Count a thing with so many bytes, whatever the quota: it was accepted with another, or has ended, or is
        deleted. `owner` is a client, or a thing of the same one.

        Without Redis that is left to the next recount.
        """
        try:
            self._set(thing, owner, size)
        except redis.RedisError as error:
            log.warning("what is kept could not be counted: %s", error)

    def settle(self, job: Job) -> None:
        """Count a job that has ended with what lies in its folder. An expired one is nobody's any more."""
        thing = keys.job_prefix(job.id)
        size = 0 if job.state is JobState.EXPIRED else sum(self.storage.sizes(thing).values())
        self.note(thing, keys.photo_prefix(job.request.photo), size)

    def recount(self) -> None:
        """Count everything anew from the files, as after Redis has lost it. What changes meanwhile is left alone."""
        found: Any = self.redis.hgetall(redis_keys.KEPT)
        before = {name.decode(): entry.decode() for name, entry in found.items()}
        sizes: Counter[str] = Counter()
        for folder in COUNTED:
            for key, size in self.storage.sizes(folder).items():
                sizes[keys.folder_of(key)] += size
        things = [*sizes, *(before.keys() - sizes.keys())]
        for thing, state in zip(things, self._states(things), strict=True):
            entry = before.get(thing, "")
            counted, _, owner = entry.partition(" ")
            known = int(counted or 0)
            size = 0 if state is JobState.EXPIRED else sizes[thing]
            if state in {JobState.QUEUED, JobState.RUNNING}:
                size = max(size, known)
            if size != known or (size and not owner):
                self._set(thing, owner or self._owner(thing), size, entry or "none")

    def _set(self, thing: str, owner: str, size: int, expected: str = "") -> None:
        """Count a thing with `size` bytes, if its entry is still the expected one (`none` for none, empty for any)."""
        self._keep(keys=COUNTS, args=[thing, owner, size, "set", expected, 0, 0])

    def _owner(self, thing: str) -> str:
        """Whom a thing belongs to by its files: a client, or the folder of a job's photo."""
        kind = keys.kind_of(thing)
        try:
            told = json.loads(self.storage.get(META[kind](keys.id_of(thing))))
            if kind in ("photos", "paintings"):
                return str(told.get("client", ""))
            return keys.photo_prefix(told["request"]["photo"] if kind == "jobs" else told["photos"][0])
        except (BlobNotFoundError, ValueError, LookupError, TypeError, AttributeError):  # orphans.py sees to it
            return ""

    def _states(self, things: list[str]) -> Iterator[JobState | None]:
        """The state of each job among the things; None for what is no job, or has no record."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for thing in things:
                pipeline.hget(redis_keys.RECORDS + keys.id_of(thing), "state")
            answers = pipeline.execute()
        return (JobState(answer.decode()) if answer else None for answer in answers)
