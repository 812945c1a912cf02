"""Photo and painting in one picture, beside each other like two prints on a mat."""

from __future__ import annotations

import io

from PIL import Image

from app.downloads.keepsakes import Keepsake, artwork_within, photo_at
from app.jobs.models import Job
from app.services import Services

SIDE = 2048  # of each picture, at most
MAT = (255, 251, 243)
BROAD = 1.9  # what is broader lies above the other, or nothing would be left of its height
GAP = 0.03  # of the longer side


def collage(services: Services, job: Job) -> bytes:
    """The photo at the left or above, the artwork beside or below it, both equally large, as JPEG.

    Raises:
        RefusalError: one of them is gone.
        OSError: one of them is damaged.
    """
    artwork = artwork_within(services, job, SIDE, SIDE)
    picture = beside(photo_at(services, job, artwork.size), artwork)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()


def beside(first: Image.Image, second: Image.Image) -> Image.Image:
    """Two pictures of one size on one mat."""
    width, height = first.size
    gap = max(2, round(GAP * max(width, height)))
    across, down = (width + gap, 0) if width < BROAD * height else (0, height + gap)
    mat = Image.new("RGB", (width + across + 2 * gap, height + down + 2 * gap), MAT)
    mat.paste(first, (gap, gap))
    mat.paste(second, (gap + across, gap + down))
    return mat


COLLAGE = Keepsake("beside-photo.jpg", "image/jpeg", collage)
