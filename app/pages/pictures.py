"""The small pictures that pages show: photos, masks, paintings and maps of their parts."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from app import refusals
from app.gallery import PICTURES, picture
from app.jobs.ids import own_painting
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.refusals import RefusalError
from app.services import ServicesHere
from app.uploads import paintings
from app.web.caching import BRIEFLY, FOREVER

router = APIRouter(include_in_schema=False)


@router.get("/photos/{photo_id}/thumb.webp")
def photo_thumb(photo_id: str, services: ServicesHere) -> Response:
    try:
        thumb = services.storage.get(keys.photo_thumb_key(photo_id))
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.PHOTO_NOT_FOUND) from error
    return Response(thumb, media_type="image/webp", headers={"Cache-Control": BRIEFLY})


@router.get("/photos/{photo_id}/masks/{mask_id}.png")
def mask_picture(photo_id: str, mask_id: str, services: ServicesHere) -> Response:
    try:
        mask = services.storage.get(keys.mask_key(photo_id, mask_id))
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.MASK_NOT_FOUND) from error
    return Response(mask, media_type="image/png", headers={"Cache-Control": BRIEFLY})


@router.get("/paintings/{painting_id}/thumb.webp")
def painting_thumb(painting_id: str, services: ServicesHere) -> Response:
    thumb = paintings.thumb(painting_id, services.storage)
    if thumb is None:
        raise RefusalError(refusals.PAINTING_NOT_FOUND)
    return Response(thumb, media_type="image/webp", headers={"Cache-Control": BRIEFLY})


@router.get("/paintings/{painting_id}/maps/{map_id}.png")
def part_map_picture(painting_id: str, map_id: str, services: ServicesHere) -> Response:
    try:
        drawn = services.storage.get(keys.part_map_key(own_painting(painting_id) or "", map_id))
    except (BlobNotFoundError, ValueError) as error:
        raise RefusalError(refusals.MASK_NOT_FOUND) from error
    return Response(drawn, media_type="image/png", headers={"Cache-Control": BRIEFLY})


@router.get("/styles/{style_id}/{name}")
def style_picture(style_id: str, name: str, services: ServicesHere, v: str = "") -> Response:
    """For good only under the address that the pages have; any other may show something else tomorrow."""
    card = services.gallery.by_id.get(style_id)
    data = picture(card, name) if card and name in PICTURES else None
    if card is None or data is None:
        raise RefusalError(refusals.STYLE_NOT_FOUND)
    is_kept = card.keeps(f"/styles/{style_id}/{name}?v={v}")
    headers = {"Cache-Control": FOREVER if is_kept else "no-cache"}
    return Response(data, media_type=f"image/{name.rpartition('.')[2]}", headers=headers)
