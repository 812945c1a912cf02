"""People's own paintings: kept under an id that only its browser knows, and painted after like any other.

app/darkroom/parent.py decodes them as it does photos; the worker measures them once and keeps the fingerprint beside
them.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.darkroom.developed import DecodedPhoto
from app.jobs.ids import OWN_PREFIX, own_painting, own_style
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError, Storage
from app.uploads.photos import Places, put
from app.web import id_cookies

COOKIE = "atelier_paintings"


@dataclass(frozen=True)
class OwnPainting:
    """A painting that is kept, with its style's id, `own_…`, and its size in pixels."""

    id: str
    width: int
    height: int


def store(painting: DecodedPhoto, storage: Storage, client: str = "") -> OwnPainting:
    """Keep a decoded painting under a new id, as `photos.put`.

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
    return OwnPainting(own_style(identifier), painting.width, painting.height)


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
