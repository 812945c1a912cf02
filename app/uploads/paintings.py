"""People's own paintings: kept under an id that only its browser knows, and painted after like any other.

app/darkroom/parent.py decodes them as it does photos; the worker measures them once and keeps the fingerprint beside
them.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app import refusals
from app.darkroom.developed import DecodedMask, DecodedPhoto
from app.jobs.ids import OWN_PREFIX, own_painting, own_style
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError, Storage
from app.refusals import RefusalError
from app.uploads.masks import StoredMask, facts_of
from app.uploads.photos import Places, put
from app.web import id_cookies

COOKIE = "atelier_paintings"
MOST_MAPS = 60  # of one painting


@dataclass(frozen=True)
class OwnPainting:
    """A painting that is kept, with its style's id, `own_…`, and its size in pixels.

    `part_map` is the id of the map of its parts, whose colours `parts` are.
    """

    id: str
    width: int
    height: int
    part_map: str | None = None
    parts: tuple[str, ...] = ()


def store(painting: DecodedPhoto, storage: Storage, client: str = "", drawn: DecodedMask | None = None) -> OwnPainting:
    """Keep a decoded painting under a new id, as `photos.put`, and the map of its parts, if one was drawn.

    Raises:
        OSError: the storage has no room or can't be reached.
    """
    identifier = secrets.token_hex(16)
    places = Places(
        keys.painting_prefix(identifier),
        keys.painting_key(identifier),
        keys.painting_thumb_key(identifier),
        keys.painting_meta_key(identifier),
    )
    put(painting, places, storage, client)
    if drawn is None:
        return OwnPainting(own_style(identifier), painting.width, painting.height)
    kept = store_map(identifier, drawn, storage)
    return OwnPainting(own_style(identifier), painting.width, painting.height, kept.id, tuple(kept.colors))


def store_map(identifier: str, drawn: DecodedMask, storage: Storage) -> StoredMask:
    """Keep a map of a painting's parts beside it. The same map gets the same id, so sending it again adds nothing.

    Raises:
        RefusalError: the painting has as many maps as it may have.
        OSError: the storage has no room or can't be reached.
    """
    map_id, facts = hashlib.sha256(drawn.png).hexdigest()[:32], facts_of(drawn)
    key, meta_key = keys.part_map_key(identifier, map_id), keys.part_map_meta_key(identifier, map_id)
    prefix = keys.painting_prefix(identifier)
    kept = [each for each in storage.list(prefix) if each.startswith(f"{prefix}parts-") and each.endswith(".png")]
    if key not in kept and len(kept) >= MOST_MAPS:
        raise RefusalError(refusals.PART_MAPS_TOO_MANY, limit=MOST_MAPS)
    storage.put(key, drawn.png)
    # The facts come last: a map without them was never accepted.
    storage.put(meta_key, facts.model_dump_json().encode())
    return StoredMask(map_id, facts.width, facts.height, facts.rivals([]))


def find(style_id: str, storage: Storage) -> OwnPainting | None:
    """The painting of a style's id; None for one that is not an own painting's, or is gone."""
    identifier = own_painting(style_id)
    if identifier is None:
        return None
    try:
        meta = json.loads(storage.get(keys.painting_meta_key(identifier)))
    except (BlobNotFoundError, ValueError):
        return None
    return OwnPainting(style_id, meta["width"], meta["height"])


def thumb(style_id: str, storage: Storage) -> bytes | None:
    """The painting as a small WebP."""
    identifier = own_painting(style_id)
    try:
        return storage.get(keys.painting_thumb_key(identifier)) if identifier else None
    except BlobNotFoundError:
        return None


def remembered(request: Request, secret: bytes, storage: Storage) -> list[OwnPainting]:
    """This browser's paintings that are still here, newest first."""
    found = (find(own_style(each), storage) for each in id_cookies.hung(request, secret, COOKIE))
    return [painting for painting in found if painting]


def remember(request: Request, response: Response, painting: OwnPainting, secret: bytes) -> None:
    """Add a painting to those of the browser that gets `response`."""
    id_cookies.add(request, response, [painting.id.removeprefix(OWN_PREFIX)], secret, COOKIE)
