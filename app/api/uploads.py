"""The JSON API's uploads: photos, their masks, people's own paintings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO

from anyio import to_thread
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from starlette.datastructures import FormData
from starlette.requests import Request

from app import refusals
from app.api.described import DELETING, described
from app.api.ids import PaintingId, PhotoId
from app.refusals import Kind, RefusalError
from app.services import Services, ServicesHere
from app.uploads import paintings
from app.uploads.deleting import delete_painting, delete_photo
from app.uploads.keep import keep_mask, keep_painting, keep_part_map, keep_photo
from app.uploads.masks import StoredMask
from app.uploads.room import check_quota, check_room
from app.web.forms import read_form, uploaded_file
from app.web.limits import ClientHere

router = APIRouter(prefix="/api/v1", tags=["api"])
MOST_FILES, MOST_FIELDS = 4, 40
# The refusals of what keeps a file, and of what keeps one with something that is here.
KEEPING = (400, 403, 413, 415, 422, 429, 507)
KEEPING_WITH = (400, 403, 404, 413, 415, 422, 429, 507)
FORMATS = "JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF, JPEG 2000 or HEIC."


class PhotoAnswer(BaseModel):
    """A photo that is kept, with its size in pixels after turning it upright."""

    id: str
    width: int
    height: int
    transparent: bool = Field(description="Whether any part of it is, which `keep_transparency` may give back.")


class MaskAnswer(BaseModel):
    """A mask or a map that is kept, with its size in pixels."""

    id: str
    width: int
    height: int
    colors: list[str] = Field(
        description="Its main colours, the commonest first; each may mean a style, or a part of one."
    )


class PaintingAnswer(BaseModel):
    """A person's own painting that is kept, with its id as a style and its size in pixels."""

    id: str
    width: int
    height: int
    part_map: str | None = Field(default=None, description="Id of the map of its parts that was sent with it.")
    parts: list[str] = Field(default=[], description="The map's colours, each of which is a part's name.")


def form_with(name: str, *others: str) -> dict[str, Any]:
    """A form with one file, and perhaps others, for the OpenAPI document."""
    file = {"type": "string", "format": "binary", "description": FORMATS}
    schema = {"type": "object", "required": [name], "properties": dict.fromkeys((name, *others), file)}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


@asynccontextmanager
async def form_of(request: Request, services: Services, client: str, thing: str) -> AsyncIterator[FormData]:
    """The request's form, which holds one file. It is not read where there is no room, or no more may be kept of the
    client: what is read takes room as well.

    Raises:
        RefusalError: that is so; or it is too large, has too many parts, or did not arrive in one piece.
    """
    await to_thread.run_sync(check_room, services, thing)
    await to_thread.run_sync(check_quota, services, client, thing)
    try:
        form = await read_form(request, MOST_FILES, MOST_FIELDS)
    except RefusalError as refusal:
        raise (refusal.beside(thing) if refusal.kind.field else refusal) from refusal
    try:
        yield form
    finally:
        await form.close()


def file_of(form: FormData, name: str, missing: Kind) -> BinaryIO:
    """The form's file of this name.

    Raises:
        RefusalError: `missing`.
    """
    sent = uploaded_file(form, name)
    if sent is None:
        raise RefusalError(missing)
    return sent.file


@router.post("/photos", **described("Keep a photo", 201, "Kept.", *KEEPING), openapi_extra=form_with("photo"))
async def create_photo(request: Request, client: ClientHere, services: ServicesHere) -> PhotoAnswer:
    """The photo is turned upright, converted to sRGB and put on white; its metadata is dropped, its transparency kept
    beside it.
    """
    async with form_of(request, services, client, "photo") as form:
        photo = await keep_photo(services, file_of(form, "photo", refusals.PHOTO_MISSING), client)
    return PhotoAnswer(id=photo.id, width=photo.width, height=photo.height, transparent=photo.is_transparent)


@router.delete("/photos/{photo_id}", **described("Delete a photo and all its artworks now", 204, "Gone.", *DELETING))
def remove_photo(photo_id: PhotoId, services: ServicesHere) -> None:
    """Whatever was made or is being made from it goes with it. Deleting twice is harmless."""
    delete_photo(services, photo_id)


@router.post(
    "/photos/{photo_id}/masks",
    **described("Keep a mask of a photo", 201, "Kept, as long as the photo.", *KEEPING_WITH),
    openapi_extra=form_with("mask"),
)
async def create_mask(photo_id: PhotoId, request: Request, client: ClientHere, services: ServicesHere) -> MaskAnswer:
    """White means yes, black and transparent no. It is stretched over the photo, so it may have any size. A mask with
    clear colours stays a map of them, and each may mean another style. The same mask sent again has the same id.
    """
    async with form_of(request, services, client, "mask") as form:
        mask = await keep_mask(services, photo_id, file_of(form, "mask", refusals.MASK_MISSING), client)
    return mask_answer(mask)


@router.post(
    "/paintings",
    **described("Keep a painting of your own", 201, "Kept.", *KEEPING),
    openapi_extra=form_with("painting", "style_map"),
)
async def create_painting(
    request: Request, client: ClientHere, services: ServicesHere, response: Response
) -> PaintingAnswer:
    """Its id is a style's, and known to nobody else. It is kept for some time after the last job that uses it, and with
    it the map of its parts, for doodles, if one is sent as `style_map`.
    """
    async with form_of(request, services, client, "painting") as form:
        file, drawn = file_of(form, "painting", refusals.PAINTING_MISSING), uploaded_file(form, "style_map")
        painting = await keep_painting(services, file, client, drawn.file if drawn else None)
    paintings.remember(request, response, painting, services.secret)
    return PaintingAnswer(
        id=painting.id,
        width=painting.width,
        height=painting.height,
        part_map=painting.part_map,
        parts=list(painting.parts),
    )


@router.post(
    "/paintings/{painting_id}/maps",
    **described(
        "Keep a map of the parts of a painting of your own", 201, "Kept, as long as the painting.", *KEEPING_WITH
    ),
    openapi_extra=form_with("style_map"),
)
async def create_part_map(
    painting_id: PaintingId, request: Request, client: ClientHere, services: ServicesHere
) -> MaskAnswer:
    """Each of its plain colours is a part, for doodles, which name the map's id as `style_map`. It is stretched over
    the painting, so it may have any size. The same map sent again has the same id.
    """
    async with form_of(request, services, client, "style_map") as form:
        drawn = await keep_part_map(
            services, painting_id, file_of(form, "style_map", refusals.PART_MAP_MISSING), client
        )
    return mask_answer(drawn)


def mask_answer(kept: StoredMask) -> MaskAnswer:
    """What is told of a mask, or of a map, that is kept."""
    return MaskAnswer(id=kept.id, width=kept.width, height=kept.height, colors=kept.colors)


@router.get("/paintings", summary="This browser's own paintings", response_description="The list, newest first.")
def list_paintings(request: Request, services: ServicesHere, response: Response) -> list[PaintingAnswer]:
    """Those that a cookie of this browser names and that are still here; a program without cookies has none."""
    response.headers["Cache-Control"] = "private, no-cache"
    found = paintings.remembered(request, services.secret, services.storage)
    return [PaintingAnswer(id=each.id, width=each.width, height=each.height) for each in found]


@router.delete("/paintings/{painting_id}", **described("Delete a painting of your own now", 204, "Gone.", *DELETING))
def remove_painting(painting_id: PaintingId, services: ServicesHere) -> None:
    """Jobs that still need it fail and say so; artworks that were made after it stay. Deleting twice is harmless."""
    delete_painting(services, painting_id)
