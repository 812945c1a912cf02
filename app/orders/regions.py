"""The masks of an order: whether all of them are there, and each leaves something to paint."""

from __future__ import annotations

from app import refusals
from app.jobs.masks import GREY_CELLS, MaskFacts, find_mask
from app.jobs.models import PaintRequest, StyleChoice
from app.jobs.storage.protocol import Storage
from app.refusals import RefusalError
from app.translation import _
from app.uploads.masks import LEAST_SHARE


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
            raise RefusalError(refusals.MASK_COVERS_NOTHING, field="keep", what=_("it keeps the whole photo as it is"))
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
        colors = ", ".join(mask.rivals([])) or _("not to be told apart")
        raise RefusalError(refusals.COLOR_ABSENT, field=f"{where}.color", color=style.color, colors=colors)
    cover = mask.cover(color, mask.rivals(asked))
    left = sum(share * rest for share, rest in zip(cover, painted, strict=True))
    # A colour that is rarer than the grid's cells may be in none of their middles.
    if left < LEAST_SHARE * GREY_CELLS and any(cover):
        raise RefusalError(refusals.MASK_COVERS_NOTHING, field=f"{where}.mask", what=_("all that it covers is kept"))
