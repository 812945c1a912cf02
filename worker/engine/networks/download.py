"""A file from the net: gone on with where it was cut off, no longer than it may be, from nowhere else than is meant.

What the bytes are is for the caller to judge.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate, parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from worker.engine.errors import BusyError, DownloadError, UnreachableError

TRIES = 5
TIMEOUT_S = 30
CHUNK_BYTES = 1 << 16
# Before the second try; doubled before each further one, unless the server says how long it wants to be left alone.
PAUSE_S = 2.0
# Who would have to wait for longer is told so instead.
MOST_PAUSE_S = 120.0
BUSY = (429, 503)
# RFC 9110, section 15.5.17: to who asks for what comes after a file's end.
NOTHING_LEFT = 416


@dataclass(frozen=True)
class Remote:
    """A file that lies elsewhere.

    Attributes:
        limit_bytes: how long it may be.
        headers: sent with each request for it.
        domains: where else a redirect may lead, by https: to these names and those below them.
    """

    url: str
    limit_bytes: int
    headers: Mapping[str, str] = field(default_factory=dict)
    domains: tuple[str, ...] = ()

    def may_lead_to(self, url: str) -> bool:
        """Whether a redirect to this address is followed."""
        start, there = urlsplit(self.url), urlsplit(url)
        if (there.scheme, there.netloc) == (start.scheme, start.netloc):
            return True
        name = f".{there.hostname or ''}"
        return there.scheme == "https" and any(name.endswith(f".{domain}") for domain in self.domains)


class CutOffError(DownloadError):
    """The connection ended before the file did."""


def download(
    remote: Remote,
    partial: Path,
    report: Callable[[int, int], None] | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Download a file to `partial`, which then is whole. What an earlier call left there is gone on with.

    That is done only where the server knows by the time of change (Last-Modified, which `partial` has as its own) that
    it is still the same file; else it comes anew. A download that is cut off, and a server that is busy, are tried
    again after a pause, TRIES times in all; `wait(seconds)` makes it. `report(done_bytes, total_bytes)` is called as
    the download goes on; the total is 0 where the server does not say. On errors, and when it is interrupted, what
    has come stays for the next call.

    Raises:
        UnreachableError: there is no connection.
        BusyError: the server is busy, or wants to be left alone for longer than MOST_PAUSE_S.
        DownloadError: the server has no such file, or a longer one, or leads elsewhere, or the connection broke.
        OSError: the file cannot be written.
    """
    opener = build_opener(_Within(remote))
    for attempt in range(TRIES):
        try:
            _receive(remote, partial, report, opener)
            return
        except (BusyError, CutOffError) as error:
            asked = error.pause_s if isinstance(error, BusyError) else None
            pause = PAUSE_S * 2**attempt if asked is None else max(asked, PAUSE_S)
            if attempt == TRIES - 1 or pause > MOST_PAUSE_S:
                raise
            wait(pause)


class _Within(HTTPRedirectHandler):
    """Follows redirects to where they may lead, and nowhere else."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        if not self.remote.may_lead_to(newurl):
            fp.close()
            raise DownloadError(f"{self.remote.url} leads to {newurl}, which is somewhere else and was not asked.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _receive(remote: Remote, partial: Path, report: Callable[[int, int], None] | None, opener: OpenerDirector) -> None:
    """One try.

    Raises:
        BusyError, CutOffError: another may do.
    """
    have = partial.stat().st_size if partial.exists() else 0
    headers = dict(remote.headers)
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": formatdate(partial.stat().st_mtime, usegmt=True)}
    try:
        response = opener.open(Request(remote.url, headers=headers), timeout=TIMEOUT_S)
    except HTTPError as error:
        error.close()
        if error.code == NOTHING_LEFT and error.headers.get("Content-Range") == f"bytes */{have}":
            return
        raise _refusal(remote, error) from error
    except URLError as error:
        raise UnreachableError(f"{remote.url} cannot be reached: {error.reason}.") from error
    except (HTTPException, OSError) as error:
        raise CutOffError(f"{remote.url} broke off before it answered: {error!r}.") from error
    with response:
        start = have if response.status == 206 else 0
        if start and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            partial.unlink()
            raise CutOffError(f"{remote.url} goes on with another part of the file than was asked for.")
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdecimal() else 0
        changed = _seconds(response.headers.get("Last-Modified"))
        try:
            with partial.open("ab" if start else "wb") as file:
                _copy(remote, response, file, start, total, report)
        except _TooLongError:
            partial.unlink()
            raise
        finally:
            # A file without a time of change keeps the present one, which the server will not know again.
            if changed is not None and partial.exists():
                os.utime(partial, (changed, changed))
    if total and partial.stat().st_size != total:
        raise CutOffError(f"{remote.url} was cut off after {partial.stat().st_size} of {total} bytes.")


class _TooLongError(DownloadError):
    """There is more of the file than there may be."""


def _copy(
    remote: Remote,
    response: IO[bytes],
    file: IO[bytes],
    start: int,
    total: int,
    report: Callable[[int, int], None] | None,
) -> None:
    done = start
    while True:
        if max(done, total) > remote.limit_bytes:
            raise _TooLongError(
                f"{remote.url} has {max(done, total) / 1e6:.1f} MB or more, and {remote.limit_bytes / 1e6:.0f} MB are "
                "the most that is taken of it."
            )
        try:
            chunk = response.read(CHUNK_BYTES)
        except (HTTPException, OSError) as error:
            raise CutOffError(f"{remote.url} was cut off after {done} bytes: {error!r}.") from error
        if not chunk:
            return
        file.write(chunk)
        done += len(chunk)
        if report:
            report(done, total)


def _refusal(remote: Remote, error: HTTPError) -> DownloadError:
    if error.code in BUSY:
        pause = _pause(error.headers.get("Retry-After"))
        when = f" for {pause:.0f} seconds" if pause else ""
        return BusyError(f"{remote.url} answers {error.code} and wants to be left alone{when}.", pause)
    return DownloadError(f"{remote.url} answers {error.code} {error.reason}.")


def _pause(retry_after: str | None) -> float | None:
    """The seconds of a Retry-After (RFC 9110, section 10.2.3), which has them, or a date."""
    if retry_after and retry_after.strip().isdecimal():
        return float(retry_after)
    moment = _seconds(retry_after)
    return None if moment is None else max(0.0, moment - time.time())


def _seconds(date: str | None) -> float | None:
    """A header's date in seconds since 1970."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None
