"""Whether all that an order names is here, and fits into the memory of a worker."""

from __future__ import annotations

from app import refusals
from app.jobs.ids import own_painting
from app.jobs.masks import find_part_map
from app.jobs.models import PaintRequest, StyleChoice
from app.jobs.storage import keys
from app.jobs.work import largest_size, memory_bytes
from app.orders import regions
from app.orders.find import find_job
from app.refusals import RefusalError
from app.services import Services
from app.translation import _
from app.uploads import paintings, photos
from app.uploads.photos import StoredPhoto


def check_painting(services: Services, wish: PaintRequest) -> StoredPhoto:
    """Make sure that a photo can be painted as asked; the photo.

    Raises:
        RefusalError: it, a style, a mask or the artwork to start from is not here, a mask leaves nothing to paint, or
            no machine here is large enough.
    """
    photo = check_photo(services, wish)
    check_styles(services, wish)
    if wish.start_job:
        check_start(services, wish.start_job)
    regions.check(wish, services.storage)
    check_memory(services, wish, photo)
    return photo


def check_recoloring(services: Services, wish: PaintRequest) -> None:
    """Make sure that what a canvas gets its colours from is here.

    Raises:
        RefusalError: the photo or a mask is not here, or a mask leaves nothing to paint.
    """
    check_photo(services, wish)
    regions.check(wish, services.storage)


def check_photo(services: Services, wish: PaintRequest) -> StoredPhoto:
    """Make sure that the photo of a request is here; the photo.

    Raises:
        RefusalError: it is not.
    """
    photo = photos.find(wish.photo, services.storage)
    if photo is None:
        raise RefusalError(refusals.PHOTO_GONE)
    return photo


def check_styles(services: Services, wish: PaintRequest) -> None:
    """Make sure that all paintings of a request are here.

    Raises:
        RefusalError: one does not hang in the gallery, or was a person's own and is gone; or has no such part.
    """
    for index, choice in enumerate(wish.styles):
        if own_painting(choice.id):
            if paintings.find(choice.id, services.storage) is None:
                raise RefusalError(refusals.PAINTING_GONE)
        elif choice.id not in services.gallery.by_id:
            raise RefusalError(refusals.STYLE_UNKNOWN, style=choice.id)
        if choice.part:
            check_part(services, choice, f"styles.{index}.part")


def check_part(services: Services, choice: StyleChoice, where: str) -> None:
    """Make sure that a painting has the part that is chosen of it.

    Raises:
        RefusalError: it has not; `where` is the field that says which.
    """
    own = own_painting(choice.id)
    if own is None:
        offered = [part.name for part in services.gallery.by_id[choice.id].parts]
    else:
        facts = find_part_map(own, choice.part_map, services.storage) if choice.part_map else None
        if facts is None:
            raise RefusalError(refusals.PART_MAP_GONE, field=where)
        offered = list(facts.colors)
    if choice.part not in offered:
        raise RefusalError(
            refusals.PART_ABSENT,
            field=where,
            title=services.gallery.title(choice.id),
            part=choice.part,
            parts=", ".join(offered) or _("none"),
        )


def check_start(services: Services, job_id: str) -> None:
    """Make sure that a job has an artwork to start from.

    Raises:
        RefusalError: it has none.
    """
    try:
        job = find_job(services, job_id)
    except RefusalError as error:
        raise RefusalError(refusals.START_GONE, field="start_job") from error
    if not job.has_artwork or not services.storage.exists(keys.artwork_key(job.id, job.fence)):
        raise RefusalError(refusals.START_GONE, field="start_job")


def check_memory(services: Services, wish: PaintRequest, photo: StoredPhoto) -> None:
    """Refuse at once what no worker could hold in its memory, and say what would fit.

    Raises:
        RefusalError: too large.
    """
    there = services.records.workers.memory()
    shape = (photo.width, photo.height)
    needed = memory_bytes(shape, wish.size, wish.extractor)
    if there is None or needed <= there:
        return
    fits = largest_size(shape, there, wish.extractor)
    raise RefusalError(refusals.TOO_LARGE, size=wish.size, needed=needed / 1e9, there=there / 1e9, fits=fits)
