"""How long what is sent may be kept, and whether whoever has kept it knows it as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Header, Response

# What a route declares to be told what whoever asks has kept.
IfNoneMatch = Annotated[str | None, Header()]
FOREVER = "public, max-age=31536000, immutable"  # what never changes under its address
BRIEFLY = "private, max-age=300"  # a picture that its owner may delete: as long as a page or two are looked at


def matches(if_none_match: str, current: str) -> bool:
    """Whether an If-None-Match header names the current ETag (RFC 9110, section 13.1.2)."""
    return current in [each.strip().removeprefix("W/") for each in if_none_match.split(",")]


def json_answer(body: str, headers: Mapping[str, str], if_none_match: str | None) -> Response:
    """An answer with an ETag; only that nothing changed, for whoever knows it."""
    if if_none_match and matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
