"""Names of everything that is stored: blobs by path, Redis keys. Built from generated ids only, never from input."""

from __future__ import annotations

import re

ID = re.compile(r"[0-9a-f]{32}")

# Redis. Everything of ours begins with the prefix, so that the database may be shared.
PREFIX = "atelier:"
QUEUED = f"{PREFIX}queued"  # sorted set of job ids by sequence
RUNNING = f"{PREFIX}running"  # sorted set of job ids by the end of their lease
SEQUENCE = f"{PREFIX}sequence"  # counter that orders the queue
SPEED = f"{PREFIX}speed"  # hash: extractor -> seconds per unit of work
WORKERS = f"{PREFIX}workers"  # sorted set of worker names by when they were last seen
ENDING = f"{PREFIX}ending"  # set of ids of jobs that end or have ended, until their manifests say so too
REAPER = f"{PREFIX}reaper"  # held by the one process that looks for lost jobs
REBUILT = f"{PREFIX}rebuilt"  # there once all manifests were read into this Redis


def record(job_id: str) -> str:
    """Redis hash with a job's record."""
    return f"{PREFIX}job:{_checked(job_id)}"


def photo_key(photo_id: str) -> str:
    return f"photos/{_checked(photo_id)}/photo.jpg"


def photo_meta_key(photo_id: str) -> str:
    return f"photos/{_checked(photo_id)}/photo.json"


def photo_thumb_key(photo_id: str) -> str:
    return f"photos/{_checked(photo_id)}/thumb.webp"


def job_prefix(job_id: str) -> str:
    return f"jobs/{_checked(job_id)}/"


def manifest_key(job_id: str) -> str:
    return f"{job_prefix(job_id)}job.json"


def attempt_prefix(job_id: str, fence: int) -> str:
    """Folder that only the holder of `fence` writes into: a late duplicate cannot overwrite what came after it."""
    return f"{job_prefix(job_id)}{int(fence):06d}/"


def preview_key(job_id: str, fence: int, number: int) -> str:
    return f"{attempt_prefix(job_id, fence)}preview-{int(number)}.webp"


def checkpoint_key(job_id: str, fence: int) -> str:
    return f"{attempt_prefix(job_id, fence)}checkpoint.safetensors"


def artwork_key(job_id: str, fence: int) -> str:
    return f"{attempt_prefix(job_id, fence)}artwork.png"


def _checked(identifier: str) -> str:
    if not ID.fullmatch(identifier):
        raise ValueError(f"{identifier[:40]!r} is not an id")
    return identifier
