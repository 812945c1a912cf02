"""How an artwork came about, in five seconds: the photo, the canvas as it developed, the artwork."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import pairwise

from PIL import Image

from app.downloads.keepsakes import Keepsake, artwork_within, photo_at
from app.jobs.models import Job
from app.jobs.storage import keys
from app.jobs.storage.protocol import BlobNotFoundError
from app.services import Services

SIDE = 512
MOST_CANVASES = 20
ONSET = 4  # steps from the photo to the first canvas, which differ most
STEPS = 24  # in all, about
PHOTO_MS, STEPS_MS, ARTWORK_MS = 700, 2400, 1800
MOST_BYTES = 2_000_000
QUALITIES = (80, 65, 50, 35, 20)


def timelapse(services: Services, job: Job) -> bytes:
    """A WebP that begins with the photo, rests on the artwork and begins again: 4.9 s, at most SIDE pixels long.

    Between the canvases that were kept it cross-fades. Where none was, because nothing was painted stroke by stroke,
    the photo becomes the artwork.

    Raises:
        RefusalError: photo or artwork are gone.
        OSError: one of them is damaged.
    """
    artwork = artwork_within(services, job, SIDE, SIDE)
    stills = [photo_at(services, job, artwork.size), *canvases(services, job, artwork.size), artwork]
    steps = list(between(stills))
    durations = [PHOTO_MS, *[round(STEPS_MS / len(steps))] * len(steps), ARTWORK_MS]
    frames = [stills[0], *steps, artwork]
    for quality in QUALITIES:
        content = animated(frames, durations, quality)
        if len(content) <= MOST_BYTES:
            break
    return content


def canvases(services: Services, job: Job, size: tuple[int, int]) -> Iterator[Image.Image]:
    """The canvas at up to MOST_CANVASES moments of the painting, by the previews that were kept, in this size."""
    found = map(keys.preview_of, services.storage.list(keys.job_prefix(job.id)))
    shown = sorted((number, fence) for fence, number in filter(None, found))
    for number, fence in spread(shown, MOST_CANVASES):
        try:
            preview = services.storage.get(keys.preview_key(job.id, fence, number))
        except BlobNotFoundError:  # It was deleted since.
            continue
        yield Image.open(io.BytesIO(preview), formats=["WEBP"]).convert("RGB").resize(size, Image.Resampling.BICUBIC)


def spread(things: Sequence[tuple[int, int]], most: int) -> Sequence[tuple[int, int]]:
    """At most so many of them, evenly, with the first and the last."""
    if len(things) <= most:
        return things
    return [things[round(place * (len(things) - 1) / (most - 1))] for place in range(most)]


def between(stills: Sequence[Image.Image]) -> Iterator[Image.Image]:
    """From the first still to just before the last: the others, and as many cross-fades as make about STEPS steps."""
    gaps = len(stills) - 1
    each = max(1, (STEPS - ONSET) // max(1, gaps - 1))
    for place, (old, new) in enumerate(pairwise(stills)):
        parts = STEPS if gaps == 1 else ONSET if place == 0 else each
        for part in range(1, parts + 1):
            if part < parts:
                yield Image.blend(old, new, part / parts)
            elif place < gaps - 1:
                yield new


def animated(frames: Sequence[Image.Image], durations_ms: Sequence[int], quality: int) -> bytes:
    """The frames as a WebP that is shown over and over."""
    buffer = io.BytesIO()
    first, *others = frames
    first.save(
        buffer, "WEBP", save_all=True, append_images=others, duration=list(durations_ms), loop=0, quality=quality,
        method=2,
    )  # fmt: skip
    return buffer.getvalue()


TIMELAPSE = Keepsake("timelapse.webp", "image/webp", timelapse)
