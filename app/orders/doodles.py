"""Starting a doodle: from a map of colours to the parts of a painting that its job asks for."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from app import refusals
from app.jobs.doodles import DoodleError, Meaning, check_flat, check_shape, common_colors, meaning
from app.jobs.ids import own_painting
from app.jobs.masks import MaskFacts, find_mask, find_part_map
from app.jobs.models import Id, Job, PaintRequest, StyleChoice
from app.jobs.options import Extractor, PaintingOptions, Preset
from app.orders.start import start_job
from app.refusals import RefusalError
from app.retelling import retold
from app.services import Services
from app.uploads import photos


class DoodleRequest(PaintingOptions):
    """A map of colours, and the painting whose parts they mean."""

    preset: Preset = Field(
        default="doodle",
        description="`doodle`: of the photo only the size counts, so it may be the map itself; "
        "`studio` or `instant`: the photo's shapes stay, and each of its parts is painted after the painting's",
    )
    photo: Id
    target_map: Id = Field(description="a mask of the photo, whose colours say which part goes where")
    style: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")] = Field(
        description="a painting with parts, or an uploaded one with a map of them"
    )
    style_map: Id | None = Field(default=None, description="the map of an uploaded painting's parts")
    extractor: Extractor = "auto"


class StartedDoodle(NamedTuple):
    """The job, and what the map's colours were taken for."""

    job: Job
    meaning: Meaning


def start_doodle(services: Services, wish: DoodleRequest, client: str, job_id: str | None = None) -> StartedDoodle:
    """Record and publish a doodle's job, as `start_job`.

    Raises:
        RefusalError: a map is missing, is none, or means nothing of the painting; or as in `start_job`.
        ValidationError: options contradict each other, or there are more parts than a job has places.
    """
    request, meant = _request(services, wish)
    job = start_job(services, request, client, job_id=job_id)
    if job.request != request:
        raise RefusalError(refusals.KEY_REUSED)
    return StartedDoodle(job, meant)


def _request(services: Services, wish: DoodleRequest) -> tuple[PaintRequest, Meaning]:
    photo = photos.find(wish.photo, services.storage)
    if photo is None:
        raise RefusalError(refusals.PHOTO_GONE)
    drawn = find_mask(wish.photo, wish.target_map, services.storage)
    if drawn is None:
        raise RefusalError(refusals.MASK_GONE, field="target_map")
    try:
        check_flat(drawn.flat, "target map")
        check_shape((drawn.width, drawn.height), (photo.width, photo.height), "The photo and its map")
        meant = meaning(drawn.colors, _parts(services, wish, drawn), services.gallery.title(wish.style))
    except DoodleError as error:
        raise RefusalError(refusals.DOODLE_UNFIT, what=retold(str(error)), unfit=str(error)) from error
    styles = [
        StyleChoice(id=wish.style, mask=wish.target_map, color=color, part=part, part_map=wish.style_map)
        for color, part in meant.parts.items()
    ]
    options = wish.model_dump(exclude={"target_map", "style", "style_map"})
    return PaintRequest.model_validate(options | {"styles": [style.model_dump() for style in styles]}), meant


def _parts(services: Services, wish: DoodleRequest, drawn: MaskFacts) -> dict[str, str]:
    """The names of a painting's parts by their colours.

    Raises:
        RefusalError: the painting is not here, or has no parts.
    """
    own = own_painting(wish.style)
    if own:
        facts = find_part_map(own, wish.style_map, services.storage) if wish.style_map else None
        if facts is None:
            raise RefusalError(refusals.PART_MAP_GONE, field="style_map")
        return {color: color for color in common_colors(facts.colors, drawn.colors)}
    if wish.style not in services.gallery.by_id:
        raise RefusalError(refusals.STYLE_UNKNOWN, style=wish.style)
    found = services.gallery.by_id[wish.style].parts
    if wish.style_map or not found:
        raise RefusalError(refusals.PARTS_FIXED if found else refusals.PARTS_MISSING, field="style")
    return {part.color: part.name for part in found}
