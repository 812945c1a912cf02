"""A client's files are decoded and kept, each when its turn comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TypeVar

from starlette.datastructures import UploadFile

from app import refusals
from app.darkroom.developed import DecodedMask, DecodedPhoto
from app.jobs.ids import ID, OWN_PREFIX
from app.jobs.records.quota import OverQuotaError
from app.jobs.storage import keys
from app.jobs.storage.protocol import is_full
from app.refusals import RefusalError, Thing
from app.services import Services
from app.turns import CrowdedError
from app.uploads import masks, paintings, photos
from app.uploads.masks import StoredMask
from app.uploads.paintings import OwnPainting
from app.uploads.photos import StoredPhoto
from app.uploads.room import check_quota, check_room, count, no_room, over_quota
from app.web.bodies import FORM_OVERHEAD_BYTES

Decoded = TypeVar("Decoded")
Stored = TypeVar("Stored")
AGAIN_S = 30  # after which a client may try again that has too many uploads waiting


async def keep_upload(services: Services, file: UploadFile, client: str) -> StoredPhoto:
    """Decode and store a file of a client's form.

    Raises:
        RefusalError: it is larger than one photo may be; or as in `keep_photo`.
    """
    check_length(services, file)
    return await keep_photo(services, file.file, client)


def check_length(services: Services, file: UploadFile, thing: Thing = "photo") -> None:
    """Make sure that a file of a form that may hold several is not larger than each may be.

    Raises:
        RefusalError: it is; `thing` is what the refusal calls it.
    """
    limit_mb = services.settings.upload_limit_mb
    if (file.size or 0) > limit_mb * 1_000_000 + FORM_OVERHEAD_BYTES:
        raise RefusalError(refusals.TOO_MANY_BYTES[thing], limit_mb=limit_mb)


async def keep_photo(services: Services, file: BinaryIO, client: str, thing: Thing = "photo") -> StoredPhoto:
    """Decode and store a client's photo, off the event loop; `thing` is what refusals call it.

    Raises:
        RefusalError: the file is refused, or there is no room for it.
    """

    def store(photo: DecodedPhoto) -> StoredPhoto:
        stored = photos.store(photo, services.storage, client)
        count(services, keys.photo_prefix(stored.id), client)
        return stored

    return await _kept(services, thing, client, lambda: services.darkroom.decode_photo(file, thing), store)


async def keep_mask(services: Services, photo_id: str, file: BinaryIO, client: str, turned: bool = False) -> StoredMask:
    """Decode a client's mask, or all but it, and store it with its photo, off the event loop.

    Raises:
        RefusalError: the file is refused, nothing of it is white, the photo has enough masks or is not here, or there
            is no room.
    """
    prefix = keys.photo_prefix(photo_id) if ID.fullmatch(photo_id) else ""

    def decode() -> DecodedMask:
        if not prefix or photos.find(photo_id, services.storage) is None:
            raise RefusalError(refusals.PHOTO_NOT_FOUND)
        return services.darkroom.decode_mask(file, turned)

    def store(mask: DecodedMask) -> StoredMask:
        before = services.storage.list(prefix)
        try:
            stored = masks.store(photo_id, mask, services.storage)
        except FileNotFoundError as error:  # the photo was deleted meanwhile, with the folder that this was written to
            raise RefusalError(refusals.PHOTO_NOT_FOUND) from error
        new = {keys.mask_key(photo_id, stored.id), keys.mask_meta_key(photo_id, stored.id)}.difference(before)
        count(services, prefix, client, new)
        return stored

    return await _kept(services, "mask", client, decode, store)


async def keep_painting(
    services: Services, file: BinaryIO, client: str, part_map: BinaryIO | None = None
) -> OwnPainting:
    """Decode and store a client's painting, and a map of its parts, off the event loop.

    Raises:
        RefusalError: a file is refused, or there is no room for it.
    """

    def decode() -> tuple[DecodedPhoto, DecodedMask | None]:
        drawn = services.darkroom.decode_mask(part_map) if part_map else None
        return services.darkroom.decode_photo(file, "painting"), drawn

    def store(decoded: tuple[DecodedPhoto, DecodedMask | None]) -> OwnPainting:
        stored = paintings.store(decoded[0], services.storage, client, decoded[1])
        count(services, keys.painting_prefix(stored.id.removeprefix(OWN_PREFIX)), client)
        return stored

    return await _kept(services, "painting", client, decode, store)


async def _kept(
    services: Services, thing: Thing, client: str, decode: Callable[[], Decoded], store: Callable[[Decoded], Stored]
) -> Stored:
    """What `store` makes of the decoded picture, when its turn comes; `thing` is what refusals call it.

    Raises:
        RefusalError: the file is refused; or there is little room left, which is for what was accepted before; or too
            many of this client wait for their turn.
    """

    def decode_and_store() -> Stored:
        check_room(services, thing)
        check_quota(services, client, thing)
        picture = decode()
        try:
            return store(picture)
        except OverQuotaError as error:
            raise over_quota(services, error).beside(thing) from error
        except OSError as error:
            if not is_full(error):
                raise
            raise no_room(thing) from error

    try:
        return await services.decodings.run(client, decode_and_store)
    except CrowdedError as error:
        headers = {"Retry-After": str(AGAIN_S)}
        raise RefusalError(refusals.TOO_MANY_REQUESTS, headers=headers, seconds=AGAIN_S) from error
