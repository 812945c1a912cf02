"""What belongs to nobody, because whoever wrote it died half-way: it is brought back, set aside, or removed.

Everything here is left alone while it is young: it may just be being written.
"""

from __future__ import annotations

import logging
from collections import defaultdict

from app.jobs import keys, series
from app.jobs.blobs import BlobNotFoundError, Storage
from app.jobs.models import JobState
from app.jobs.records import JobNotFoundError, JobRecords
from app.jobs.retention import LATE_S, TOMBSTONE_S
from app.jobs.rounds import Round

KINDS = ("jobs/", "photos/", "paintings/", "series/", "shares/", "quarantine/")
log = logging.getLogger(__name__)


def sweep(records: JobRecords, steps: Round, older_than_s: float = LATE_S) -> None:
    """Find every kind of orphan that nobody has touched for so long, and count what is in quarantine."""
    storage = records.storage
    _jobs(records, steps, older_than_s)
    for key in _old(storage, "shares/", older_than_s):
        with steps.step(f"look at share {_short(key)}"):
            if not _is_shared(records, key):
                storage.delete_prefix(keys.share_prefix(key.split("/")[1]))
    for key in _old(storage, "series/", older_than_s):
        with steps.step(f"look at series {_short(key)}"):
            try:
                series.find(records, key.split("/")[1])
            except series.SeriesNotFoundError:
                quarantine(storage, key)
    for key in _old(storage, "quarantine/", TOMBSTONE_S):
        storage.delete(key)
    for kind in KINDS:
        with steps.step(f"tidy {kind}"):
            storage.tidy(kind, older_than_s)
    records.redis.hset(keys.HOUSEKEEPING, "quarantined", len(storage.list("quarantine/")))


def quarantine(storage: Storage, key: str) -> None:
    """Set a blob aside that cannot be read: it is kept for a while for whoever looks after the machine."""
    log.error("%s… cannot be read, and lies in quarantine now", key[:12])
    try:
        storage.put(f"quarantine/{key}", storage.get(key))
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


def _jobs(records: JobRecords, steps: Round, older_than_s: float) -> None:
    folders: dict[str, list[str]] = defaultdict(list)
    for key in records.storage.list("jobs/"):
        folders[key.split("/")[1]].append(key)
    for job_id in filter(keys.ID.fullmatch, folders):
        with steps.step(f"look at job {job_id[:6]}…"):
            if records.redis.exists(keys.record(job_id)):
                continue
            if any(records.storage.age_s(key) < older_than_s for key in folders[job_id]):
                continue
            if keys.manifest_key(job_id) in folders[job_id]:
                bring_back(records, job_id)
            else:
                records.storage.delete_prefix(keys.job_prefix(job_id))


def _old(storage: Storage, prefix: str, older_than_s: float) -> list[str]:
    return [key for key in storage.list(prefix) if storage.age_s(key) >= older_than_s]


def _is_shared(records: JobRecords, key: str) -> bool:
    try:
        job = records.get(records.storage.get(key).decode())
    except (BlobNotFoundError, JobNotFoundError, ValueError):
        return False
    return keys.share_key(job.share) == key if job.share and job.state is not JobState.EXPIRED else False


def _short(key: str) -> str:
    return f"{key.split('/')[1][:6]}…"
