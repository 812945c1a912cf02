"""What a browser says of its reader's language, and what follows from it."""

from __future__ import annotations

from starlette.requests import Request

# Where lengths are in inches in daily life: the United States, Liberia, Myanmar.
INCHES = {"us", "lr", "mm"}


def uses_inches(request: Request) -> bool:
    """Whether the first language in Accept-Language (RFC 9110, section 12.5.4) is that of a country with inches."""
    first = request.headers.get("accept-language", "").split(",")[0].split(";")[0]
    return first.strip().lower().rpartition("-")[2] in INCHES
