"""Names of all blobs, and the parts that a name has. Built from generated ids only, never from what somebody sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from app.jobs.ids import ID, checked

PHOTOS, PAINTINGS, JOBS, SERIES, SHARES = "photos/", "paintings/", "jobs/", "series/", "shares/"
FINGERPRINTS = "fingerprints/"  # of paintings that are nobody's own
DELETIONS = "deletions/"  # empty blobs, see deletion_key
QUARANTINE = "quarantine/"  # what cannot be read, each blob under its whole key

# Where writes may be cut off and folders left empty. Fingerprints are made again, and left alone.
TIDIED = (JOBS, PHOTOS, PAINTINGS, SERIES, SHARES, DELETIONS, QUARANTINE)

Kind = Literal["photos", "paintings", "jobs"]
MANIFEST = "job.json"
DELETION = re.compile(rf"{DELETIONS}(photos|paintings|jobs)/({ID.pattern})")
PREVIEW = re.compile(rf"{JOBS}{ID.pattern}/(\d+)/preview-(\d+)\.webp")


def photo_prefix(photo_id: str) -> str:
    return f"{PHOTOS}{checked(photo_id)}/"


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
    return f"{photo_prefix(photo_id)}mask-{checked(mask_id)}.png"


def mask_meta_key(photo_id: str, mask_id: str) -> str:
    return f"{photo_prefix(photo_id)}mask-{checked(mask_id)}.json"


def painting_prefix(painting_id: str) -> str:
    """Folder of a person's own painting; its fingerprints are in it, so that they go with it."""
    return f"{PAINTINGS}{checked(painting_id)}/"


def painting_key(painting_id: str) -> str:
    return f"{painting_prefix(painting_id)}painting.jpg"


def painting_meta_key(painting_id: str) -> str:
    return f"{painting_prefix(painting_id)}painting.json"


def part_map_key(painting_id: str, map_id: str) -> str:
    """A map of a person's own painting's parts."""
    return f"{painting_prefix(painting_id)}parts-{checked(map_id)}.png"


def part_map_meta_key(painting_id: str, map_id: str) -> str:
    """What is known of it without its pixels."""
    return f"{painting_prefix(painting_id)}parts-{checked(map_id)}.json"


def painting_thumb_key(painting_id: str) -> str:
    return f"{painting_prefix(painting_id)}thumb.webp"


def job_prefix(job_id: str) -> str:
    return f"{JOBS}{checked(job_id)}/"


def manifest_key(job_id: str) -> str:
    return f"{job_prefix(job_id)}{MANIFEST}"


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


def series_prefix(series_id: str) -> str:
    return f"{SERIES}{checked(series_id)}/"


def series_key(series_id: str) -> str:
    """Blob that says which jobs belong to a series."""
    return f"{series_prefix(series_id)}series.json"


def share_prefix(share_id: str) -> str:
    return f"{SHARES}{checked(share_id)}/"


def share_key(share_id: str) -> str:
    """Blob with the id of the job that is shared."""
    return f"{share_prefix(share_id)}job"


def deletion_key(kind: Kind, identifier: str) -> str:
    """Empty blob that says that something of a kind was deleted, of which Redis could not be told yet."""
    return f"{DELETIONS}{kind}/{checked(identifier)}"


def deletion(key: str) -> tuple[str, str] | None:
    """Of what kind, and which one, was deleted by a deletion's key; None for what is none."""
    found = DELETION.fullmatch(key)
    return (found[1], found[2]) if found else None


def quarantine_key(key: str) -> str:
    """Where a blob is set aside that cannot be read."""
    return f"{QUARANTINE}{key}"


def own_fingerprint_prefix(painting_id: str) -> str:
    """What the keys of an own painting's fingerprints begin with: they lie beside it, so that they go with it."""
    return f"{painting_prefix(painting_id)}fingerprint"


def fingerprint_prefix(digest: str) -> str:
    """What the keys of fingerprints begin with, of a painting or of a shipped fingerprint with this SHA-256."""
    return f"{FINGERPRINTS}{digest}"


def fingerprint_key(prefix: str, network: str, kind: str = "") -> str:
    """A fingerprint below one of these prefixes, as a network measured it: all that is usual, or of another kind."""
    return f"{prefix}.{network}{f'.{kind}' if kind else ''}.safetensors"


def parts_key(prefix: str, part_map: str, network: str, pooling: str) -> str:
    """A painting's parts by the map with this digest, below one of the prefixes of fingerprints."""
    return f"{prefix}.parts-{part_map}.{network}.{pooling}.safetensors"


def stand_in_key(prefix: str) -> str:
    """The picture that stands in for a shipped painting, drawn from its fingerprint."""
    return f"{prefix}.stand-in.png"


def folder_of(key: str) -> str:
    """The folder of the one thing that a blob belongs to, such as `photos/ID/`."""
    return "/".join(key.split("/")[:2]) + "/"


def kind_of(key: str) -> str:
    """What a blob, or a folder of `folder_of`, is of: the first part of its key, such as `photos`."""
    return key.split("/")[0]


def id_of(key: str) -> str:
    """What stands in a key, or in a folder of `folder_of`, where things have their ids."""
    return key.split("/")[1]


def is_of_a_thing(key: str) -> bool:
    """Whether it is of something that has an id, where others may have put files of their own."""
    return bool(ID.fullmatch(id_of(key)))


def ids_of(listed: Iterable[str]) -> set[str]:
    """The ids of all things that these blobs belong to."""
    return set(filter(ID.fullmatch, map(id_of, listed)))


def is_manifest(key: str) -> bool:
    """Whether it is a job's manifest."""
    return key == f"{folder_of(key)}{MANIFEST}"


def fences_of(listed: Iterable[str]) -> set[int]:
    """The fences of all attempts that these blobs of a job are of."""
    return {int(part) for part in (key.split("/")[2] for key in listed) if part.isdigit()}


def preview_of(key: str) -> tuple[int, int] | None:
    """The fence and the number of the preview with this key; None for what is none."""
    found = PREVIEW.fullmatch(key)
    return (int(found[1]), int(found[2])) if found else None
