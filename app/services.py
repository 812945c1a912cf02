"""What a running application consists of, and how every route asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import anyio
from fastapi import Depends
from starlette.requests import Request

from app.darkroom.parent import Darkroom
from app.gallery import Gallery
from app.jobs.records.quota import Quota
from app.jobs.records.records import JobRecords
from app.jobs.storage.protocol import Storage
from app.polls import Standings
from app.settings import Settings
from app.turns import Turns

# A JPEG takes about 120 MB and half a second; what waits for its turn lies on disk.
DECODINGS_AT_ONCE = 2
# Of one client, gone or not: as many as it may have connections, unless told otherwise.
MOST_WAITING = 256
# When the queue moves, all who wait get an answer at once; more threads would only keep the event loop from its turn.
ANSWERS_AT_ONCE = 2
# Each takes one processor, a second for 10 megapixels.
ENCODINGS_AT_ONCE = 2


@dataclass(frozen=True)
class Services:
    """What a running application consists of."""

    settings: Settings
    storage: Storage
    records: JobRecords
    gallery: Gallery
    secret: bytes
    standings: Standings
    darkroom: Darkroom
    answers: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(ANSWERS_AT_ONCE))
    encodings: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(ENCODINGS_AT_ONCE))
    decodings: Turns = field(default_factory=lambda: Turns(DECODINGS_AT_ONCE, MOST_WAITING))

    @property
    def quota(self) -> Quota:
        """How many bytes may be kept."""
        return Quota(self.settings.client_quota_mb * 1_000_000, self.settings.quota_mb * 1_000_000)

    def has_room(self) -> bool:
        """Whether the disk has room for uploads; what is left below that is for what was accepted before."""
        return self.storage.free_bytes() >= self.settings.least_free_bytes

    def at(self, path: str) -> str:
        """The address of a path within the site, as it is told to others; empty for none."""
        return path and self.settings.root_path + path


def services_of(request: Request) -> Services:
    """The services of the application that answers this request."""
    services: Services = request.app.state.services
    return services


async def services_here(request: Request) -> Services:
    """The same as a dependency. Async, because FastAPI hands any other to a thread, for every request."""
    return services_of(request)


# What a route declares to be given them.
ServicesHere = Annotated[Services, Depends(services_here)]
