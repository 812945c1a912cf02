"""The JSON API's uploads: photos, their masks, people's own paintings."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from app import refusals
from app.api.problems import problems
from app.refusals import Kind, RefusalError, Thing
from app.services import Services, ServicesHere
from app.uploads import paintings
from app.uploads.deleting import delete_painting, delete_photo
from app.uploads.keep import keep_mask, keep_painting, keep_photo
from app.uploads.room import check_quota, check_room
from app.web.forms import read_form, uploaded_file
from app.web.limits import client_of

router = APIRouter(prefix="/api/v1", tags=["api"])
PhotoId = Annotated[str, Path(description="The photo's id, 32 hexadecimal digits.")]
PaintingId = Annotated[str, Path(description="The painting's id as a style, `own_` and 32 hexadecimal digits.")]
MOST_FILES, MOST_FIELDS = 4, 40
FORMATS = "JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF, JPEG 2000 or HEIC."


class PhotoAnswer(BaseModel):
    """A photo that is kept, with its size in pixels after turning it upright."""

    id: str
    width: int
    height: int
    transparent: bool = Field(description="Whether any part of it is, which `keep_transparency` may give back.")


class MaskAnswer(BaseModel):
    """A mask that is kept, with its size in pixels."""

    id: str
    width: int
    height: int
    colors: list[str] = Field(description="Its main colours, the commonest first; each may mean a style.")


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


async def form_of(request: Request, services: Services, thing: Thing) -> FormData:
    """The request's form, which holds one file. It is not read where there is no room, or no more may be kept of the
    client: what is read takes room as well.

    Raises:
        RefusalError: that is so; or it is too large, has too many parts, or did not arrive in one piece.
    """
    await to_thread.run_sync(check_room, services, thing)
    await to_thread.run_sync(check_quota, services, client_of(request, services.secret), thing)
    try:
        return await read_form(request, MOST_FILES, MOST_FIELDS)
    except RefusalError as refusal:
        raise (refusal.beside(thing) if refusal.kind.field else refusal) from refusal


def file_of(form: FormData, name: str, missing: Kind) -> UploadFile:
    """The form's file of this name.

    Raises:
        RefusalError: `missing`.
    """
    file = uploaded_file(form, name)
    if file is None:
        raise RefusalError(missing)
    return file


@router.post(
    "/photos",
    status_code=201,
    summary="Keep a photo",
    response_description="Kept.",
    responses=problems(400, 403, 413, 415, 422, 429, 507),
    openapi_extra=form_with("photo"),
)
async def create_photo(request: Request, services: ServicesHere) -> PhotoAnswer:
    """The photo is turned upright, converted to sRGB and put on white; its metadata is dropped, its transparency kept
    beside it.
    """
    form = await form_of(request, services, "photo")
    try:
        file = file_of(form, "photo", refusals.PHOTO_MISSING).file
        photo = await keep_photo(services, file, client_of(request, services.secret))
    finally:
        await form.close()
    return PhotoAnswer(id=photo.id, width=photo.width, height=photo.height, transparent=photo.is_transparent)


@router.delete(
    "/photos/{photo_id}",
    status_code=204,
    summary="Delete a photo and all its artworks now",
    response_description="Gone.",
    responses=problems(403, 404, 422, 429, 503, 507),
)
def remove_photo(photo_id: PhotoId, services: ServicesHere) -> None:
    """Whatever was made or is being made from it goes with it. Deleting twice is harmless."""
    delete_photo(services, photo_id)


@router.post(
    "/photos/{photo_id}/masks",
    status_code=201,
    summary="Keep a mask of a photo",
    response_description="Kept, as long as the photo.",
    responses=problems(400, 403, 404, 413, 415, 422, 429, 507),
    openapi_extra=form_with("mask"),
)
async def create_mask(photo_id: PhotoId, request: Request, services: ServicesHere) -> MaskAnswer:
    """White means yes, black and transparent no. It is stretched over the photo, so it may have any size. A mask with
    clear colours stays a map of them, and each may mean another style. The same mask sent again has the same id.
    """
    form = await form_of(request, services, "mask")
    try:
        file = file_of(form, "mask", refusals.MASK_MISSING).file
        mask = await keep_mask(services, photo_id, file, client_of(request, services.secret))
    finally:
        await form.close()
    return MaskAnswer(id=mask.id, width=mask.width, height=mask.height, colors=mask.colors)


@router.post(
    "/paintings",
    status_code=201,
    summary="Keep a painting of your own",
    response_description="Kept.",
    responses=problems(400, 403, 413, 415, 422, 429, 507),
    openapi_extra=form_with("painting", "style_map"),
)
async def create_painting(request: Request, services: ServicesHere, response: Response) -> PaintingAnswer:
    """Its id is a style's, and known to nobody else. It is kept for some time after the last job that uses it, and with
    it the map of its parts, for doodles, if one is sent as `style_map`.
    """
    form = await form_of(request, services, "painting")
    try:
        file, drawn = file_of(form, "painting", refusals.PAINTING_MISSING).file, uploaded_file(form, "style_map")
        client = client_of(request, services.secret)
        painting = await keep_painting(services, file, client, drawn.file if drawn else None)
    finally:
        await form.close()
    paintings.remember(request, response, painting, services.secret)
    return PaintingAnswer(
        id=painting.id,
        width=painting.width,
        height=painting.height,
        part_map=painting.part_map,
        parts=list(painting.parts),
    )


@router.get("/paintings", summary="This browser's own paintings", response_description="The list, newest first.")
def list_paintings(request: Request, services: ServicesHere, response: Response) -> list[PaintingAnswer]:
    """Those that a cookie of this browser names and that are still here; a program without cookies has none."""
    response.headers["Cache-Control"] = "private, no-cache"
    found = paintings.remembered(request, services.secret, services.storage)
    return [PaintingAnswer(id=each.id, width=each.width, height=each.height) for each in found]


@router.delete(
    "/paintings/{painting_id}",
    status_code=204,
    summary="Delete a painting of your own now",
    response_description="Gone.",
    responses=problems(403, 404, 422, 429, 503, 507),
)
def remove_painting(painting_id: PaintingId, services: ServicesHere) -> None:
    """Jobs that still need it fail and say so; artworks that were made after it stay. Deleting twice is harmless."""
    delete_painting(services, painting_id)
