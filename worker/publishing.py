"""What is stored of a painting for people to see: previews, the canvas, the artwork with its recipe."""

from __future__ import annotations

import io

from PIL import Image, PngImagePlugin

from app.jobs import keys
from app.jobs.blobs import Storage
from app.jobs.models import Job
from app.jobs.recipe import KEYWORD, Recipe

PREVIEW_SIDE = 512


def publish(storage: Storage, job: Job, artwork: Image.Image, canvas: Image.Image, recipe: Recipe) -> dict[str, int]:
    """Store an attempt's artwork, and its canvas if it differs; the fields of the record that tell of it.

    Raises:
        OSError: the storage does not take it.
    """
    if job.request.touches_up:
        storage.put(keys.canvas_key(job.id, job.fence), png(canvas))
    storage.put(keys.artwork_key(job.id, job.fence), png(artwork, recipe))
    return {"artwork_width": artwork.width, "artwork_height": artwork.height}


def png(image: Image.Image, recipe: Recipe | None = None) -> bytes:
    """The picture as PNG, without metadata but for a recipe."""
    buffer, info = io.BytesIO(), PngImagePlugin.PngInfo()
    if recipe:
        info.add_itxt(KEYWORD, recipe.text())
    image.save(buffer, "PNG", compress_level=6, pnginfo=info)
    return buffer.getvalue()


def preview_of(image: Image.Image) -> bytes:
    """The picture as a small WebP, at most PREVIEW_SIDE pixels long."""
    small = image.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()
