"""Uploads as the front end stores them, for tests of what comes after it."""

from __future__ import annotations

import base64
import io
import json
import secrets

from PIL import Image

from app.jobs.ids import own_style
from app.jobs.masks import MaskFacts
from app.jobs.storage import keys
from app.jobs.storage.local import LocalStorage
from app.jobs.storage.protocol import Storage


class FullDisk(LocalStorage):
    """A disk that is full once a file's description is to be written."""

    def put(self, key: str, content: bytes, *, replace: bool = True) -> None:
        if key.endswith(".json"):
            raise OSError(28, "No space left on device")
        super().put(key, content, replace=replace)


def store_mask(storage: Storage, photo_id: str, mask: Image.Image, colors: dict[str, float] | None = None) -> str:
    """Keep a mask of a photo, whose colours have these shares; its id."""
    mask_id = secrets.token_hex(16)
    storage.put(keys.mask_key(photo_id, mask_id), encoded(mask, "PNG"))
    grid = base64.b64encode(mask.convert("L").resize((32, 32)).tobytes()).decode()
    facts = MaskFacts(width=mask.width, height=mask.height, white=0.5, colors=colors or {}, grid=grid)
    storage.put(keys.mask_meta_key(photo_id, mask_id), facts.model_dump_json().encode())
    return mask_id


def store_part_map(storage: Storage, painting_id: str, picture: Image.Image, colors: dict[str, float]) -> str:
    """Keep a map of a person's own painting's parts, whose colours have these shares; its id."""
    map_id = secrets.token_hex(16)
    storage.put(keys.part_map_key(painting_id, map_id), encoded(picture, "PNG"))
    grid = base64.b64encode(picture.convert("RGB").resize((32, 32)).tobytes()).decode()
    facts = MaskFacts(width=picture.width, height=picture.height, white=0.5, colors=colors, grid=grid)
    storage.put(keys.part_map_meta_key(painting_id, map_id), facts.model_dump_json().encode())
    return map_id


def store_painting(storage: Storage, painting: Image.Image) -> str:
    """Keep a person's own painting; its id as a style."""
    identifier = secrets.token_hex(16)
    storage.put(keys.painting_key(identifier), encoded(painting, "JPEG", quality=95))
    storage.put(keys.painting_meta_key(identifier), json.dumps({"created_at": 0}).encode())
    return own_style(identifier)


def encoded(image: Image.Image, file_format: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
