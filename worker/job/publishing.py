"""What is kept of a painting for people to see: previews, the canvas, the artwork with its recipe."""

from __future__ import annotations

import io

from PIL import Image

from app.jobs.files.encoding import encode
from app.jobs.files.recipe import Network, Recipe
from app.jobs.files.strips import Picture
from app.jobs.models import Job
from app.jobs.storage import keys
from app.jobs.storage.protocol import Storage
from worker import engine

PREVIEW_SIDE = 512


def publish(storage: Storage, job: Job, artwork: Picture, canvas: Picture, recipe: Recipe) -> dict[str, int]:
    """Store an attempt's artwork, as PNG and for print, and its canvas if it differs; the fields of the record that
    tell of it.

    Raises:
        OSError: the storage does not take it.
    """
    if job.request.touches_up:
        with storage.writing(keys.canvas_key(job.id, job.fence)) as file:
            encode(canvas, file, "tif")
    with storage.writing(keys.print_key(job.id, job.fence)) as file:
        encode(artwork, file, "tif", recipe.text())
    with storage.writing(keys.artwork_key(job.id, job.fence)) as file:
        encode(artwork, file, "png", recipe.text())
    return {"artwork_width": artwork.width, "artwork_height": artwork.height}


def network_of(extractor: engine.Extractor, options: engine.PaintOptions) -> Network:
    """What a recipe says of the networks that paint with these options."""
    decoder = extractor.decoder.weights_hash if extractor.decoder and engine.decodes(options) else None
    return Network(name=extractor.name, weights=extractor.weights_hash, decoder=decoder)


def preview_of(image: Image.Image) -> bytes:
    """The picture as a small WebP, at most PREVIEW_SIDE pixels long."""
    small = image.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()
