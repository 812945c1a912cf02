"""The server's protocol: what a connection may cost before its request has reached the application.

h11 reads what is sent, within uvicorn. What it leaves open is closed here: how long a client may take, how many there
may be (`Door`), and requests that two servers could read differently.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import h11
from h11._receivebuffer import ReceiveBuffer  # the one place where lines are still as they were sent
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.server.door import Door

# Read by people and in the logs of proxies, so plain ASCII. Of what can't be read, a missing Host is what happens.
UNREADABLE = (
    "This request can't be read. If a proxy sent it: it has to pass on the Host header, "
    'in nginx with "proxy_set_header Host $http_host;".\n'
)
MOST_HEADER_BYTES = 64 * 1024
LOOKS = 4  # in the time that a client has
# A client that sends or takes less than this is taken for one that stands still.
LEAST_BYTES = 1024
# Longer than for uploads: the system's own buffers hide for minutes that a slow client takes something of them.
UNREAD_S = 600.0
ALONE = re.compile(rb"(?<!\r)\n")


class WholeLines(ReceiveBuffer):
    """Lines that end with CR LF. h11 also ends those of a head, and of what follows chunks, at a line feed alone, where
    a proxy in front may see no end.
    """

    def maybe_extract_lines(self) -> list[bytearray] | None:
        sent = bytes(self)
        lines = super().maybe_extract_lines()
        if lines is not None and ALONE.search(sent, 0, len(sent) - len(self)):
            raise h11.LocalProtocolError("a line feed alone")
        return lines

    def maybe_extract_next_line(self) -> bytearray | None:
        line = super().maybe_extract_next_line()
        if line is not None and b"\r" in line[:-2]:  # h11 lets it be in what may follow a chunk's size
            raise h11.LocalProtocolError("a carriage return alone")
        return line


class Strict(h11.Connection):
    """Refuses requests whose length two servers could read differently (RFC 9112, section 6.3): smuggling."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MOST_HEADER_BYTES)
        self._receive_buffer = WholeLines()
        self.requests = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.requests += 1
            names = {name for name, _ in event.headers}
            if b"transfer-encoding" in names and (b"content-length" in names or event.http_version < b"1.1"):
                raise h11.RemoteProtocolError("two lengths")
        return event


class Protocol(H11Protocol):
    """One connection. httptools, which uvicorn prefers, would take any number of headers."""

    def __init__(self, config: Config, *args: Any, **options: Any) -> None:
        super().__init__(config, *args, **options)
        self.conn: Strict = Strict()
        self.ws_protocol_class = None  # it would take the connection from here
        self.door = door_of(config.loaded_app)
        limits = self.door.settings
        self.patience_s = {"head": limits.head_time_limit_s, "body": limits.silence_limit_s, "answer": UNREAD_S}
        self.received_bytes = 0
        self._awaited: tuple[object, ...] | None = None
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.door.enter(self, self.loop.time()):
            self._look()
        else:
            self.leave()

    def data_received(self, data: bytes) -> None:
        self.received_bytes += len(data)
        self.door.hear(self)
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.door.forget(self)
        if self._timer:
            self._timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it says less than we do
        """Answer what cannot be read, unless an answer is under way: then only the end of the connection is left."""
        if self.cycle and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(UNREADABLE)
        else:
            self.leave()

    def is_waited_for(self) -> bool:
        """Whether it is the client's turn."""
        return self.awaited() is not None

    def awaited(self) -> tuple[object, ...] | None:
        """What the client has to do, and how far it has come with it; None while it is our turn."""
        unsent_bytes, theirs = self.transport.get_write_buffer_size(), self.conn.their_state
        if unsent_bytes:
            return "answer", self.conn.requests, unsent_bytes
        if theirs is h11.IDLE:
            return "head", self.conn.requests
        if theirs is h11.SEND_BODY and not self.flow.read_paused and not self.conn.they_are_waiting_for_100_continue:
            return "body", self.conn.requests, self.received_bytes // LEAST_BYTES
        return None

    def leave(self) -> None:
        """End the connection at once; a request that is still arriving ends as if its client had gone."""
        self.transport.abort()

    def _look(self) -> None:
        """See every now and then whether the client gets on with what it has to do."""
        awaited, now = self.awaited(), self.loop.time()
        if awaited != self._awaited:
            self._awaited, self._since = awaited, now
        if awaited and now - self._since >= self.patience_s[str(awaited[0])]:
            self.leave()
        else:
            self._timer = self.loop.call_later(min(self.patience_s.values()) / LOOKS, self._look)


def door_of(app: Any) -> Door:
    """The door of the application, which uvicorn may have wrapped."""
    while not hasattr(app, "state"):
        app = app.app
    door: Door = app.state.door
    return door
