"""The paintings that hang here, for programs."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from app.services import ServicesHere

router = APIRouter(prefix="/api/v1", tags=["api"])


class StyleAnswer(BaseModel):
    """A painting to paint after."""

    id: str
    title: str
    artist: str
    born: int | None
    died: int | None
    year: str
    museum: str
    movement: str
    description: str
    commons: str
    swatch: str
    example: str


@router.get("/styles", summary="All paintings to paint after", response_description="The list.")
def list_styles(services: ServicesHere) -> list[StyleAnswer]:
    """The owner's by title, then those that ship, as they show best."""
    return [
        StyleAnswer(
            id=card.id,
            title=card.title,
            artist=card.artist,
            born=card.style.born,
            died=card.style.died,
            year=card.year,
            museum=card.museum,
            movement=card.movement,
            description=card.description,
            commons=card.style.commons,
            swatch=services.at(card.swatch_url),
            example=services.at(card.example_url),
        )
        for card in services.gallery.cards
    ]
