"""Names of everything that is stored: blobs by path, Redis keys. Built from generated ids only, never from input."""

from __future__ import annotations

import re

ID = re.compile(r"[0-9a-f]{32}")
OWN_PREFIX = "own_"  # of a person's own painting, as a style
OWN = re.compile(OWN_PREFIX + "([0-9a-f]{32})")

# Redis. Everything of ours begins with the prefix, so that the database may be shared.
PREFIX = "atelier:"
QUEUED = f"{PREFIX}queued"  # sorted set of job ids by sequence
RUNNING = f"{PREFIX}running"  # sorted set of job ids by the end of their lease
SEQUENCE = f"{PREFIX}sequence"  # counter that orders the queue
SPEED = f"{PREFIX}speed"  # hash: extractor -> seconds per unit of work
WORKERS = f"{PREFIX}workers"  # sorted set of worker names by when they were last seen
ENDING = f"{PREFIX}ending"  # set of ids of jobs that have ended, until their manifests say so too
REAPER = f"{PREFIX}reaper"  # held by the one process that looks for lost jobs
PHOTOS = f"{PREFIX}photos"  # sorted set of photo ids by when they go, unless a job uses them then
PAINTINGS = f"{PREFIX}paintings"  # sorted set of own paintings' ids by when they go, unless a job needs them then
EXPIRED = f"{PREFIX}expired"  # sorted set of ids of expired jobs by when they expired
MEMORY = f"{PREFIX}memory"  # hash: worker name -> bytes that it has for a job
KEPT = f"{PREFIX}kept"  # hash: folder of a photo, painting or job -> bytes that it takes, and whose it is
USED = f"{PREFIX}used"  # hash: client -> bytes that are kept of it; and of all
RATES = f"{PREFIX}rates"  # prefix of the counters of requests
HOUSEKEEPING = f"{PREFIX}housekeeping"  # hash: how rounds of housekeeping went, see rounds.py
MOVED = f"{PREFIX}moved"  # when work last went on, see JobRecords.is_moving
REBUILT = f"{PREFIX}rebuilt"  # there once all manifests were read into this Redis


def record_prefix() -> str:
    """What all Redis keys of records begin with."""
    return f"{PREFIX}job:"


def record(job_id: str) -> str:
    """Redis hash with a job's record."""
    return f"{record_prefix()}{_checked(job_id)}"


def photo_jobs(photo_id: str) -> str:
    """Redis set with the ids of all jobs that use a photo."""
    return f"{PREFIX}photo:{_checked(photo_id)}"


def photo_gone(photo_id: str) -> str:
    """Redis key that is there while and after a photo is deleted: no new job may use it."""
    return f"{PREFIX}gone:{_checked(photo_id)}"


def painting_jobs(painting_id: str) -> str:
    """Redis set with the ids of all jobs that paint after a person's own painting."""
    return f"{PREFIX}painting:{_checked(painting_id)}"


def painting_gone(painting_id: str) -> str:
    """Redis key that is there while and after a painting is deleted: no new job may use it."""
    return f"{PREFIX}painting-gone:{_checked(painting_id)}"


def own_painting(style_id: str) -> str | None:
    """The id of a person's own painting that a style's id stands for; None for one of the gallery."""
    found = OWN.fullmatch(style_id)
    return found[1] if found else None


def own_style(painting_id: str) -> str:
    """The id that a person's own painting has as a style."""
    return OWN_PREFIX + _checked(painting_id)


def client_jobs(client: str) -> str:
    """Redis set with the ids of a client's jobs, among them all that are under way."""
    return f"{PREFIX}client:{client}"


def photo_prefix(photo_id: str) -> str:
    return f"photos/{_checked(photo_id)}/"


def series_lock(series_id: str) -> str:
    """Redis key that is held while a series is accepted."""
    return f"{PREFIX}series:{_checked(series_id)}"


def series_prefix(series_id: str) -> str:
    return f"series/{_checked(series_id)}/"


def series_key(series_id: str) -> str:
    """Blob that says which jobs belong to a series."""
    return f"{series_prefix(series_id)}series.json"


def share_prefix(share_id: str) -> str:
    return f"shares/{_checked(share_id)}/"


def share_key(share_id: str) -> str:
    """Blob with the id of the job that is shared."""
    return f"{share_prefix(share_id)}job"


def photo_key(photo_id: str) -> str:
    return f"{photo_prefix(photo_id)}photo.jpg"


def photo_meta_key(photo_id: str) -> str:
    return f"{photo_prefix(photo_id)}photo.json"


def photo_alpha_key(photo_id: str) -> str:
    """How opaque each pixel of the photo was, in grey; only where any was not wholly."""
    return f"{photo_prefix(photo_id)}alpha.png"


def photo_thumb_key(photo_id: str) -> str:
    return f"{photo_prefix(photo_id)}thumb.webp"


def mask_key(photo_id: str, mask_id: str) -> str:
    return f"{photo_prefix(photo_id)}mask-{_checked(mask_id)}.png"


def mask_meta_key(photo_id: str, mask_id: str) -> str:
    return f"{photo_prefix(photo_id)}mask-{_checked(mask_id)}.json"


def painting_prefix(painting_id: str) -> str:
    """Folder of a person's own painting; its fingerprints are in it, so that they go with it."""
    return f"paintings/{_checked(painting_id)}/"


def painting_key(painting_id: str) -> str:
    return f"{painting_prefix(painting_id)}painting.jpg"


def painting_meta_key(painting_id: str) -> str:
    return f"{painting_prefix(painting_id)}painting.json"


def part_map_key(painting_id: str, map_id: str) -> str:
    """A map of a person's own painting's parts."""
    return f"{painting_prefix(painting_id)}parts-{_checked(map_id)}.png"


def part_map_meta_key(painting_id: str, map_id: str) -> str:
    """What is known of it without its pixels."""
    return f"{painting_prefix(painting_id)}parts-{_checked(map_id)}.json"


def painting_thumb_key(painting_id: str) -> str:
    return f"{painting_prefix(painting_id)}thumb.webp"


def deletion_key(kind: str, identifier: str) -> str:
    """Empty blob that says that something of a kind was deleted, of which Redis could not be told yet."""
    return f"deletions/{kind}/{_checked(identifier)}"


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


def is_checkpoint(key: str) -> bool:
    """Whether an attempt's checkpoint is kept under this key."""
    return key.endswith("/checkpoint.safetensors")


def artwork_key(job_id: str, fence: int) -> str:
    return f"{attempt_prefix(job_id, fence)}artwork.png"


def print_key(job_id: str, fence: int) -> str:
    """The artwork with all the depth that it was painted in; earlier releases stored none."""
    return f"{attempt_prefix(job_id, fence)}artwork.tif"


def canvas_key(job_id: str, fence: int) -> str:
    """What was painted, before colours were kept or parts of the photo put back; only where that changed anything."""
    return f"{attempt_prefix(job_id, fence)}canvas.tif"


def canvas_keys(job_id: str, fence: int, touches_up: bool) -> list[str]:
    """Where what was painted may be, the deepest first: earlier releases stored PNGs only. `touches_up` tells whether
    anything was changed after painting, or the artwork is the canvas.
    """
    prefix = attempt_prefix(job_id, fence)
    return [f"{prefix}{'canvas' if touches_up else 'artwork'}.{extension}" for extension in ("tif", "png")]


def _checked(identifier: str) -> str:
    if not ID.fullmatch(identifier):
        raise ValueError(f"{identifier[:40]!r} is not an id")
    return identifier
