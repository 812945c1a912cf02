"""The wall: the ids of the jobs that a browser has started, in a signed cookie of that browser and nowhere else."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.security import sign, unsign

COOKIE = "atelier_wall"
# 60 ids of 16 bytes are 1.3 kB in base64; browsers take cookies up to 4 kB.
MOST = 60
ID_BYTES = 16
YEAR_S = 365 * 24 * 3600


def hung(request: Request, secret: bytes) -> list[str]:
    """The ids of this browser's jobs, newest first."""
    payload = unsign(request.cookies.get(COOKIE, ""), secret)
    if not payload:
        return []
    return [payload[start : start + ID_BYTES].hex() for start in range(0, len(payload), ID_BYTES)]


def hang(request: Request, response: Response, job_id: str, secret: bytes) -> None:
    """Adds a job to the wall of the browser that gets `response`."""
    ids = [job_id, *(each for each in hung(request, secret) if each != job_id)][:MOST]
    value = sign(b"".join(bytes.fromhex(each) for each in ids), secret)
    is_https = request.url.scheme == "https"
    response.set_cookie(COOKIE, value, max_age=YEAR_S, httponly=True, samesite="lax", secure=is_https)
