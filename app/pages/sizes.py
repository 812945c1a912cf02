"""The sizes on offer, each with the time that it takes here: as the form stands, and for its other choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from app.jobs.models import Job, PaintRequest
from app.jobs.options import Preset, Quality
from app.jobs.work import largest_size, planned_work
from app.pages.controls import CONTROLS, Offer
from app.pages.form import HomeForm
from app.pages.values import as_number
from app.pages.ways import WAYS
from app.services import Services
from app.translation import _
from app.uploads.photos import StoredPhoto

USUAL_PHOTO = (4, 3)
SMALLEST, LARGEST = 256, 8192
LARGE = ("2048", "4096", "8192")
QUALITY_NAMES: tuple[str, ...] = get_args(Quality)
MANY = 1000  # evaluations, so that rounding in each stage does not count


@dataclass(frozen=True)
class SizeChoice:
    """A size on offer. Where it was measured: the seconds it takes here.

    `times` has them by way of painting: for each quality, and for one single evaluation.
    """

    offer: Offer
    seconds: float | None = None
    times: dict[str, list[float]] | None = None


def sizes(services: Services, photo: StoredPhoto | None, form: HomeForm) -> list[SizeChoice]:
    """The sizes, with the time that the chosen photo, or a usual one, takes on this machine."""
    offered = CONTROLS["size"].stops(form.options["size"])
    speed = services.records.workers.speed()
    if not speed:
        return [SizeChoice(each) for each in offered]
    shape = (photo.width, photo.height) if photo else USUAL_PHOTO
    return [timed(each, speed, shape, form) if is_size(each.value) else SizeChoice(each) for each in offered]


def larger(services: Services, job: Job, photo: StoredPhoto | None) -> list[SizeChoice]:
    """The sizes at which an artwork can be painted large here, with the time of each, of which the first is chosen."""
    if photo is None:
        return []
    shape = (photo.width, photo.height)
    there = services.records.workers.memory()
    most = LARGEST if there is None else largest_size(shape, there, job.request.extractor)
    words = dict(CONTROLS["size"].choices)
    longest = max(job.artwork_width or 0, job.artwork_height or 0)
    fit = [size for size in LARGE if longest < int(size) <= most]
    speed = services.records.workers.speed(job.request.extractor)
    works = (services.gallery.work_of(shape, at_size(job.request, int(size))) for size in fit)
    offers = (Offer(size, _(words[size]), size == fit[0]) for size in fit)
    return [SizeChoice(offer, speed and speed * work) for offer, work in zip(offers, works, strict=True)]


def at_size(wish: PaintRequest, size: int) -> PaintRequest:
    """The same, painted at another size, and as large as it is painted.

    Raises:
        ValidationError: there is no such size.
    """
    return PaintRequest.model_validate(wish.model_dump() | {"size": size, "output_size": None})


def timed(offer: Offer, speed: float, shape: tuple[int, int], form: HomeForm) -> SizeChoice:
    """A size with its times; `speed` is in seconds for a megapixel-evaluation."""
    times: dict[str, list[float]] = {
        way.id: [round(speed * work, 3) for work in works(shape, int(offer.value), way.id)] for way in WAYS
    }
    return SizeChoice(offer, seconds(times, form), times)


def works(shape: tuple[int, int], size: int, preset: Preset) -> list[float]:
    """Megapixel-evaluations of each quality, and of one evaluation, which is shared over all stages."""
    each = planned_work(shape, size, "good", preset, MANY) / MANY
    return [*(planned_work(shape, size, quality, preset) for quality in get_args(Quality)), each]


def seconds(times: dict[str, list[float]], form: HomeForm) -> float:
    """The time for the form as it stands; a number of evaluations of one's own counts instead of the quality."""
    found = times.get(form.options["preset"], times["studio"])
    evaluations = as_number(form.options["iterations"])
    if evaluations is not None and evaluations >= 1:
        return found[-1] * evaluations
    quality = form.options["quality"]
    return found[QUALITY_NAMES.index(quality if quality in QUALITY_NAMES else "good")]


def is_size(text: str) -> bool:
    return text.isdecimal() and SMALLEST <= int(text) <= LARGEST
