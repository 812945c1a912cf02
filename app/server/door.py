"""Who is connected, and who leaves where there is no room: so many connections of one address, and of all together.

Whoever comes next gets in as long as somebody else is waited for: the client that has said nothing for longest makes
room, and never one whose request is being answered.
"""

from __future__ import annotations

import logging
import resource
from typing import Protocol

from uvicorn.middleware.proxy_headers import _TrustedHosts  # what the middleware believes, in its own words

from app.settings import Settings
from app.web.limits import LOCAL, address_of

CONNECTIONS_SHARE = 0.75  # of the files that this process may have open; the others are for what is asked for
SAY_EVERY_S = 60.0
log = logging.getLogger(__name__)


class Guest(Protocol):
    """A connection."""

    client: tuple[str, int] | None

    def is_waited_for(self) -> bool:
        """Whether it is its client's turn: to send more, or to take what was sent."""

    def leave(self) -> None:
        """End at once."""


Order = dict[Guest, None]  # the longest silent first; a dictionary keeps its order, and finds at once


class Door:
    """The connections of one web process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._proxies = _TrustedHosts(settings.trusted_proxies)
        self._all: Order = {}
        self._of: dict[str, Order] = {}
        self._sent_away = 0
        self._say_at = 0.0

    def enter(self, guest: Guest, now: float) -> bool:
        """Let a connection in, if need be instead of another; whether there is room. `now` is in monotonic seconds."""
        address = self._counted_as(guest)
        most = self.settings.address_connections
        is_room = not (address and most) or self._has_room(self._of.get(address, {}), most, now)
        if not is_room or not self._has_room(self._all, most_in_all(), now):
            return False
        self._all[guest] = None
        self._of.setdefault(address, {})[guest] = None
        return True

    def hear(self, guest: Guest) -> None:
        """Note that a connection has said something."""
        if guest in self._all:
            for order in (self._all, self._of[self._counted_as(guest)]):
                del order[guest]
                order[guest] = None

    def forget(self, guest: Guest) -> None:
        """Note that a connection has ended; nothing happens where that is known."""
        if guest in self._all:
            del self._all[guest]
            address = self._counted_as(guest)
            del self._of[address][guest]
            if not self._of[address]:
                del self._of[address]

    def _counted_as(self, guest: Guest) -> str:
        """The address whose connections are counted; empty for a proxy, whose are those of all its visitors."""
        address = address_of({"client": guest.client})
        return "" if address == LOCAL or (guest.client and guest.client[0] in self._proxies) else address

    def _has_room(self, those: Order, most: int, now: float) -> bool:
        """Whether there is room for one more beside those, now or after the longest silent of them has left."""
        if len(those) < most:
            return True
        self._say_that_it_is_full(now)
        silent = next((each for each in those if each.is_waited_for()), None)
        if silent is None:
            return False
        self.forget(silent)
        silent.leave()
        return True

    def _say_that_it_is_full(self, now: float) -> None:
        """Once in a while: whoever opens connections is not to fill the log as well."""
        self._sent_away += 1
        if now >= self._say_at:
            log.warning("too many connections: %d were closed since this was last said", self._sent_away)
            self._sent_away, self._say_at = 0, now + SAY_EVERY_S


def most_in_all() -> int:
    """So many connections that files can still be opened for what they ask for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return int(CONNECTIONS_SHARE * soft) if soft != resource.RLIM_INFINITY else 1 << 20
