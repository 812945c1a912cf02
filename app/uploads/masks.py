"""Masks that were taken in: kept with the photo that they are of.

app/darkroom/parent.py decodes them. Nothing looks at their pixels again before a worker paints: what must be known of a
mask until then is kept beside it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from app import refusals
from app.darkroom.developed import DecodedMask
from app.jobs.masks import MaskFacts
from app.jobs.storage import keys
from app.jobs.storage.protocol import Storage
from app.refusals import RefusalError

MOST = 20  # of one photo
LEAST_SHARE = 5e-4  # of the picture; the engine paints nothing smaller


@dataclass(frozen=True)
class StoredMask:
    """A mask that is kept under its id."""

    id: str
    width: int
    height: int
    colors: list[str]


def facts_of(mask: DecodedMask) -> MaskFacts:
    """What is kept of a decoded mask beside it."""
    return MaskFacts(
        width=mask.width,
        height=mask.height,
        white=mask.white,
        colors=mask.colors,
        grid=base64.b64encode(mask.grid).decode(),
        flat=mask.flat,
    )


def store(photo_id: str, mask: DecodedMask, storage: Storage) -> StoredMask:
    """Keep a decoded mask of a photo. The same picture gets the same id, so sending it again adds nothing.

    Raises:
        RefusalError: nothing of it is white, or the photo has as many masks as it may have.
        OSError: the storage has no room or can't be reached.
    """
    if mask.white < LEAST_SHARE:
        raise RefusalError(refusals.MASK_EMPTY)
    mask_id = hashlib.sha256(mask.png).hexdigest()[:32]
    facts = facts_of(mask)
    kept = [key for key in storage.list(keys.photo_prefix(photo_id)) if key.endswith(".png")]
    if keys.mask_key(photo_id, mask_id) not in kept and len(kept) >= MOST:
        raise RefusalError(refusals.MASKS_TOO_MANY, limit=MOST)
    try:
        storage.put(keys.mask_key(photo_id, mask_id), mask.png)
        # The facts come last: a mask without them was never accepted.
        storage.put(keys.mask_meta_key(photo_id, mask_id), facts.model_dump_json().encode())
    except OSError:
        storage.delete(keys.mask_key(photo_id, mask_id))
        raise
    return StoredMask(mask_id, mask.width, mask.height, facts.rivals([]))
