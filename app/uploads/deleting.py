"""Photos and people's own paintings are deleted when their owners say so."""

from __future__ import annotations

from app import refusals
from app.jobs.housekeeping import retention
from app.jobs.ids import own_painting
from app.jobs.records.keeping import Keeping
from app.jobs.storage import keys
from app.refusals import RefusalError
from app.services import Services
from app.uploads import paintings, photos


def delete_photo(services: Services, photo_id: str) -> None:
    """Delete a photo and all that was made from it, now; nothing happens where it is gone already.

    Raises:
        RefusalError: there was never one of this id.
    """
    try:
        is_here = photos.find(photo_id, services.storage) is not None
        if not is_here and not _was_deleted(services, "photos", photo_id, services.records.photos):
            raise RefusalError(refusals.PHOTO_NOT_FOUND)
    except ValueError as error:
        raise RefusalError(refusals.PHOTO_NOT_FOUND) from error
    retention.delete_photo(services.records, photo_id)


def delete_painting(services: Services, style_id: str) -> None:
    """Delete a person's own painting now; nothing happens where it is gone already.

    Raises:
        RefusalError: there was never one of this id.
    """
    identifier = own_painting(style_id)
    is_here = paintings.find(style_id, services.storage) is not None
    if identifier is None or not (
        is_here or _was_deleted(services, "paintings", identifier, services.records.paintings)
    ):
        raise RefusalError(refusals.PAINTING_NOT_FOUND)
    retention.delete_painting(services.records, identifier)


def _was_deleted(services: Services, kind: keys.Kind, identifier: str, kept: Keeping) -> bool:
    return kept.is_gone(identifier) or retention.is_deleted(services.storage, kind, identifier)
