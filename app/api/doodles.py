"""The JSON API's doodles: a map of colours in, a job out."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from app.answers.job import JobAnswer
from app.api.described import STARTING, described
from app.api.jobs import started
from app.api.keys import IdempotencyKey, id_of_key
from app.orders.doodles import DoodleRequest, start_doodle
from app.services import ServicesHere
from app.web.limits import ClientHere

router = APIRouter(prefix="/api/v1", tags=["api"])


class DoodleAnswer(BaseModel):
    """The job of a doodle, and what its map was taken for."""

    job: JobAnswer
    parts: dict[str, str] = Field(description="By each colour of the map, the part that it means.")
    notes: list[str] = Field(description="A sentence for each colour that is like none of the parts' own.")


@router.post("/doodles", **described("Paint a doodle", 202, "Accepted.", *STARTING))
def create_doodle(
    wish: DoodleRequest, client: ClientHere, services: ServicesHere, response: Response, key: IdempotencyKey = None
) -> DoodleAnswer:
    """Each colour of the map is painted as the part of the painting that has the most similar colour; of each painting
    with parts, `GET /api/v1/styles` tells them. The answer's Location is the job's address.
    """
    job_id = id_of_key(services, key, "doodle", wish.photo)
    try:
        job, meant = start_doodle(services, wish, client, job_id)
    except ValidationError as error:  # what the wish says fits, and what follows from it does not
        raise RequestValidationError(error.errors()) from error
    return DoodleAnswer(job=started(services, job, response), parts=meant.parts, notes=meant.notes)
