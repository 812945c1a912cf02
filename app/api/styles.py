"""The paintings that hang here, for programs."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.jobs.styles import Mood
from app.services import ServicesHere

router = APIRouter(prefix="/api/v1", tags=["api"])


class PartAnswer(BaseModel):
    """A part of a painting, and the colour that means it in a doodle."""

    name: str
    color: str


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
    moods: list[Mood] = Field(description="How it looks at a glance, and whether it suits portraits.")
    commons: str
    swatch: str
    example: str
    parts: list[PartAnswer] = Field(description="Parts that a doodle can ask for; none of most paintings.")


@router.get("/styles", summary="All paintings to paint after", response_description="The list.")
def list_styles(services: ServicesHere) -> list[StyleAnswer]:
    """The owner's by title, then those that ship, as they show best."""
    return [
        StyleAnswer(
            id=card.id,
            title=card.title,
            artist=card.artist,
            born=card.born,
            died=card.died,
            year=card.year,
            museum=card.museum,
            movement=card.movement,
            description=card.description,
            moods=list(card.moods),
            commons=card.commons,
            swatch=services.at(card.swatch_url),
            example=services.at(card.example_url),
            parts=[PartAnswer(name=part.name, color=part.color) for part in card.parts],
        )
        for card in services.gallery.cards
    ]
