"""Masks that were taken in: kept with the photo that they are of, and held against what is asked of them.

app/darkroom/parent.py decodes them. Nothing looks at their pixels again before a worker paints: what must be known of a
mask until then is kept beside it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from app import refusals
from app.jobs.masks import COLOR_CELLS, GREY_CELLS, MaskFacts, find_mask
from app.jobs.models import PaintRequest, StyleChoice
from app.jobs.storage import keys
from app.jobs.storage.protocol import Storage
from app.refusals import RefusalError

MOST = 20  # of one photo
LEAST_SHARE = 5e-4  # of the picture; the engine paints nothing smaller


@dataclass(frozen=True)
class DecodedMask:
    """A mask ready to keep: PNG bytes, L or RGB, and what `app.darkroom.child.developing.answer_mask` tells of it."""

    png: bytes
    width: int
    height: int
    white: float
    colors: dict[str, float]
    grid: bytes

    @property
    def has_whole_grid(self) -> bool:
        return len(self.grid) in {GREY_CELLS, COLOR_CELLS}


@dataclass(frozen=True)
class StoredMask:
    """A mask that is kept under its id."""

    id: str
    width: int
    height: int
    colors: list[str]


def store(photo_id: str, mask: DecodedMask, storage: Storage) -> StoredMask:
    """Keep a decoded mask of a photo. The same picture gets the same id, so sending it again adds nothing.

    Raises:
        RefusalError: nothing of it is white, or the photo has as many masks as it may have.
        OSError: the storage has no room or can't be reached.
    """
    if mask.white < LEAST_SHARE:
        raise RefusalError(refusals.MASK_EMPTY)
    mask_id = hashlib.sha256(mask.png).hexdigest()[:32]
    facts = MaskFacts(
        width=mask.width,
        height=mask.height,
        white=mask.white,
        colors=mask.colors,
        grid=base64.b64encode(mask.grid).decode(),
    )
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


def check(wish: PaintRequest, storage: Storage) -> None:
    """Make sure that all masks of a request are there, and that each leaves something to paint.

    Raises:
        RefusalError: one does not fit; the sentence names its field.
    """
    found = {}
    for field, mask_id in wish.masks().items():
        mask = find_mask(wish.photo, mask_id, storage)
        if mask is None:
            raise RefusalError(refusals.MASK_GONE, field=field)
        found[field] = mask
    painted = [1.0] * GREY_CELLS
    if "keep" in found:
        painted = [1 - share for share in found["keep"].cover(None)]
        if sum(painted) < LEAST_SHARE * GREY_CELLS:
            raise RefusalError(refusals.MASK_COVERS_NOTHING, field="keep", what="it keeps the whole photo as it is")
    for index, style in enumerate(wish.styles):
        mask = found.get(f"styles.{index}.mask")
        if mask:
            check_region(f"styles.{index}", style, mask, painted, mask.asked(wish.styles, style.mask))


def check_region(where: str, style: StyleChoice, mask: MaskFacts, painted: list[float], asked: list[str]) -> None:
    """Make sure that a style's region has something that is painted.

    Raises:
        RefusalError: the colour does not occur in the mask, or all that the mask covers is kept as the photo.
    """
    color = mask.meant(style.color) if style.color else None
    if style.color and color is None:
        colors = ", ".join(mask.rivals([])) or "not to be told apart"
        raise RefusalError(refusals.COLOR_ABSENT, field=f"{where}.color", color=style.color, colors=colors)
    cover = mask.cover(color, mask.rivals(asked))
    left = sum(share * rest for share, rest in zip(cover, painted, strict=True))
    # A colour that is rarer than the grid's cells may be in none of their middles.
    if left < LEAST_SHARE * GREY_CELLS and any(cover):
        raise RefusalError(refusals.MASK_COVERS_NOTHING, field=f"{where}.mask", what="all that it covers is kept")
