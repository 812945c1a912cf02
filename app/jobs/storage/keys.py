"""Names of all blobs, and the parts that a name has. Built from generated ids only, never from what somebody sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal, ParamSpec

from app.jobs.ids import ID, checked

PHOTOS, PAINTINGS, JOBS, SERIES, SHARES = "photos/", "paintings/", "jobs/", "series/", "shares/"
FINGERPRINTS = "fingerprints/"  # of paintings that are nobody's own
DELETIONS = "deletions/"  # empty blobs, see deletion_key
QUARANTINE = "quarantine/"  # what cannot be read, each blob under its whole key

# Where writes may be cut off and folders left empty. Fingerprints are made again, and left alone.
TIDIED = (JOBS, PHOTOS, PAINTINGS, SERIES, SHARES, DELETIONS, QUARANTINE)

Kind = Literal["photos", "paintings", "jobs"]
Of = ParamSpec("Of")  # what a folder goes by: an id, or more
MANIFEST, CHECKPOINT = "job.json", "checkpoint.safetensors"
DELETION = re.compile(rf"{DELETIONS}(photos|paintings|jobs)/({ID.pattern})")
PREVIEW = re.compile(rf"{JOBS}{ID.pattern}/(\d+)/preview-(\d+)\.webp")


def folder(kind: str) -> Callable[[str], str]:
    """The folders of all things of a kind, each by its id."""
    return lambda identifier: f"{kind}{checked(identifier)}/"


def inside(prefix: Callable[Of, str], name: str) -> Callable[Of, str]:
    """What has this name in a folder, by whatever the folder goes by."""
    return lambda *args, **kwargs: f"{prefix(*args, **kwargs)}{name}"


def one_inside(prefix: Callable[[str], str], kind: str, extension: str) -> Callable[[str, str], str]:
    """One of several in a folder, by the folder's id and its own."""
    return lambda identifier, own_id: f"{prefix(identifier)}{kind}-{checked(own_id)}.{extension}"


photo_prefix = folder(PHOTOS)
photo_key = inside(photo_prefix, "photo.jpg")
photo_meta_key = inside(photo_prefix, "photo.json")
photo_alpha_key = inside(photo_prefix, "alpha.png")  # how opaque each pixel was, in grey; only where any was not wholly
photo_thumb_key = inside(photo_prefix, "thumb.webp")
mask_key = one_inside(photo_prefix, "mask", "png")
mask_meta_key = one_inside(photo_prefix, "mask", "json")
tries_prefix = inside(photo_prefix, "tries/")  # in the photo's own folder, with which they go
suits_key = inside(tries_prefix, "suits.json")  # ids of the paintings that suit it as a JSON list, the likeliest first


def try_key(photo_id: str, name: str) -> str:
    """The photo in small, as the try of this name has it."""
    return f"{tries_prefix(photo_id)}{name}.webp"


def try_name(key: str) -> str:
    """The name of the try that is kept under this key."""
    return key.rpartition("/")[2].removesuffix(".webp")


# A person's own painting: maps of its parts, and its fingerprints, are beside it, so that they go with it.
painting_prefix = folder(PAINTINGS)
painting_key = inside(painting_prefix, "painting.jpg")
painting_meta_key = inside(painting_prefix, "painting.json")
painting_thumb_key = inside(painting_prefix, "thumb.webp")
part_map_key = one_inside(painting_prefix, "parts", "png")
part_map_meta_key = one_inside(painting_prefix, "parts", "json")  # what is known of a map without its pixels
own_fingerprint_prefix = inside(painting_prefix, "fingerprint")  # what the keys of its fingerprints begin with

job_prefix = folder(JOBS)
manifest_key = inside(job_prefix, MANIFEST)


def attempt_prefix(job_id: str, fence: int) -> str:
    """Folder that only the holder of `fence` writes into: a late duplicate cannot overwrite what came after it."""
    return f"{job_prefix(job_id)}{int(fence):06d}/"


checkpoint_key = inside(attempt_prefix, CHECKPOINT)
artwork_key = inside(attempt_prefix, "artwork.png")
# The artwork with all the depth that it was painted in; earlier releases stored none.
print_key = inside(attempt_prefix, "artwork.tif")
# What was painted, before colours were kept or parts of the photo put back; only where that changed anything.
canvas_key = inside(attempt_prefix, "canvas.tif")


def preview_key(job_id: str, fence: int, number: int) -> str:
    return f"{attempt_prefix(job_id, fence)}preview-{int(number)}.webp"


def is_checkpoint(key: str) -> bool:
    """Whether an attempt's checkpoint is kept under this key."""
    return key.endswith(f"/{CHECKPOINT}")


def canvas_keys(job_id: str, fence: int, touches_up: bool) -> list[str]:
    """Where what was painted may be, the deepest first: earlier releases stored PNGs only. `touches_up` tells whether
    anything was changed after painting, or the artwork is the canvas.
    """
    prefix = attempt_prefix(job_id, fence)
    return [f"{prefix}{'canvas' if touches_up else 'artwork'}.{extension}" for extension in ("tif", "png")]


series_prefix = folder(SERIES)
series_key = inside(series_prefix, "series.json")  # says which jobs belong to a series
share_prefix = folder(SHARES)
share_key = inside(share_prefix, "job")  # holds the id of the job that is shared


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
