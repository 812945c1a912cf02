"""A drawing becomes places to be painted: each of its colours means a part of one painting."""

from __future__ import annotations

from app import refusals
from app.jobs.masks import COMMON_SHARE, NEAR, MaskFacts, distance
from app.jobs.models import StyleChoice
from app.jobs.styles import Style
from app.refusals import RefusalError


def places_of(style: Style, drawing: MaskFacts, mask_id: str) -> list[StyleChoice]:
    """The parts of a painting that occur in a drawing, each where the drawing, a mask of this id, has its colour.

    A colour that is none of the parts' is an edge that was smoothed if it is rare, and belongs to its neighbours.

    Raises:
        RefusalError: the painting has no parts, or a common colour of the drawing is none of theirs.
    """
    if not style.parts:
        raise RefusalError(refusals.PARTS_MISSING, title=style.title)
    places = []
    for color, share in drawing.colors.items():
        part = min(style.parts, key=lambda each: distance(each.color, color))
        if distance(part.color, color) < NEAR:
            places.append(StyleChoice(id=style.id, part=part.name, mask=mask_id, color=color))
        elif share >= COMMON_SHARE:
            parts = ", ".join(f"{each.name} {each.color}" for each in style.parts)
            raise RefusalError(refusals.MAP_FOREIGN, color=color, title=style.title, parts=parts)
    return places
