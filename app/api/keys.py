"""Idempotency-Key: what is asked for twice is done once."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from app import refusals
from app.refusals import RefusalError
from app.services import Services
from app.web.signing import derived_id

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="idempotency-key",
        description="1 to 200 visible characters. Sent again with the same request, the same job is the answer.",
    ),
]
LONGEST_KEY = 200


def id_of_key(services: Services, key: str | None, what: str, photo: str) -> str | None:
    """The id of what an Idempotency-Key asks for, None without a key.

    It holds within one photo, whose id only its owner knows, so that keys of strangers never meet.

    Raises:
        RefusalError: the key does not fit.
    """
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise RefusalError(refusals.KEY_INVALID)
    return derived_id(services.secret, what, photo, key)
