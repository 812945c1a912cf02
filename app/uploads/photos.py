"""Photos that were taken in: kept under an id of ours, and found again. app/darkroom/parent.py decodes them."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import NamedTuple

from app.darkroom.developed import DecodedPhoto
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError, Storage

# iPhones and Macs convert HEIC themselves where it is not listed, so it is not, even where it can be read.
ACCEPT = "image/jpeg,image/png,image/webp,image/avif,image/tiff,image/bmp,image/gif,image/jp2"


@dataclass(frozen=True)
class StoredPhoto:
    """A photo that is kept under its id; `is_transparent` where any part of it was."""

    id: str
    width: int
    height: int
    is_transparent: bool = False


def store(photo: DecodedPhoto, storage: Storage, client: str = "") -> StoredPhoto:
    """Keep a decoded photo under a new id, as `put`.

    Raises:
        OSError: the storage has no room or can't be reached.
    """
    stored = StoredPhoto(secrets.token_hex(16), photo.width, photo.height, bool(photo.alpha_png))
    places = Places(
        keys.photo_prefix(stored.id),
        keys.photo_key(stored.id),
        keys.photo_thumb_key(stored.id),
        keys.photo_meta_key(stored.id),
        keys.photo_alpha_key(stored.id),
    )
    put(photo, places, storage, client)
    return stored


class Places(NamedTuple):
    """Keys a decoded picture is kept under: the prefix of all, the picture, its thumbnail, what is known of it; and its
    transparency, if that is kept.
    """

    prefix: str
    picture: str
    thumb: str
    meta: str
    alpha: str = ""


def put(picture: DecodedPhoto, places: Places, storage: Storage, client: str = "") -> None:
    """Keep a decoded picture of a client; where that fails half-way, what was written is taken back.

    Raises:
        OSError: the storage has no room or can't be reached.
    """
    meta = {"width": picture.width, "height": picture.height, "created_at": storage.now(), "client": client}
    try:
        if places.alpha and picture.alpha_png:
            meta["is_transparent"] = True
            storage.put(places.alpha, picture.alpha_png)
        storage.put(places.picture, picture.photo_jpeg)
        storage.put(places.thumb, picture.thumb_webp)
        # The meta file comes last: a picture without one was never accepted.
        storage.put(places.meta, json.dumps(meta).encode())
    except OSError:
        storage.delete_prefix(places.prefix)
        raise


def find(photo_id: str, storage: Storage) -> StoredPhoto | None:
    """The stored photo of an id, or None for an id that was never given out or whose photo is gone."""
    try:
        meta = json.loads(storage.get(keys.photo_meta_key(photo_id)))
    except (BlobNotFoundError, ValueError):
        return None
    # Earlier releases knew of no transparency.
    return StoredPhoto(photo_id, meta["width"], meta["height"], meta.get("is_transparent", False))
