"""What belongs to nobody, because whoever wrote it died half-way: it is brought back, set aside, or removed.

Everything here is left alone while it is young: it may just be being written.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from app.jobs import queue, series
from app.jobs.housekeeping.retention import LATE_S, TOMBSTONE_S
from app.jobs.housekeeping.rounds import Round
from app.jobs.ids import ID
from app.jobs.models import Job, JobState
from app.jobs.records import redis_keys
from app.jobs.records.errors import JobNotFoundError
from app.jobs.records.records import JobRecords
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError, Storage
from app.logs import shortened

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Orphan:
    """What is wrong, with what, and what puts it right."""

    what: str
    key: str
    mend: Callable[[], object]


def sweep(records: JobRecords, steps: Round, older_than_s: float = LATE_S) -> None:
    """Put every orphan right that nobody has touched for so long, and count what is in quarantine."""
    storage = records.storage
    for orphan in find(records, steps, older_than_s):
        with steps.step(f"mend {shortened(orphan.key)}"):
            orphan.mend()
    for folder in keys.TIDIED:
        with steps.step(f"tidy {folder}"):
            storage.tidy(folder, older_than_s)
    for key in _old(storage, keys.QUARANTINE, TOMBSTONE_S):
        storage.delete(key)
    with steps.step("count what is kept"):
        records.tally.recount()
    records.redis.hset(redis_keys.HOUSEKEEPING, "quarantined", len(storage.list(keys.QUARANTINE)))


def find(records: JobRecords, steps: Round, older_than_s: float = LATE_S) -> Iterator[Orphan]:
    """Every orphan that nobody has touched for so long, but for unfinished writes and empty folders, which only the
    storage knows of. What cannot be looked at is noted in `steps`.
    """
    storage = records.storage
    for job_id, blobs in _job_folders(storage).items():
        with steps.step(f"look at job {job_id[:6]}…"):
            if all(storage.age_s(key) >= older_than_s for key in blobs) and (found := _job(records, job_id, blobs)):
                yield found
    for tag, job_id in queue.taken_hints(records.redis, records.now() - older_than_s).items():
        # Its job's record is the truth: should it be needed after all, the reaper sends another.
        if records.redis.zscore(redis_keys.RUNNING, job_id) is None:
            yield Orphan(
                "a hint whose worker died", f"unacked/{job_id}", partial(queue.forget_hint, records.redis, tag)
            )
    for key in filter(keys.is_of_a_thing, _old(storage, keys.SHARES, older_than_s)):
        with steps.step(f"look at {shortened(key)}"):
            if not _is_shared(records, key):
                prefix = keys.share_prefix(keys.id_of(key))
                yield Orphan("a share of nothing", key, partial(storage.delete_prefix, prefix))
    for key in filter(keys.is_of_a_thing, _old(storage, keys.SERIES, older_than_s)):
        with steps.step(f"look at {shortened(key)}"):
            try:
                series.find(records, keys.id_of(key))
            except series.SeriesNotFoundError:
                yield Orphan("a series that cannot be read", key, partial(quarantine, storage, key))


def quarantine(storage: Storage, key: str) -> None:
    """Set a blob aside that cannot be read: it is kept for a while for whoever looks after the machine."""
    log.error("%s cannot be read, and lies in quarantine now", shortened(key))
    try:
        storage.put(keys.quarantine_key(key), storage.get(key))
    except BlobNotFoundError:  # deleted since it was listed
        return
    storage.delete(key)


def bring_back(records: JobRecords, job_id: str) -> None:
    """Restore a record from its manifest: as it was, as a tombstone where its photo is gone, or not at all."""
    try:
        records.get(job_id)
    except JobNotFoundError:  # deleted since it was listed
        return
    except ValueError:
        quarantine(records.storage, keys.manifest_key(job_id))


def _job_folders(storage: Storage) -> dict[str, list[str]]:
    folders: dict[str, list[str]] = defaultdict(list)
    for key in storage.list(keys.JOBS):
        if ID.fullmatch(job_id := keys.id_of(key)):
            folders[job_id].append(key)
    return folders


def _job(records: JobRecords, job_id: str, blobs: list[str]) -> Orphan | None:
    """What is wrong with a job, if anything is."""
    storage, manifest = records.storage, keys.manifest_key(job_id)
    state, has_manifest = records.redis.hget(redis_keys.record(job_id), "state"), manifest in blobs
    has_record = state is not None
    if not has_record and not has_manifest:
        prefix = keys.job_prefix(job_id)
        return Orphan("pictures of no job", prefix, partial(storage.delete_prefix, prefix))
    if not has_record:
        return Orphan("a job without a record", manifest, partial(bring_back, records, job_id))
    if not _is_legible(records, job_id):
        return Orphan("a record that cannot be read", manifest, partial(_restore, records, job_id))
    if not has_manifest or not _is_readable(storage, manifest):
        what = "a job whose manifest is damaged or missing"
        return Orphan(what, manifest, lambda: records.manifests.write(records.get(job_id)))
    checkpoints = [key for key in blobs if keys.is_checkpoint(key)]
    if checkpoints and state == JobState.FINISHED.encode():
        return Orphan("a checkpoint of a finished job", checkpoints[-1], partial(_delete_all, storage, checkpoints))
    return None


def _is_legible(records: JobRecords, job_id: str) -> bool:
    try:
        records.in_redis.read(job_id)
    except ValueError:
        return False
    return True


def _restore(records: JobRecords, job_id: str) -> None:
    records.in_redis.drop(job_id)
    bring_back(records, job_id)


def _delete_all(storage: Storage, blobs: list[str]) -> None:
    for key in blobs:
        storage.delete(key)


def _is_readable(storage: Storage, manifest: str) -> bool:
    try:
        Job.model_validate_json(storage.get(manifest))
    except (BlobNotFoundError, ValueError):
        return False
    return True


def _old(storage: Storage, prefix: str, older_than_s: float) -> list[str]:
    return [key for key in storage.list(prefix) if storage.age_s(key) >= older_than_s]


def _is_shared(records: JobRecords, key: str) -> bool:
    try:
        job = records.get(records.storage.get(key).decode())
    except (BlobNotFoundError, JobNotFoundError, ValueError):
        return False
    return keys.share_key(job.share) == key if job.share and job.state is not JobState.EXPIRED else False
