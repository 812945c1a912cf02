"""Ids of what a browser has started or sent, in its signed cookies and nowhere else."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.web.cookies import cookie as kept_in
from app.web.cookies import keep_cookie
from app.web.signing import sign, unsign

COOKIE, SERIES_COOKIE = "atelier_wall", "atelier_series"
# 60 ids of 16 bytes are 1.3 kB in base64; browsers take cookies up to 4 kB.
MOST = 60
ID_BYTES = 16
YEAR_S = 365 * 24 * 3600


def hung(request: Request, secret: bytes, cookie: str = COOKIE) -> list[str]:
    """The ids of this browser's jobs, or of what else `cookie` names, newest first."""
    payload = unsign(kept_in(request, cookie), secret, cookie)
    if not payload:
        return []
    return [payload[start : start + ID_BYTES].hex() for start in range(0, len(payload), ID_BYTES)]


def hang(request: Request, response: Response, job_id: str, secret: bytes) -> None:
    """Adds a job to the wall of the browser that gets `response`."""
    add(request, response, [job_id], secret, COOKIE)


def hang_series(request: Request, response: Response, series_id: str, job_ids: list[str], secret: bytes) -> None:
    """Adds the jobs of a series to that wall, and the way back to their page."""
    add(request, response, job_ids, secret, COOKIE)
    add(request, response, [series_id], secret, SERIES_COOKIE)


def add(request: Request, response: Response, fresh: list[str], secret: bytes, cookie: str) -> None:
    """Adds ids to those that `cookie` names."""
    ids = [*fresh, *(each for each in hung(request, secret, cookie) if each not in fresh)][:MOST]
    value = sign(b"".join(bytes.fromhex(each) for each in ids), secret, cookie)
    keep_cookie(request, response, cookie, value, same_site="lax", max_age_s=YEAR_S)
